"""Lays the half topology over the mean head: flat first, then relaxed on the surface."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from . import topology as topo
from .headmodel import HeadModel
from .surface import Points, boundary_loops, harmonic, laplace, locate

EAR_ELLIPSE = (-0.15, 1.3, 2.3, 3.9)  # z, y of its centre and half axes, cm, side view


def disc(faces: np.ndarray, loop: np.ndarray, angles: np.ndarray, n: int) -> np.ndarray:
    """Tutte embedding in the unit disc with the loop at given angles, (n, 2)."""
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    used = np.unique(faces)
    local = np.full(n, -1)
    local[used] = np.arange(len(used))
    flat = np.zeros((n, 2))
    flat[used] = harmonic(laplace(local[faces], len(used)), local[loop], circle)
    return flat


def arc_angles(points: np.ndarray, start: float = 0.0) -> np.ndarray:
    """Angles round the circle in proportion to a closed loop's length."""
    steps = np.linalg.norm(np.roll(points, -1, axis=0) - points, axis=1)
    return start + 2 * np.pi * np.r_[0, np.cumsum(steps)[:-1]] / steps.sum()


class HalfSkin:
    """The subject's left half of the head model's skin, flattened."""

    def __init__(self, head: HeadModel) -> None:
        self.head = head
        quads = head.skin_quads
        self.quads = quads[(head.vertices[quads][:, :, 0] > -1e-3).all(1)]
        self.triangles = np.concatenate([self.quads[:, [0, 1, 2]], self.quads[:, [0, 2, 3]]])
        loops = sorted(boundary_loops(self.quads), key=len)
        self.eye, self.rim = loops[0], loops[-1]
        n = len(head.vertices)
        steps = np.linalg.norm(np.roll(head.vertices[self.rim], -1, 0) - head.vertices[self.rim], axis=1)
        even = np.arange(len(self.rim)) / len(self.rim)
        angles = 2 * np.pi * (0.5 * even + 0.5 * np.r_[0, np.cumsum(steps)[:-1]] / steps.sum())
        filled = np.concatenate([self.triangles, fan(self.eye, n)])
        self.flat = disc(filled, self.rim, angles, n + 1)[:n]

    def path(self, first: int, last: int) -> np.ndarray:
        """Rim vertices from one to another, along the rim's direction."""
        at = {int(v): i for i, v in enumerate(self.rim)}
        i, j = at[first], at[last]
        return np.roll(self.rim, -i)[: (j - i) % len(self.rim) + 1]


def fan(loop: np.ndarray, center: int) -> np.ndarray:
    """Triangles that fill a hole from an extra vertex; the loop runs with the hole on its right."""
    return np.stack([np.roll(loop, -1), loop, np.full(len(loop), center)], axis=1)


def spread(skin: HalfSkin, path: np.ndarray, count: int) -> np.ndarray:
    """Flat positions of `count` points evenly along a path of vertices (in 3D length), ends included."""
    both = np.concatenate([skin.head.vertices[path], skin.flat[path]], axis=1)
    length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(both[:, :3], axis=0), axis=1))]
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, both[:, k]) for k in (3, 4)], axis=1)


