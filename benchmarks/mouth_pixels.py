"""A third witness on the mouth: `python -m benchmarks.mouth_pixels CLIP --peer PYTHON`.

Where an open mouth is black (no teeth in the light), its opening can be read off the picture itself: the dark stretch
between the middles of the outer lips. A shaded upper lip is dark too, so that it depends on how dark is dark: several
limits are told, and where they disagree the witness is no judge.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from faceanything_addon.footage import open_footage

from . import measures as m
from .clips import ask_peer, capture

UPPER, LOWER = 51, 57  # iBUG 68: middle of the outer lips
BEYOND = 0.15  # share of their distance that the line goes on, either way
SAMPLES = 300
DARK = (0.35, 0.40, 0.45, 0.50, 0.55)  # of the lips' own red: the cavity is darker


def dark_stretch(image: np.ndarray, upper: np.ndarray, lower: np.ndarray, limit: float) -> float:
    """Pixels of darkness between two points (2,) of an RGB picture (H, W, 3): lips are red, caves are not."""
    at = upper + (lower - upper) * np.linspace(-BEYOND, 1 + BEYOND, SAMPLES)[:, None]
    red = map_coordinates(image[..., 0].astype(float), at.T[::-1], order=1, mode="nearest")
    dark = red < limit * np.percentile(red, 75)
    return float(dark.mean() * np.linalg.norm(lower - upper) * (1 + 2 * BEYOND))


def row(limit: float, dark: np.ndarray, own: np.ndarray, peer: np.ndarray) -> str:
    """One line of the table: openings (F,) over the outer-eye distance, of the pixels and of both systems."""
    wide = dark > 0.05
    cells = [f"{limit:.2f}", f"{dark[wide].mean():.3f}"]
    for opening in (own, peer):
        follow = m.follow(opening, dark)
        cells.append(f"{follow.correlation:.2f} ({follow.slope:.2f}), {opening[wide].mean():.3f}")
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--peer", required=True, help="Python of the peer's environment")
    given = parser.parse_args()
    images = np.stack([f.image for f in open_footage(given.clip).frames()])
    with tempfile.TemporaryDirectory() as folder:
        take, _ = capture(given.clip, Path(folder))
        points, _ = ask_peer(given.peer, images, Path(folder))
    marks, peer = take["landmarks"].astype(float), m.peers20(points)
    print("| dark below | pixels | this: r (slope), mean | MediaPipe: r (slope), mean |\n|---|---|---|---|")
    for limit in DARK:
        spots = [dark_stretch(i, q[UPPER], q[LOWER], limit) for i, q in zip(images, marks, strict=True)]
        dark = np.array(spots) / m.eye_distance(peer)
        print(row(limit, dark, m.mouth_opening(m.ours20(take["landmarks"])), m.mouth_opening(peer)))


if __name__ == "__main__":
    main()
