"""Correspondence between frames: does a tracked point stay on the same skin?

python -m benchmarks.tracks --face-data FOLDER --peer PYTHON [--sequences FOLDER]

A point of the skin is picked where a system has it in one frame; where that skin truly is in another is known. The
error is how far from there, across the line of sight, the system has the point then. This is correspondence as the
paper has it, between frames of a clip (arXiv 2604.19702): an error that is the same in all frames, such as where the
corner of a lid is said to be, does not count. "Network alone" has no fit behind it; "depth alone" is the paper's
ablation, `depth_tracks.py`.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from faceanything_addon.footage import open_footage
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.tracker import FaceTracker
from faceanything_addon.template import Part, load_template

from .__main__ import SEEDS
from .clips import ask_peer, capture
from .depth_tracks import depth_tracks
from .surface import face_skin, face_triangles, rasterised
from .truth import read_truth, render, truth_size

MM = 1000.0
FINER = 4  # the truth is drawn at so many times the picture's size
EVERY = 15  # frames between those in which points are picked
NEAREST = 6  # pixels of a canonical map that are averaged for a point of the template
REACH = 0.004  # metres of canonical space within which these lie
IRISES = 10  # the peer's last points
BEHIND = 0.01  # metres: what is picked so far before or behind the point meant is another part of the face


def drawn(
    vertices: np.ndarray, intrinsics: np.ndarray, size: int, whole_head: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) in camera space -> each fine pixel's triangle (n, n), -1 off the face, and its last corners' weights."""
    _, face = face_triangles()
    pixels = (project(vertices, intrinsics) + 0.5) * FINER - 0.5
    ids, bary, _ = rasterised(pixels, vertices[:, 2], size * FINER)
    if not whole_head:
        ids[(ids >= 0) & ~face[ids]] = -1
    return ids, bary


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """(..., 3) camera space -> (..., 2) pixels."""
    at = points @ intrinsics.T
    return at[..., :2] / at[..., 2:]


@dataclass(frozen=True)
class Picked:
    """The skin that M of a system's N points lie on in one frame."""

    points: np.ndarray  # (M,) which of the N
    corners: np.ndarray  # (M, 3) vertices
    share: np.ndarray  # (M, 3) their weights

    def places(self, vertices: np.ndarray) -> np.ndarray:
        """(V, 3) of any frame -> (M, 3)."""
        return np.einsum("nk,nkd->nd", self.share, vertices[self.corners])


def pick(
    pixels: np.ndarray, vertices: np.ndarray, intrinsics: np.ndarray, size: int, whole_head: bool = False
) -> Picked:
    """What of a true face (V, 3), or of all the template, lies at (N, 2) pixels; without those that lie on none."""
    triangles, _ = face_triangles()
    ids, inner = drawn(vertices, intrinsics, size, whole_head)
    cell = np.nan_to_num(np.rint((pixels + 0.5) * FINER - 0.5), nan=-1.0).astype(int)
    inside = ((cell >= 0) & (cell < size * FINER)).all(axis=1)
    x, y = np.where(inside[:, None], cell, 0).T
    points = np.flatnonzero(inside & (ids[y, x] >= 0))
    last = inner[y, x][points]
    return Picked(points, triangles[ids[y, x]][points], np.column_stack([1 - last.sum(axis=1), last]))


def nearest_vertices(tracks: np.ndarray, truth: dict[str, np.ndarray]) -> np.ndarray:
    """(N,) the vertex that each of a system's points is nearest to in the most frontal frame, -1 off the face."""
    frame = int(truth["pose"][:, 2, 2].argmin())
    picked = pick(tracks[frame], truth["vertices"][frame], truth["intrinsics"], truth_size(truth))
    out = np.full(tracks.shape[1], -1)
    out[picked.points] = picked.corners[np.arange(len(picked.points)), picked.share.argmax(axis=1)]
    return out


def errors(
    tracks: np.ndarray, vertices: np.ndarray, truth: dict[str, np.ndarray], among: np.ndarray | None = None
) -> np.ndarray:
    """How far in mm points are from the skin they were picked on, over all pairs of frames that both show it.

    Args:
        tracks: (F, N, 2) pixels, NaN where a system has no such point.
        vertices: (N,) of the template, which the points stand for; -1 for none.
        truth: as `training.generator.sequence` writes it.
        among: (F,) bool, the frames in which they are looked for; None: all.
    """
    size, k = truth_size(truth), truth["intrinsics"]
    frames = range(len(tracks)) if among is None else np.flatnonzero(among)
    out = []
    for a in range(0, len(tracks), EVERY):
        picked = pick(tracks[a], truth["vertices"][a], k, size)
        meant = vertices[picked.points]
        step = picked.places(truth["vertices"][a])[:, 2] - truth["vertices"][a][meant, 2]
        there = (meant >= 0) & truth["visible"][a][meant] & (np.abs(step) < BEHIND)
        for b in frames:
            place = picked.places(truth["vertices"][b])
            off = np.linalg.norm(tracks[b][picked.points] - project(place, k), axis=1) * place[:, 2] / k[0, 0]
            out.append(MM * off[there & truth["visible"][b][meant] & np.isfinite(off) & (b != a)])
    return np.concatenate(out)


