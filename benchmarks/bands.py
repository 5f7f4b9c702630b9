"""The network on rendered pictures of held-out people, by yaw, skin, age and occlusion; the peer on the same pictures.

python -m benchmarks.bands --face-data FOLDER --peer PYTHON [--count 600]
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.sight import along_axis, rays
from faceanything_addon.solve.gaze import camera_toward
from faceanything_addon.template import Part, Template, load_template

from . import measures as m
from .fitted import fitted
from .pictures import SIZE, Truth, ask, draw, landmarks, look, to_truth

MM = 1000.0
NEAR = 0.03  # metres: a pixel whose neighbour is further off lies on an edge and has no normal
ELSEWHERE = 30.0  # mm: points that are off by as much on average lie on something else
SIDE = 0.01  # metres from the middle at which left and right can be told
LID_SHUT, LIP_SHUT = 1.0, 0.8  # mm, true gaps
LID_TOLD, LIP_TOLD = 2.0, 1.6  # mm, gaps that count as seen shut
GAPS = {"right lid": (4, 5), "left lid": (6, 7), "lip": (15, 16)}  # of the 20 points
GROUPS = {
    "eye corners": (0, 1, 2, 3),
    "lids": (4, 5, 6, 7),
    "nose": (8, 9, 10),
    "mouth": (11, 12, 13, 14),
    "inner lips": (15, 16),
    "brows": (17, 18),
    "chin": (19,),
}
Row = dict[str, float]


def millimetres(truth: Truth) -> float:
    """Of a pixel of the picture at the head's origin."""
    return float(MM * truth.pose[2, 3] / truth.focal)


def directions(truth: Truth) -> np.ndarray:
    """(h, w, 3) rays of the maps' pixels, with unit z."""
    y, x = np.mgrid[: truth.depth.shape[0], : truth.depth.shape[1]] * 2 + 0.5
    camera = np.array([[truth.focal, 0, truth.principal[0]], [0, truth.focal, truth.principal[1]], [0, 0, 1]])
    return rays(np.stack([x, y], axis=-1), camera)


def normals(depth: np.ndarray, truth: Truth) -> np.ndarray:
    """(h, w) metres along the optical axis -> (h, w, 3) unit normals, NaN on edges."""
    place = directions(truth) * depth[..., None]
    dx, dy = np.gradient(place, axis=1), np.gradient(place, axis=0)
    out = np.cross(dy, dx)
    edge = np.maximum(np.abs(dx[..., 2]), np.abs(dy[..., 2])) > NEAR / 2
    out[edge] = np.nan
    return out / np.linalg.norm(out, axis=-1, keepdims=True)


def dense(template: Template, truth: Truth, maps: FaceMaps) -> Row:
    """Errors of the maps where both see the face; a face that is found elsewhere is not found."""
    part = to_truth(maps.part, maps, nearest=True)
    both = (truth.part > 0) & (part > 0)
    if both.sum() < 50:
        return {"found": 0.0}
    canonical = to_truth(maps.canonical, maps)
    depth = along_axis(to_truth(maps.depth, maps), directions(truth), truth.pose[:3, 3])
    error = MM * np.linalg.norm(canonical - truth.canonical, axis=-1)
    face = both & (truth.part == Part.SKIN) & (truth.canonical[..., 2] > -0.02)
    off = MM * (depth - truth.depth)[face]
    wide = both & (np.abs(truth.canonical[..., 0]) > SIDE)
    swapped = (np.abs(canonical[..., 0]) > SIDE) & (canonical[..., 0] * truth.canonical[..., 0] < 0)
    return {
        "canonical": float(error[face].mean()),
        "canonical median": float(np.median(error[face])),
        "canonical all": float(error[both].mean()),
        "depth": float(np.sqrt(((off - off.mean()) ** 2).mean())),
        "relief": scaled_rmse(depth[face], truth.depth[face]),
        "normals": normal_error(depth, truth, face),
        "parts": float((part == truth.part).mean()),
        "side": float(100 * swapped[wide].mean()) if wide.any() else np.nan,
    }


def scaled_rmse(depth: np.ndarray, truth: np.ndarray) -> float:
    """RMSE in mm of depths (N,) after the best scale and shift."""
    a, b = depth - depth.mean(), truth - truth.mean()
    return float(MM * np.sqrt(((a * (a @ b) / (a @ a + 1e-12) - b) ** 2).mean()))


def normal_error(depth: np.ndarray, truth: Truth, face: np.ndarray) -> float:
    """Mean angle in degrees between the normals of a depth map and the true ones."""
    origin = truth.pose[2, 3]
    cosine = (normals(depth + origin, truth) * normals(truth.depth + origin, truth)).sum(-1)[face]
    return float(np.degrees(np.nanmean(np.arccos(cosine.clip(-1, 1)))))


