"""A third witness on the mouth: `python -m benchmarks.mouth_pixels CLIP --peer PYTHON`.

Where an open mouth is black (no teeth in the light), its opening can be read off the picture itself: the dark stretch
between the middles of the outer lips. Tells which of two trackers that disagree is right.
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
DARK = 0.45  # of the lips' own red: the cavity is darker


def dark_stretch(image: np.ndarray, upper: np.ndarray, lower: np.ndarray) -> float:
    """Pixels of darkness between two points (2,) of an RGB picture (H, W, 3): lips are red, caves are not."""
    at = upper + (lower - upper) * np.linspace(-BEYOND, 1 + BEYOND, SAMPLES)[:, None]
    red = map_coordinates(image[..., 0].astype(float), at.T[::-1], order=1, mode="nearest")
    dark = red < DARK * np.percentile(red, 75)
    return float(dark.mean() * np.linalg.norm(lower - upper) * (1 + 2 * BEYOND))


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
    dark = np.array([dark_stretch(i, q[UPPER], q[LOWER]) for i, q in zip(images, marks, strict=True)])
    dark /= m.eye_distance(peer)
    for name, own in (("this", m.ours20(take["landmarks"])), ("peer", peer)):
        opening = m.mouth_opening(own)
        follow = m.follow(opening, dark)
        wide = dark > 0.05
        print(
            f"{name}: correlation {follow.correlation:.2f}, slope {follow.slope:.2f}; "
            f"mean opening of wide mouths {opening[wide].mean():.3f}, of the pixels {dark[wide].mean():.3f}"
        )


if __name__ == "__main__":
    main()
