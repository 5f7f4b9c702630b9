"""Both networks on a face that is known: a curved piece of skin whose place in each frame the picture's level tells."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceanything_addon.footage import Footage, Frame, open_footage
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.merge import FullMaps
from faceanything_addon.model.prediction import Prediction
from faceanything_addon.template import Part

CELLS, WIDTH, HEIGHT = 24, 96, 72
DISTANCE = 0.6  # metres from the camera to the head's origin
TELEPHOTO = 1e5  # pixels of focal length: the optical axis is the line of sight to all of the face
EMPTY = 5  # pictures darker than this show no face


def write_levels(folder: Path, levels: Sequence[int]) -> Footage:
    """Grey pictures of given levels as footage."""
    folder.mkdir()
    for number, level in enumerate(levels):
        cv2.imwrite(str(folder / f"{number:04d}.png"), np.full((HEIGHT, WIDTH, 3), level, np.uint8))
    return open_footage(folder)


def face(level: float) -> tuple[np.ndarray, np.ndarray]:
    """Canonical coordinates (CELLS, CELLS, 3) in metres, and depth from the head's origin; it turns with the level."""
    y, x = np.mgrid[-1 : 1 : CELLS * 1j, -1 : 1 : CELLS * 1j]
    turn = (level - 100) / 400
    across = np.sin(np.arcsin(0.9 * x) + turn)
    canonical = np.stack([0.07 * across, -0.09 * y, 0.08 * np.sqrt(np.maximum(0, 1 - across**2 - 0.2 * y**2))], -1)
    depth = -canonical[..., 2] * np.cos(turn) - canonical[..., 0] * np.sin(turn)
    return canonical.astype(np.float32), depth.astype(np.float32)


def to_frame(step: int) -> np.ndarray:
    """Map pixels of `step` frame pixels, from the frame's corner on."""
    return np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2]])


class KnownTracker:
    """The embedded network: knows the face; its state counts frames, and the maps' confidence tells the count."""

    def __init__(self) -> None:
        self.count = 0

    def next(self, frame: Frame) -> FaceMaps:
        self.count += 1
        level = float(frame.image.mean())
        canonical, depth = face(level)
        part = np.full((CELLS, CELLS), Part.SKIN if level > EMPTY else Part.BACKGROUND, np.uint8)
        confidence = np.full((CELLS, CELLS), 0.8 + 0.001 * (self.count % 100), np.float32) * (part > 0)
        points = np.full((4, 2), level / 4, np.float32)
        return FaceMaps(level > EMPTY, canonical, depth, part, confidence, to_frame(3), points, np.ones(4, np.float32))

    def begin(self, frame: Frame) -> Callable[[], FaceMaps]:
        maps = self.next(frame)
        return lambda: maps

    def foresee(self, frame: Frame) -> None:
        """Nothing can be begun early."""

    def state(self) -> dict[str, Any]:
        return {"count": self.count}

    def restore(self, state: dict[str, Any]) -> None:
        self.count = state["count"]


def bent(canonical: np.ndarray) -> np.ndarray:
    """Another canonical space: turned, of another unit, and bent by some millimetres."""
    turned = canonical @ np.array([[0, -1, 0], [0, 0, 1], [-1, 0, 0]]).T
    return (37 * (turned + 0.004 * np.sin(turned[..., [1, 2, 0]] * 40)) + [3, -8, 1]).astype(np.float32)


class KnownPredictor:
    """The full-size network: the same face in a space of its own, every call with a unit of depth of its own.

    Args:
        unit: of a call, from the number of the call and its pictures' levels.
    """

    def __init__(self, unit: Callable[[int, list[float]], float] = lambda call, levels: 1.0) -> None:
        self.unit, self.calls = unit, []

    def predict(self, images: Sequence[np.ndarray], pulse: Callable[[float], None]) -> list[Prediction]:
        levels = [float(image.mean()) for image in images]
        unit = self.unit(len(self.calls), levels)
        self.calls.append(levels)
        out = []
        for number, level in enumerate(levels):
            pulse(number / len(images))
            canonical, depth = face(level)
            weight = np.full(depth.shape, 2.0, np.float32)
            maps = FullMaps(bent(canonical), ((depth + DISTANCE) * unit).astype(np.float32), weight, to_frame(3))
            out.append(Prediction(maps, TELEPHOTO + level))
        return out
