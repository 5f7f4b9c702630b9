"""Named regions, and the sparse points that the network follows."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template.template import Part, Template

from . import topology as topo
from .surface import Points

POINT_COUNT = 254
Box = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
FAR = 1.0
# millimetres, the subject's left side; (x), (y), (z)
BOXES: dict[str, Box] = {
    "brow": ((8, 52), (8, 30), (-5, 60)),
    "cheek": ((22, 80), (-65, -12), (-30, 60)),
    "forehead": ((-80, 80), (28, 90), (-10, 60)),
    "nose": ((-19, 19), (-46, 2), (15, 60)),
    "chin": ((-30, 30), (-125, -82), (-10, 40)),
    "neck": ((-200, 200), (-300, -120), (-300, 60)),
    "shoulders": ((-200, 200), (-300, -150), (-300, 60)),
    "scalp": ((-200, 200), (40, 200), (-300, -10)),
}


def boxed(mean: np.ndarray, box: Box, side: int = 1) -> np.ndarray:
    """(V,) soft membership of a box in millimetres, 6 mm wide edges."""
    v = mean * 1000 * [side, 1, 1]
    weight = np.ones(len(v))
    for axis, (low, high) in enumerate(box):
        weight *= np.clip((v[:, axis] - low) / 6 + 0.5, 0, 1) * np.clip((high - v[:, axis]) / 6 + 0.5, 0, 1)
    return weight


def on_rings(keys: list[topo.Key], count: int, name: str, first: int, last: int, right: bool | None) -> np.ndarray:
    """(V,) 1 on the rings first..last of a block, on one side (None: both)."""
    out = np.zeros(count)
    for i, key in enumerate(keys):
        is_right = key[-1] == "R"
        if key[0] == name and first <= key[1] <= last and (right is None or right == is_right):
            out[i] = 1
    return out


def regions_of(keys: list[topo.Key], mean: np.ndarray, part: np.ndarray) -> dict[str, np.ndarray]:
    """Region name -> (V,) soft weights."""
    n = len(mean)
    skin = part == Part.SKIN
    regions: dict[str, np.ndarray] = {}
    for side, name in ((1, "left"), (-1, "right")):
        right = side < 0
        regions[f"lids_{name}"] = on_rings(keys, n, "eye", 3, topo.EYE.rings, right)
        regions[f"ear_{name}"] = np.maximum(
            on_rings(keys, n, "ear", 1, 99, right),
            np.array([k[0] == "ear_cap" and (k[-1] == "R") == right for k in keys] + [0] * (n - len(keys))),
        )
        for area in ("brow", "cheek"):
            regions[f"{area}_{name}"] = boxed(mean, BOXES[area], side) * skin
    regions["lips"] = on_rings(keys, n, "mouth", topo.VERMILION, topo.MOUTH.rings, None)
    for area in ("forehead", "nose", "chin", "neck", "shoulders", "scalp"):
        regions[area] = boxed(mean, BOXES[area]) * skin
    regions["face"] = boxed(mean, ((-75, 75), (-118, 75), (-35, 80))) * skin
    for label in (Part.EYE_LEFT, Part.EYE_RIGHT, Part.TEETH, Part.TONGUE):
        regions[label.name.lower()] = (part == label).astype(float)
    return regions


def sparse_points(
    keys: list[topo.Key], mean: np.ndarray, part: np.ndarray, mirror: np.ndarray, marks: Points
) -> np.ndarray:
    """Vertices for the network's sparse head: lids, lips, irises, landmarks, then evenly over the face; symmetric."""
    chosen: list[int] = []
    for i, key in enumerate(keys):
        lid = key[0] == "eye" and key[1] in (topo.EYE.rings, topo.EYE.rings - 2) and key[2] % 2 == 0
        lip = key[0] == "mouth" and key[1] in (topo.VERMILION, topo.CONTACT) and key[2] % 2 == 0
        if lid or lip:
            chosen.append(i)
    chosen += iris_points(mean, part)
    chosen += list(marks.index[np.arange(68), marks.weight.argmax(1)])
    chosen = list(dict.fromkeys([*chosen, *(int(mirror[i]) for i in chosen)]))
    face = np.flatnonzero(boxed(mean, ((-80, 80), (-120, 85), (-30, 80))) * (part == Part.SKIN) > 0.5)
    distance = np.min([np.linalg.norm(mean[face] - mean[c], axis=1) for c in chosen], axis=0)
    while len(chosen) < POINT_COUNT:
        best = int(face[distance.argmax()])
        for pick in {best, int(mirror[best])}:
            chosen.append(pick)
            distance = np.minimum(distance, np.linalg.norm(mean[face] - mean[pick], axis=1))
    return np.array(chosen)


def kept_points(old: Template, mean: np.ndarray, part: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """The points of an older template on new topology, in its order: weights trained on them keep their meaning.

    Nearest vertices of the same part, each used once; mirror images stay mirror images.
    """
    place = {int(v): i for i, v in enumerate(old.points)}
    chosen = np.full(len(old.points), -1)
    free = np.ones(len(mean), bool)
    for i, vertex in enumerate(old.points):
        if chosen[i] >= 0:
            continue
        twin = place[int(old.mirror[vertex])]
        fits = free & (part == old.part[vertex]) & ((mirror == np.arange(len(mean))) == (twin == i))
        candidates = np.flatnonzero(fits)
        distance = np.linalg.norm(mean[candidates] - old.vertices[vertex], axis=1)
        chosen[i] = candidates[distance.argmin()]
        chosen[twin] = mirror[chosen[i]]
        free[chosen[[i, twin]]] = False
    return chosen


def iris_points(mean: np.ndarray, part: np.ndarray) -> list[int]:
    """The pupil and eight points round the limbus of each eye."""
    out: list[int] = []
    for label in (Part.EYE_LEFT, Part.EYE_RIGHT):
        ball = np.flatnonzero(part == label)
        center = (mean[ball].max(0) + mean[ball].min(0)) / 2
        d = (mean[ball] - center) / np.linalg.norm(mean[ball] - center, axis=1, keepdims=True)
        aims = [(0.0, 0.0)] + [(31.0, 45.0 * k) for k in range(8)]
        for polar, azimuth in aims:
            p, a = np.radians(polar), np.radians(azimuth)
            out.append(int(ball[np.argmax(d @ [np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)])]))
    return out
