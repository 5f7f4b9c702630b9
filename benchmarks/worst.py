"""The frames on which this product and the peer disagree most, to be looked at.

python -m benchmarks.worst --footage FOLDER --peer PYTHON --out SHEET.jpg [--count 20]

Each tile: the face, and the same with the 20 points of this product (green) and the peer (red), the point they differ
most on ringed. Frames of one clip are kept apart in time. What is said of each is printed too.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceanything_addon.footage import open_footage
from faceanything_addon.model.crop import Crop, cut

from . import measures as m
from .clips import SUFFIXES, ask_peer, capture

TILE, COLUMNS = 230, 4
REACH = 3.0  # outer-eye distances across a tile
APART = 12  # frames between two that are shown of one clip
OWN, PEER, INK = (60, 220, 60), (230, 50, 50), (255, 255, 255)  # RGB


@dataclass(frozen=True)
class Case:
    """One frame."""

    clip: str
    number: int
    image: np.ndarray  # (H, W, 3) RGB
    own: np.ndarray  # (20, 2)
    peer: np.ndarray  # (20, 2)
    unit: float  # pixels of the outer-eye distance

    @property
    def error(self) -> np.ndarray:
        """(20,) percent."""
        return 100 * np.linalg.norm(self.own - self.peer, axis=1) / self.unit

    def line(self) -> str:
        order = np.argsort(-self.error)[:3]
        worst = ", ".join(f"{m.NAMES[i]} {self.error[i]:.1f}" for i in order)
        return f"| {self.clip} | {self.number} | {self.error.mean():.2f} | {worst} |"


def cases(clip: Path, python: str, count: int) -> list[Case]:
    """The `count` worst frames of one clip, worst first, APART from each other."""
    with tempfile.TemporaryDirectory() as folder:
        take, _ = capture(clip, Path(folder))
        images = [frame.image for frame in open_footage(clip).frames()]
        points, _ = ask_peer(python, np.stack(images), Path(folder))
    both = np.flatnonzero(take["found"] & np.isfinite(points[:, 0, 0]))
    if not len(both):
        return []
    own, peer = m.ours20(take["landmarks"]), m.peers20(points)
    unit = np.zeros(len(own))
    unit[both] = m.eye_distance(peer[both])
    found = [Case(clip.name, int(n), images[n], own[n], peer[n], float(unit[n])) for n in both]
    return apart(sorted(found, key=lambda case: -case.error.mean()))[:count]


def apart(found: list[Case]) -> list[Case]:
    """Without those that nearly repeat an earlier one."""
    kept: list[Case] = []
    for case in found:
        if all(abs(case.number - other.number) >= APART for other in kept):
            kept.append(case)
    return kept


def tile(case: Case) -> np.ndarray:
    """(TILE, 2 TILE, 3): the face, plain and with both systems' points."""
    middle, scale = case.peer.mean(axis=0), TILE / (REACH * case.unit)
    shift = (TILE - 1) / 2 - scale * middle
    plain = cut(case.image, Crop(float(middle[0]), float(middle[1]), REACH * case.unit), TILE)
    drawn = plain.copy()
    for points, colour in ((case.peer, PEER), (case.own, OWN)):
        for x, y in points * scale + shift:
            cv2.circle(drawn, (round(x), round(y)), 2, colour, -1, cv2.LINE_AA)
    x, y = case.own[case.error.argmax()] * scale + shift
    cv2.circle(drawn, (round(x), round(y)), 9, INK, 1, cv2.LINE_AA)
    label = f"{case.clip} {case.number}: {case.error.mean():.1f} %"
    cv2.putText(plain, label, (4, TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)
    return np.hstack([plain, drawn])


def sheet(chosen: list[Case]) -> np.ndarray:
    """All tiles, row after row."""
    tiles = [tile(case) for case in chosen]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    return np.vstack([np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footage", type=Path, required=True, help="folder of real clips")
    parser.add_argument("--peer", required=True, help="Python of the peer's environment")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--count", type=int, default=20)
    options = parser.parse_args()
    clips = [clip for clip in sorted(options.footage.iterdir()) if clip.suffix.lower() in SUFFIXES]
    found = [case for clip in clips for case in cases(clip, options.peer, options.count)]
    chosen = sorted(found, key=lambda case: -case.error.mean())[: options.count]
    if not chosen:
        parser.error(f"{options.footage}: no clip in it shows a face to both systems")
    print("| clip | frame | mean % | most on |\n|---|---|---|---|")
    for case in chosen:
        print(case.line())
    options.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(options.out), cv2.cvtColor(sheet(chosen), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
