"""Heads that turn to profile and beyond in a clip: how well takes hold there.

python -m benchmarks.turned --face-data FOLDER --peer PYTHON [--sequences FOLDER]

The rendered sequences of the main benchmark, the same people, with heads that turn three times as far. Each figure is
told of the frames to 45 degrees yaw and of those beyond. "Canonical": what skin the take's mesh shows at a pixel, from
the skin that is truly there, in canonical coordinates; the other columns are those of `truth.py` and `tracks.py`.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from faceanything_addon.footage import open_footage
from faceanything_addon.model.tracker import FaceTracker
from faceanything_addon.template import load_template

from . import measures as m
from .bands import SIDE
from .clips import ask_peer, capture
from .surface import compare, corner_shares, face_skin, face_triangles, rasterised
from .tracks import IRISES, arguments, errors, map_tracks, mesh_tracks, nearest_vertices, project
from .truth import dense_errors, gaze_degrees, read_truth, render, truth_size

MM = 1000.0
TURNED = 45.0  # degrees
TITLES = (
    "sequence", "yaw", "frames", "found", "dense mm", "depth RMSE mm", "normals °", "canonical mean mm", "median",
    "wrong side %", "gaze °", "between frames: take mm", "network alone", "MediaPipe", "its faces found",
)  # fmt: skip
Arrays = dict[str, np.ndarray]


def canonical_map(vertices: np.ndarray, intrinsics: np.ndarray, size: int) -> np.ndarray:
    """(V, 3) in camera space -> (size, size, 3) canonical coordinates of the face's skin, NaN elsewhere."""
    triangles, face = face_triangles()
    ids, bary, _ = rasterised(project(vertices, intrinsics), vertices[:, 2], size)
    hit = ids >= 0
    hit[hit] = face[ids[hit]]
    share = corner_shares(bary[hit])
    out = np.full((size, size, 3), np.nan)
    out[hit] = np.einsum("nk,nkd->nd", share, load_template().vertices[triangles[ids[hit]]])
    return out


def canonical_errors(own: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two canonical maps (n, n, 3) -> (N,) mm where both show the face; (M,) bool, on the wrong side of the face."""
    both = np.isfinite(own[..., 0]) & np.isfinite(truth[..., 0])
    a, b = own[both], truth[both]
    sure = (np.abs(a[:, 0]) > SIDE) & (np.abs(b[:, 0]) > SIDE)
    return MM * np.linalg.norm(a - b, axis=1), (a[:, 0] * b[:, 0] < 0)[sure]


def skin_errors(take: Arrays, truth: Arrays, among: np.ndarray) -> tuple[float, float, float]:
    """Canonical error of some frames (F,) bool: mean and median in mm, and the share on the wrong side in percent."""
    size, off, swapped = truth_size(truth), [], []
    for k in np.flatnonzero(among & take["found"]):
        own = canonical_map(take["vertices"][k], take["intrinsics"][k], size)
        error, wrong = canonical_errors(own, canonical_map(truth["vertices"][k], truth["intrinsics"], size))
        off.append(error)
        swapped.append(wrong)
    all_off = np.concatenate(off)
    return float(all_off.mean()), float(np.median(all_off)), float(100 * np.concatenate(swapped).mean())


def figures(take: Arrays, truth: Arrays, tracks: Arrays, vertices: Arrays, among: np.ndarray) -> list[float]:
    """What TITLES name, from "frames" on, of some frames (F,) bool."""
    f = among & take["found"]
    seen = truth["visible"] & face_skin(load_template())
    own, true = take["vertices"][f], truth["vertices"][f]
    surface = compare(own, take["intrinsics"][f], true, truth["intrinsics"], truth_size(truth))
    followed = [errors(tracks[name], vertices[name], truth, among).mean() for name in tracks]
    peers = np.isfinite(tracks["MediaPipe"][among, 0, 0]).mean()
    return [
        among.sum(),
        take["found"][among].mean(),
        dense_errors(own, true, seen[f]),
        *surface,
        *skin_errors(take, truth, among),
        gaze_degrees(take["gaze"][f], truth["gaze"][f]),
        *followed,
        peers,
    ]


def judge(clip: Path, python: str) -> dict[str, list[float]]:
    """A sequence's figures to 45 degrees and beyond."""
    truth, template = read_truth(clip), load_template()
    images = [f.image for f in open_footage(clip).frames()]
    with tempfile.TemporaryDirectory() as folder:
        take, _ = capture(clip, Path(folder))
        peer, _ = ask_peer(python, np.stack(images), Path(folder))
    tracker = FaceTracker(template)
    alone = map_tracks([tracker.next(image) for image in images])
    tracks = {"take": mesh_tracks(take), "network alone": alone, "MediaPipe": peer[:, :-IRISES, :2]}
    skin = np.flatnonzero(face_skin(template))
    vertices = {"take": skin, "network alone": skin, "MediaPipe": nearest_vertices(tracks["MediaPipe"], truth)}
    turned = m.yaw(truth["pose"]) > TURNED
    chosen = {"to 45": ~turned, "beyond": turned}
    return {name: figures(take, truth, tracks, vertices, f) for name, f in chosen.items() if f.any()}


def line(name: str, band: str, values: list[float]) -> str:
    """One row of the table."""
    return f"| {name} | {band} | {values[0]:.0f} | " + " | ".join(f"{v:.2f}" for v in values[1:]) + " |"


def summary(rows: list[list[float]]) -> list[float]:
    """Sum of the frames, and the other figures' means over frames."""
    table = np.array(rows)
    weight = table[:, 0]
    return [weight.sum(), *(weight @ table[:, 1:] / weight.sum())]


def main() -> None:
    options = arguments(__doc__)
    print("| " + " | ".join(TITLES) + " |\n" + "|---" * len(TITLES) + "|")
    rows: dict[str, list[list[float]]] = {}
    for seed in options.seeds:
        for band, values in judge(render(options.face_data, options.sequences, seed, "turned"), options.peer).items():
            rows.setdefault(band, []).append(values)
            print(line(f"seed {seed}", band, values), flush=True)
    for band, several in rows.items():
        print(line("**all**", band, summary(several)))


if __name__ == "__main__":
    main()