def mesh_tracks(take: dict[str, np.ndarray]) -> np.ndarray:
    """The face's skin of a take, (F, N, 2) pixels."""
    skin = face_skin(load_template())
    tracks = np.stack([project(v[skin], k) for v, k in zip(take["vertices"], take["intrinsics"], strict=True)])
    tracks[~take["found"]] = np.nan
    return tracks


def map_tracks(maps: list[FaceMaps]) -> np.ndarray:
    """The same points read off the canonical maps of each frame for itself, no fit: (F, N, 2) pixels."""
    template = load_template()
    wanted = template.vertices[face_skin(template)]
    return np.stack([where(one, wanted) for one in maps])


def where(maps: FaceMaps, wanted: np.ndarray) -> np.ndarray:
    """(N, 3) canonical coordinates -> (N, 2) pixels at which a map shows them, NaN where it does not."""
    out = np.full((len(wanted), 2), np.nan)
    skin = maps.part == Part.SKIN
    if not maps.found or skin.sum() < NEAREST:
        return out
    y, x = np.nonzero(skin)
    distance, index = KDTree(maps.canonical[skin]).query(wanted, NEAREST)
    weight = np.exp(-((distance / (REACH / 2)) ** 2)) * (distance < REACH)
    shown = weight.sum(axis=1) > 1e-6
    pixel = np.stack([x, y, np.ones_like(x)], axis=1) @ maps.to_frame.T
    weight = weight[shown] / weight[shown].sum(axis=1, keepdims=True)
    out[shown] = (weight[..., None] * pixel[index[shown]]).sum(axis=1)
    return out


def judge(clip: Path, python: str) -> dict[str, np.ndarray]:
    """Errors of each system on one sequence."""
    truth = read_truth(clip)
    images = [f.image for f in open_footage(clip).frames()]
    with tempfile.TemporaryDirectory() as folder:
        take, _ = capture(clip, Path(folder))
        peer, _ = ask_peer(python, np.stack(images), Path(folder))
    tracker, own = FaceTracker(load_template()), np.flatnonzero(face_skin(load_template()))
    maps, mesh = [tracker.next(image) for image in images], mesh_tracks(take)
    first = np.where(take["visible"][0, own, None], mesh[0], np.nan)
    depth = depth_tracks(maps, first, take["intrinsics"], take["head_pose"][:, :3, 3])
    tracks = {"take": mesh, "network alone": map_tracks(maps), "depth alone": depth, "MediaPipe": peer[:, :-IRISES, :2]}
    vertices = dict.fromkeys(tracks, own) | {"MediaPipe": nearest_vertices(tracks["MediaPipe"], truth)}
    return {name: errors(t, vertices[name], truth) for name, t in tracks.items()}


def line(name: str, values: dict[str, np.ndarray]) -> str:
    """One row: mean, median and 90th percentile of each system."""
    most = max(len(v) for n, v in values.items() if n != "MediaPipe")
    cells = []
    for system, v in values.items():
        lost = "" if system == "MediaPipe" or len(v) > 0.995 * most else f" ({100 * len(v) / most:.0f} % of the pairs)"
        cells.append(f"{v.mean():.2f} / {np.median(v):.2f} / {np.percentile(v, 90):.2f}{lost}")
    return f"| {name} | " + " | ".join(cells) + " |"


def arguments(text: str | None) -> argparse.Namespace:
    """Command line of a benchmark that judges rendered sequences."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--face-data", type=Path, required=True)
    parser.add_argument("--sequences", type=Path, default=Path("build/sequences"))
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    parser.add_argument("--peer", required=True, help="Python of the peer's environment")
    return parser.parse_args()


def main() -> None:
    options = arguments(__doc__)
    rows: list[dict[str, np.ndarray]] = []
    for seed in options.seeds:
        rows.append(judge(render(options.face_data, options.sequences, seed), options.peer))
        if len(rows) == 1:
            print("| sequence | " + " | ".join(f"{n}: mean / median / 90 % mm" for n in rows[0]) + " |")
            print("|---" * (1 + len(rows[0])) + "|")
        print(line(f"seed {seed}", rows[-1]), flush=True)
    print(line("**all**", {n: np.concatenate([r[n] for r in rows]) for n in rows[0]}))


if __name__ == "__main__":
    main()