def pin_rim(skin: HalfSkin) -> dict[topo.Key, np.ndarray]:
    """Flat places of the topology's rim: midlines, lips, neck."""
    head, end = skin.head, topo.ring_length(topo.MOUTH)
    front, back = topo.front_midline(), topo.back_midline()
    n_mouth = topo.MOUTH.rings
    lower = front[: topo.MOUTH.r0 + n_mouth + 1]
    upper = front[topo.MOUTH.r0 + n_mouth + 1 :]
    lips = [topo.ring_key(topo.MOUTH, n_mouth, i) for i in range(end + 1)]
    neck = [topo.grid_key(c, 0) for c in range(topo.COLUMNS + 1)]
    mark = head.midline_marks(skin.rim)
    # along the rim's direction: neck, back and crown, forehead to upper lip, lips, chin to neck
    legs: list[tuple[list[topo.Key], list[tuple[topo.Key, int]]]] = [
        (neck, [(neck[0], mark["neck_front"]), (neck[-1], mark["neck_back"])]),
        (
            [*back, upper[-1]],
            [(back[0], mark["neck_back"]), (back[topo.ROWS], mark["crown_back"]), (upper[-1], mark["crown_front"])],
        ),
        (
            upper[::-1],
            [
                (upper[-1], mark["crown_front"]),
                (topo.grid_key(0, topo.NASION_ROW), mark["nasion"]),
                (topo.grid_key(0, topo.NOSE_TIP_ROW), mark["nose_tip"]),
                (topo.grid_key(0, topo.MOUTH.r1), mark["subnasale"]),
                (topo.ring_key(topo.MOUTH, topo.VERMILION, end), mark["lip_top"]),
                (upper[0], mark["lip_upper"]),
            ],
        ),
        (
            lips[::-1],
            [(lips[-1], mark["lip_upper"]), (lips[end // 2], mark["lip_corner"]), (lips[0], mark["lip_lower"])],
        ),
        (
            lower[::-1],
            [
                (lower[-1], mark["lip_lower"]),
                (topo.ring_key(topo.MOUTH, topo.VERMILION, 0), mark["lip_bottom"]),
                (topo.grid_key(0, topo.MOUTH.r0), mark["sulcus"]),
                (topo.grid_key(0, topo.CHIN_ROW), mark["chin"]),
                (lower[0], mark["neck_front"]),
            ],
        ),
    ]
    pins: dict[topo.Key, np.ndarray] = {}
    for keys, anchors in legs:
        for (key_a, a), (key_b, b) in zip(anchors, anchors[1:], strict=False):
            part = keys[keys.index(key_a) : keys.index(key_b) + 1]
            pins.update(zip(part, spread(skin, skin.path(a, b), len(part)), strict=True))
    return pins


def pin_eye(skin: HalfSkin) -> dict[topo.Key, np.ndarray]:
    """Flat places of the lid margin. Medial corner in the middle of the block's left side."""
    n = topo.ring_length(topo.EYE)
    loop = skin.eye[::-1]  # the hole's loop runs clockwise seen from outside
    x = skin.head.vertices[loop, 0]
    loop = np.roll(loop, -int(np.argmin(x)))
    lateral = int(np.argmax(skin.head.vertices[loop, 0]))
    keys = [topo.ring_key(topo.EYE, topo.EYE.rings, (n - 4 + i) % n) for i in range(n)]
    lower = spread(skin, loop[: lateral + 1], 19)
    upper = spread(skin, np.r_[loop[lateral:], loop[0]], 19)
    return dict(zip(keys, np.concatenate([lower[:-1], upper[:-1]]), strict=True))


def pin_lips(skin: HalfSkin) -> dict[topo.Key, np.ndarray]:
    """Flat places of the lips' border and of the line where they meet, from the landmarks."""
    contours = {topo.VERMILION: (57, 56, 55, 54, 53, 52, 51), topo.CONTACT: (66, 65, 64, 63, 62)}
    end = topo.ring_length(topo.MOUTH)
    pins = {}
    for ring, marks in contours.items():
        flat = skin.flat[skin.head.landmarks[list(marks)]]
        length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(flat, axis=0), axis=1))]
        corner = length[len(marks) // 2]
        at = np.r_[np.linspace(0, corner, end // 2 + 1), np.linspace(corner, length[-1], end // 2 + 1)[1:]]
        curve = PchipInterpolator(length, flat)(at)
        pins.update({topo.ring_key(topo.MOUTH, ring, i): curve[i] for i in range(1, end)})
    return pins


def pin_ear(skin: HalfSkin) -> dict[topo.Key, np.ndarray]:
    """Flat places of a ring on the head round the ear's root."""
    z0, y0, rz, ry = EAR_ELLIPSE
    border = topo.EAR.border()
    n = len(border)
    # border runs from the front lower corner: bottom, back side, top, front side
    corner = np.arctan2(-0.75, 0.65)
    angles = corner - np.r_[0, np.cumsum(np.full(n - 1, 2 * np.pi / n))]
    v = skin.head.vertices
    used = np.unique(skin.quads)
    used = used[v[used, 0] > 3]
    pins = {}
    for key, a in zip(border, angles, strict=True):
        z, y = z0 + rz * np.cos(a), y0 + ry * np.sin(a)
        cost = np.hypot(v[used, 2] - z, v[used, 1] - y) + 0.35 * v[used, 0]
        pins[topo.grid_key(*key)] = skin.flat[used[int(np.argmin(cost))]]
    return pins


def flat_layout(half: topo.HalfTopology, pins: dict[topo.Key, np.ndarray]) -> tuple[list[topo.Key], np.ndarray]:
    """All keys and their flat places, harmonic between the pins."""
    keys = half.keys()
    number = {k: i for i, k in enumerate(keys)}
    quads = np.array([[number[k] for k in q] for q in half.quads])
    fixed = np.array([number[k] for k in pins])
    return keys, harmonic(laplace(quads, len(keys)), fixed, np.array(list(pins.values())))


def relax(skin: HalfSkin, quads: np.ndarray, places: Points, rounds: np.ndarray) -> Points:
    """Even out the quads on the surface.

    Args:
        rounds: (N,) how many rounds each point takes part in; the midline stays in its plane.
    """
    v = skin.head.vertices
    matrix = laplace(quads, len(rounds))
    degree = matrix.diagonal()
    p = places.of(v)
    middle = p[:, 0] < 1e-3
    for step in range(int(rounds.max())):
        move = rounds > step
        target = p - 0.5 * (matrix @ p) / degree[:, None]
        target[middle, 0] = 0
        spot = locate(target[move], v, skin.triangles, near=12)
        index, weight = places.index.copy(), places.weight.copy()
        index[move], weight[move] = spot.index, spot.weight
        places = Points(index, weight)
        p = places.of(v)
        p[middle, 0] = 0
    return places


def relaxing_rounds(keys: list[topo.Key], pinned: set[topo.Key]) -> np.ndarray:
    """Most of the skin relaxes well; the ear a little; lips, lids and the rim's ends not at all."""
    rounds = np.full(len(keys), 60)
    ear_ring = {topo.grid_key(*b) for b in topo.EAR.border()}
    for i, key in enumerate(keys):
        if key[0] in ("ear", "ear_cap") or key in ear_ring:
            rounds[i] = 6
        if key[0] == "grid" and key[1] <= topo.NOSE_COLUMNS and topo.NOSE_ROWS[0] <= key[2] <= topo.NOSE_ROWS[1]:
            rounds[i] = 10  # the nose keeps its density
        still = key[0] in topo.STILL_RINGS and key[1] >= topo.STILL_RINGS[key[0]]
        neck = key[0] == "grid" and key[2] == 0
        if still or neck or key in pinned:
            rounds[i] = 0
    return rounds


def embed_skin(head: HeadModel) -> tuple[list[topo.Key], np.ndarray, Points]:
    """Keys, quads (Q, 4) and places of the left half of the skin."""
    skin = HalfSkin(head)
    half = topo.build_half()
    rim, eye, lips = pin_rim(skin), pin_eye(skin), pin_lips(skin)
    keys, flat = flat_layout(half, {**lips, **rim, **eye, **pin_ear(skin)})
    number = {k: i for i, k in enumerate(keys)}
    quads = np.array([[number[k] for k in q] for q in half.quads])
    places = locate(flat, skin.flat, skin.triangles)
    anchors = {topo.grid_key(0, topo.NOSE_TIP_ROW)}  # the nose's tip keeps its place
    return keys, quads, relax(skin, quads, places, relaxing_rounds(keys, {*lips, *eye, *anchors}))


def embed_inside(head: HeadModel, outside: dict[topo.Key, np.ndarray]) -> tuple[list[topo.Key], np.ndarray, Points]:
    """Keys, quads and places of the mouth bag and the lids' back; `outside` gives 3D places of skin keys, cm."""
    half = topo.build_inside()
    keys = half.keys()
    number = {k: i for i, k in enumerate(keys)}
    quads = np.array([[number[k] for k in q] for q in half.quads])
    index, weight = np.zeros((len(keys), 3), int), np.zeros((len(keys), 3))
    for name, tri, depth in (("mouth", head.mouth_triangles, 0.0), ("eye", head.socket_triangles, 0.62)):
        mine = [i for i, k in enumerate(keys) if k[0].startswith(name) or (k[0] == "grid")]
        loop = boundary_loops(tri)[0]
        loop = np.roll(loop, -int(np.argmin(np.abs(head.vertices[loop, 0]) * 10 + head.vertices[loop, 1])))
        flat = disc(tri, loop, arc_angles(head.vertices[loop]), len(head.vertices))
        local = place_inside(name, [keys[i] for i in mine], outside, head, loop, flat, depth)
        spots = locate(local, flat[np.unique(tri)], np.searchsorted(np.unique(tri), tri))
        index[mine], weight[mine] = np.unique(tri)[spots.index], spots.weight
    return keys, quads, Points(index, weight)


def place_inside(
    name: str,
    names: list[topo.Key],
    outside: dict[topo.Key, np.ndarray],
    head: HeadModel,
    loop: np.ndarray,
    flat: np.ndarray,
    depth: float,
) -> np.ndarray:
    """Flat places: the rim where the skin ends, harmonic inwards (mouth) or evenly in radius (lids)."""
    rim3 = head.vertices[np.r_[loop, loop[0]]]
    rim2 = np.concatenate([flat[loop], flat[loop[:1]]])
    rim_at = {k: project_on(rim3, rim2, outside[k]) for k in names if k in outside}
    if name == "eye":
        last = topo.SOCKET.rings - topo.EYE.rings
        rings = {k: (k[1] - topo.EYE.rings) / last for k in names}
        return np.array([rim_at[("eye", topo.EYE.rings, k[2])] * (1 - (1 - depth) * rings[k]) for k in names])
    local = {k: i for i, k in enumerate(names)}
    inner = np.array([[local[k] for k in q] for q in topo.build_inside().quads if q[0][0] != "eye"])
    fixed = np.array([local[k] for k in rim_at])
    axis = flat[loop[0]]
    out = mirror_harmonic(names, inner, fixed, np.array(list(rim_at.values())), axis)
    return out


def mirror_harmonic(
    names: list[topo.Key], quads: np.ndarray, fixed: np.ndarray, values: np.ndarray, axis: np.ndarray
) -> np.ndarray:
    """Harmonic in a half disc whose straight side is the line through the origin along `axis`."""
    across = np.array([-axis[1], axis[0]])
    matrix = laplace(quads, len(names))
    end = topo.ring_length(topo.MOUTH)
    middle = [
        i for i, k in enumerate(names) if (k[0] == "mouth" and k[2] in (0, end)) or (k[0] == "mouth_cap" and k[1] == 0)
    ]
    t = harmonic(matrix, fixed, (values @ axis)[:, None])
    both = np.unique(np.r_[fixed, middle])
    wanted = np.zeros((len(names), 1))
    wanted[fixed, 0] = values @ across
    s = harmonic(matrix, both, wanted[both])
    return t * axis + s * across


def project_on(rim3: np.ndarray, rim2: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Flat place of the point of a 3D polyline nearest to `point`."""
    a, d = rim3[:-1], np.diff(rim3, axis=0)
    t = np.clip(((point - a) * d).sum(1) / ((d * d).sum(1) + 1e-12), 0, 1)
    i = int(np.argmin(np.linalg.norm(a + t[:, None] * d - point, axis=1)))
    return rim2[i] + t[i] * (rim2[i + 1] - rim2[i])
