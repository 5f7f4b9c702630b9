"""MediaPipe Face Mesh on frames of an npz; runs in an environment of its own, without this package.

python peer.py FRAMES.npz OUT.npz [--still]: `images` (F, H, W, 3) uint8 in, `points` (F, 478, 3) pixels (NaN: no face)
and `milliseconds` (F,) out. --still: each frame on its own.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
import time

import numpy as np


def main(source: str, target: str, mode: str = "") -> None:
    import mediapipe as mp

    images = np.load(source)["images"]
    points = np.full((len(images), 478, 3), np.nan, np.float32)
    milliseconds = np.zeros(len(images))
    with mp.solutions.face_mesh.FaceMesh(mode == "--still", max_num_faces=1, refine_landmarks=True) as mesh:
        for i, image in enumerate(images):
            began = time.perf_counter()
            found = mesh.process(image).multi_face_landmarks
            milliseconds[i] = 1000 * (time.perf_counter() - began)
            if found:
                height, width = image.shape[:2]
                points[i] = [(p.x * width - 0.5, p.y * height - 0.5, p.z * width) for p in found[0].landmark]
    np.savez(target, points=points, milliseconds=milliseconds)


if __name__ == "__main__":
    main(*sys.argv[1:4])
