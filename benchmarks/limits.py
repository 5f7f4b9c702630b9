"""What a perfect network would be worth: captures in which some of its outputs are the truth.

python -m benchmarks.limits --face-data FOLDER [--sequences FOLDER]

Tells which output limits the meshes, and how far the fit itself is from truth. Parts that the network does not see stay
unseen: hair before a forehead hides it from the perfect maps too.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from faceanything_addon.exchange.npz import export_npz
from faceanything_addon.footage import Frame, open_footage
from faceanything_addon.jobs.clip import ClipOptions, default_stages, reconstruct_clip
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.sight import along_sight, rays
from faceanything_addon.model.tracker import FaceTracker
from faceanything_addon.template import load_template

from . import tracks
from .__main__ import SEEDS
from .surface import compare, face_skin
from .truth import dense_errors, render, truth_size

SURE = 0.8  # confidence of a pixel that is known
POINT_SIGMA = 0.3  # pixels
Truth = dict[str, np.ndarray]


class Replay:
    """A tracker that knows its answers."""

    def __init__(self, maps: list[FaceMaps]) -> None:
        self.maps = maps

    def begin(self, frame: Frame) -> Callable[[], FaceMaps]:
        return lambda: self.maps[frame.index]

    def foresee(self, frame: Frame) -> None:
        """Nothing can be begun early."""

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing is carried over."""


def with_points(maps: FaceMaps, truth: Truth, frame: int) -> FaceMaps:
    """The sparse points where they are."""
    shape = truth["vertices"][frame][load_template().points]
    points = tracks.project(shape, truth["intrinsics"]).astype(np.float32)
    return replace(maps, points=points, point_sigma=np.full(len(points), POINT_SIGMA, np.float32))


def with_canonical(maps: FaceMaps, truth: Truth, frame: int) -> FaceMaps:
    """Canonical coordinates and parts of the face's pixels as they are."""
    template = load_template()
    hit, corners, share, _ = under_map(maps, truth, frame)
    canonical, part = maps.canonical.copy(), np.zeros_like(maps.part)
    canonical[hit] = np.einsum("nk,nkd->nd", share, template.vertices[corners])
    part[hit] = template.part[corners[:, 0]]
    confidence = np.where(hit, np.maximum(maps.confidence, SURE), 0).astype(np.float32)
    return replace(maps, canonical=canonical, part=part, confidence=confidence)


def with_depth(maps: FaceMaps, truth: Truth, frame: int) -> FaceMaps:
    """Depth of the face's pixels as it is."""
    hit, _, _, depth = under_map(maps, truth, frame)
    out = maps.depth.copy()
    y, x = np.nonzero(hit)
    pixels = np.column_stack([x, y, np.ones(len(x))]) @ maps.to_frame.T
    origin = truth["pose"][frame][:3, 3]
    out[hit] = along_sight(depth - origin[2], rays(pixels, truth["intrinsics"]), origin)
    return replace(maps, depth=out, depth_known=True)


def under_map(maps: FaceMaps, truth: Truth, frame: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of a map (h, w) bool that show the true head, and what lies there: corners, weights (N, 3), depth (N,)."""
    h, w = maps.part.shape
    y, x = np.mgrid[:h, :w]
    pixels = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3) @ maps.to_frame.T
    vertices = truth["vertices"][frame]
    picked = tracks.pick(pixels, vertices, truth["intrinsics"], truth_size(truth), whole_head=True)
    seen = maps.part.ravel()[picked.points] > 0
    hit = np.zeros(h * w, bool)
    hit[picked.points[seen]] = True
    return hit.reshape(h, w), picked.corners[seen], picked.share[seen], picked.places(vertices)[seen, 2]


KNOWN: dict[str, tuple[Callable[[FaceMaps, Truth, int], FaceMaps], ...]] = {
    "nothing": (),
    "canonical coordinates": (with_canonical,),
    "depth": (with_depth,),
    "sparse points": (with_points,),
    "all three": (with_canonical, with_depth, with_points),
}


def capture(clip: Path, maps: list[FaceMaps], known: bool) -> dict[str, np.ndarray]:
    """Arrays of a capture from given maps; known: in which the face's shape needs no making up for."""
    stages = replace(default_stages(), tracker=lambda template, threads: Replay(maps))
    stages = replace(stages, likeness=None) if known else stages
    with tempfile.TemporaryDirectory() as folder:
        take, file = Path(folder) / "take", Path(folder) / "take.npz"
        reconstruct_clip(ClipOptions(footage=str(clip), out=str(take)), stages=stages)
        export_npz(take, file)
        with np.load(file) as data:
            return {k: data[k] for k in data.files}


def judge(take: dict[str, np.ndarray], truth: Truth) -> list[float]:
    """Dense mm, depth RMSE mm, normals in degrees, correspondence between frames in mm."""
    skin = face_skin(load_template())
    pair = take["vertices"], truth["vertices"]
    surface = compare(pair[0], take["intrinsics"], pair[1], truth["intrinsics"], truth_size(truth))
    drift = tracks.errors(tracks.mesh_tracks(take), np.flatnonzero(skin), truth)
    return [dense_errors(*pair, truth["visible"] & skin), *surface, float(drift.mean())]


def sequence(clip: Path) -> np.ndarray:
    """(len(KNOWN), 4) figures of one clip."""
    with np.load(clip.with_suffix(".npz")) as data:
        truth = {k: data[k] for k in data.files}
    tracker, rows = FaceTracker(load_template()), []
    seen = [tracker.next(f.image) for f in open_footage(clip).frames()]
    for changes in KNOWN.values():
        maps = list(seen)
        for change in changes:
            maps = [change(m, truth, k) for k, m in enumerate(maps)]
        rows.append(judge(capture(clip, maps, known=with_points in changes), truth))
    return np.array(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--face-data", type=Path, required=True)
    parser.add_argument("--sequences", type=Path, default=Path("build/sequences"))
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    options = parser.parse_args()
    figures = np.mean([sequence(render(options.face_data, options.sequences, s)) for s in options.seeds], axis=0)
    print("| known | dense mm | depth RMSE mm | normals ° | between frames mm |\n|---|---|---|---|---|")
    for name, row in zip(KNOWN, figures, strict=True):
        print(f"| {name} | " + " | ".join(f"{v:.2f}" for v in row) + " |")


if __name__ == "__main__":
    main()
