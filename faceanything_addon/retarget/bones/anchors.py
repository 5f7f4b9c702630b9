"""Points of the face that bones lie on, by name: data/anchors.json."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import cache

import numpy as np

from ...template import Template
from ...template.packaged import DATA, packaged_json

EYES = ("eye_left", "eye_right")
LANDMARKS = 68
# Rows of iBUG landmarks that mirror into themselves, first and last.
ROWS = ((0, 16), (17, 26), (27, 27), (28, 28), (29, 29), (30, 30), (31, 35), (48, 54), (60, 64))


@cache
def anchor_landmarks() -> dict[str, tuple[int, ...]]:
    """Anchor -> iBUG landmarks whose mean it is; none for the centres of the eyes. Left ones come with right ones."""
    table = packaged_json(DATA / "anchors.json")["landmarks"]
    out = {}
    for name, landmarks in table.items():
        out[name] = tuple(landmarks)
        if name.endswith("_left"):
            out[name.replace("_left", "_right")] = tuple(MIRROR[number] for number in landmarks)
    return out


def anchor_names() -> tuple[str, ...]:
    """Names of all anchors."""
    return tuple(anchor_landmarks())


def _mirror() -> tuple[int, ...]:
    """The landmark on the other side of the face, for each of the 68."""
    out = list(range(LANDMARKS))
    for first, last in ROWS:
        out[first : last + 1] = range(last, first - 1, -1)
    out[36:48] = [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
    out[55:60] = range(59, 54, -1)
    out[65:68] = range(67, 64, -1)
    return tuple(out)


MIRROR = _mirror()


def anchor_points(template: Template, vertices: np.ndarray) -> dict[str, np.ndarray]:
    """Where the anchors lie on shapes of the template: vertices (..., V, 3) -> each (..., 3). Eyes: at rest."""
    landmarks = template.landmarks(vertices)
    out = {}
    for name, numbers in anchor_landmarks().items():
        if name in EYES:
            out[name] = np.broadcast_to(template.eye_centers[EYES.index(name)], (*vertices.shape[:-2], 3))
        else:
            out[name] = landmarks[..., list(numbers), :].mean(axis=-2)
    return out