def gaps(points20: np.ndarray, scale: float) -> Row:
    """Openings in mm from (20, 2) pixels."""
    return {name: scale * float(np.linalg.norm(points20[a] - points20[b])) for name, (a, b) in GAPS.items()}


def sparse(guess: np.ndarray, truth20: np.ndarray, truth: Truth) -> Row:
    """Opening errors in mm, and whether what is shut is seen shut (NaN where it is open)."""
    scale = millimetres(truth)
    own, true = gaps(guess, scale), gaps(truth20, scale)
    lids = [n for n in GAPS if "lid" in n]
    shut = [n for n in lids if true[n] < LID_SHUT]
    return {
        "lid gap": float(np.mean([abs(own[n] - true[n]) for n in lids])),
        "lip gap": abs(own["lip"] - true["lip"]),
        "blink recall": 100 * float(np.mean([own[n] < LID_TOLD for n in shut])) if shut else np.nan,
        "lip recall": 100 * float(own["lip"] < LIP_TOLD) if true["lip"] < LIP_SHUT else np.nan,
    }


def judge(template: Template, truth: Truth, maps: FaceMaps, truth20: np.ndarray) -> Row:
    """All figures of the network on one picture."""
    row: Row = {"found": 100.0 * maps.found}
    if not maps.found:
        return row
    row |= dense(template, truth, maps)
    assert maps.gaze is not None
    cosine = (in_camera(template, truth, maps.gaze) * truth.gaze).sum(-1).clip(-1, 1)
    row["gaze"] = float(np.degrees(np.arccos(cosine)).mean())
    guess = m.ours20(landmarks(template, maps.points, maps.point_sigma)[None])[0]
    return row | sparse(guess, truth20, truth)


def in_camera(template: Template, truth: Truth, gaze: np.ndarray) -> np.ndarray:
    """(2, 3) in the axes of cameras turned to each eye -> in the picture's camera's."""
    places = template.eye_centers @ truth.pose[:3, :3].T + truth.pose[:3, 3]
    return np.stack([camera_toward(place) @ g for place, g in zip(places, gaze, strict=True)])


def point_errors(guess: np.ndarray, truths: list[Truth], truth20: np.ndarray) -> np.ndarray:
    """(N, 20) mm across the picture between (N, 20, 2) pixels; NaN where the face is not found, or found elsewhere.

    One offset of each point in the head's own axes is taken out: where exactly a point lies is a matter of its
    definition.
    """
    off = (guess - truth20) * np.array([millimetres(t) for t in truths])[:, None, None]
    off[~(np.linalg.norm(off, axis=2).mean(axis=1) < ELSEWHERE)] = np.nan
    heads = np.stack([t.pose[:2, :3] for t in truths]).astype(np.float64)
    shift = np.stack([steady_offset(off[:, point], heads) for point in range(off.shape[1])])
    return np.linalg.norm(off - np.einsum("nij,pj->npi", heads, shift), axis=2)


def steady_offset(off: np.ndarray, heads: np.ndarray, rounds: int = 20) -> np.ndarray:
    """(3,) mm in head axes that explains offsets (N, 2) across pictures best, by least distances.

    Args:
        heads: (N, 2, 3) head axes -> across the picture.
    """
    known = np.isfinite(off[:, 0])
    a, b, shift = heads[known], off[known], np.zeros(3)
    for _ in range(rounds):  # least squares, weighed by one over the distance that was left
        weight = 1 / np.maximum(np.linalg.norm(b - a @ shift, axis=1), 0.2)
        normal = np.einsum("n,nij,nik->jk", weight, a, a) + 1e-6 * np.eye(3)
        shift = np.linalg.solve(normal, np.einsum("n,nij,ni->j", weight, a, b))
    return shift


def bands(truths: list[Truth]) -> dict[str, np.ndarray]:
    """Name of a band -> (N,) bool."""
    yaws, covered = m.yaw(np.stack([t.pose for t in truths])), np.array([t.covered for t in truths])
    tone, age = np.array([t.tone for t in truths]), np.array([t.age for t in truths])
    dark, light = np.quantile(tone, [1 / 3, 2 / 3])
    front = yaws <= 45
    return {
        "all": np.ones(len(truths), bool),
        "yaw to 15": yaws <= 15,
        "yaw 15-45": (yaws > 15) & front,
        "yaw to 45": front,
        "yaw 45-90": ~front,
        "yaw to 45, free (under 5 % covered)": front & (covered < 0.05),
        "covered 5-25 %": (covered >= 0.05) & (covered < 0.25),
        "covered over 25 %": covered >= 0.25,
        "darkest third": tone <= dark,
        "middle third": (tone > dark) & (tone < light),
        "lightest third": tone >= light,
        "darkest third, yaw to 45": (tone <= dark) & front,
        "lightest third, yaw to 45": (tone >= light) & front,
        "young skin": age == "young",
        "middle-aged skin": age == "middleage",
        "old skin": age == "old",
    }


COLUMNS = {
    "found": "found %",
    "canonical": "canonical mm",
    "canonical median": "median mm",
    "canonical all": "whole head mm",
    "depth": "depth RMSE mm",
    "relief": "scaled mm",
    "normals": "normals °",
    "parts": "parts",
    "side": "wrong side %",
    "gaze": "gaze °",
    "lid gap": "lid gap mm",
    "lip gap": "lip gap mm",
    "blink recall": "blinks %",
    "lip recall": "shut lips %",
}


FITTED = ("canonical", "canonical median", "canonical all", "depth", "relief", "normals", "side")


def table(rows: list[Row], chosen: dict[str, np.ndarray], columns: tuple[str, ...] = tuple(COLUMNS)) -> str:
    """Markdown: a line per band, the mean of each column."""
    titles = [COLUMNS[c] for c in columns]
    lines = ["| pictures | number | " + " | ".join(titles) + " |", "|---" * (len(columns) + 2) + "|"]
    for name, mask in chosen.items():
        values = [[row.get(c, np.nan) for c in columns] for row, take in zip(rows, mask, strict=True) if take]
        means = np.nanmean(np.array(values), axis=0) if values else np.full(len(columns), np.nan)
        lines.append(f"| {name} | {mask.sum()} | " + " | ".join(f"{v:.2f}" for v in means) + " |")
    return "\n".join(lines) + "\n"


def group_table(systems: dict[str, np.ndarray], chosen: dict[str, np.ndarray]) -> str:
    """Markdown: mean (median) point error of each system by group, over pictures in which all find the face."""
    both = np.all([np.isfinite(e[:, 0]) for e in systems.values()], axis=0)
    lines = ["| pictures | system | " + " | ".join([*GROUPS, "all"]) + " |", "|---" * (len(GROUPS) + 3) + "|"]
    for name, mask in chosen.items():
        for system, errors in systems.items():
            part = errors[mask & both]
            cells = [part[:, list(g)] for g in GROUPS.values()] + [part]
            told = " | ".join(f"{np.mean(c):.2f} ({np.median(c):.2f})" for c in cells)
            lines.append(f"| {name} ({len(part)}) | {system} | {told} |")
    return "\n".join(lines) + "\n"


def measure(face_data: Path, cache: Path, count: int, python: str, tell: Callable[[str], None] = print) -> None:
    """The networks alone, the mesh that each picture gives, and landmarks beside the peer's."""
    template = load_template()
    truths = draw(face_data, cache, count)
    maps = look(template, truths)
    truth20 = np.stack([m.ours20(landmarks(template, t.points)[None])[0] for t in truths])
    rows = [judge(template, t, f, p) for t, f, p in zip(truths, maps, truth20, strict=True)]
    chosen = bands(truths)
    tell(table(rows, chosen))
    meshes = [
        dense(template, t, fitted(template, f, SIZE)) if f.found else {} for t, f in zip(truths, maps, strict=True)
    ]
    tell("The mesh fitted to each picture alone, read back at its pixels:\n")
    tell(table(meshes, chosen, FITTED))
    found = np.array([f.found for f in maps])
    own = np.stack([m.ours20(landmarks(template, f.points, f.point_sigma + 1e-3)[None])[0] for f in maps])
    own[~found] = np.nan
    peer = ask(python, truths)
    systems = {"this": own, "MediaPipe": m.peers20(peer)}
    errors = {name: point_errors(points, truths, truth20) for name, points in systems.items()}
    shares = [f"{name} {100 * np.isfinite(e[:, 0]).mean():.1f} %" for name, e in errors.items()]
    tell(f"Faces found where they are: {', '.join(shares)}.\n")
    tell(group_table(errors, chosen))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--face-data", type=Path, required=True, help="folder of the head models")
    parser.add_argument("--peer", required=True, help="Python of the peer's environment")
    parser.add_argument("--count", type=int, default=600, help="pictures drawn, some of which show no face")
    parser.add_argument("--pictures", type=Path, default=Path("build/pictures"), help="where these are kept")
    options = parser.parse_args()
    measure(options.face_data, options.pictures, options.count, options.peer)


if __name__ == "__main__":
    main()
