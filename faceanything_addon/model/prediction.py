"""What the two networks say of one frame, side by side."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..footage import Frame
from ..template import Part
from .maps import FaceMaps
from .merge import SURE, FullMaps, sighted


@dataclass(frozen=True)
class Prediction:
    """The full-size network's word on one frame."""

    maps: FullMaps  # here `weight` is the network's own confidence, positive, of no known scale
    focal: float  # frame pixels; NaN: not known


class Predictor(Protocol):
    """A full-size network; `model.full.predictor.FullPredictor` is the real one."""

    def predict(self, images: Sequence[np.ndarray], pulse: Callable[[float], None], /) -> list[Prediction]:
        """Pictures (H, W, 3) RGB uint8 that see each other; `pulse` is told the share done. Raises UserError."""
        ...


@dataclass(frozen=True)
class Seen:
    """One frame as the embedded network saw it, with its states around it."""

    frame: Frame
    maps: FaceMaps
    before: dict[str, Any]
    after: dict[str, Any]


@dataclass(frozen=True)
class Joined:
    """One frame with the full-size network's word on the grid of the embedded network's maps."""

    seen: Seen
    full: FullMaps  # `weight` 0..1; depth along the line of sight to the head, where the focal length is known
    focal: float  # frame pixels, NaN: not known

    def face(self) -> np.ndarray:
        """(h, w) bool: pixels of skin that both networks are sure of."""
        maps = self.seen.maps
        return (maps.part == Part.SKIN) & (maps.confidence > SURE) & (self.full.weight > 0)


def join(seen: Seen, given: Prediction) -> Joined:
    """Put a prediction on the embedded network's grid; far smaller than the whole frame's map."""
    maps = seen.maps
    if not maps.found:
        empty = np.zeros(maps.depth.shape, np.float32)
        return Joined(
            seen, FullMaps(np.zeros(maps.canonical.shape, np.float32), empty, empty, maps.to_frame), given.focal
        )
    sampled = given.maps.sample(maps.to_frame, maps.depth.shape)
    sampled = sighted(sampled, maps, frame_camera(seen.frame.image, given.focal))
    return Joined(seen, replace(sampled, weight=relative_confidence(sampled, maps)), given.focal)


def frame_camera(image: np.ndarray, focal: float) -> np.ndarray | None:
    """(3, 3) f4 intrinsics of a frame (H, W, 3); None: the focal length (pixels) is not known."""
    height, width = image.shape[:2]
    if not math.isfinite(focal):
        return None
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]], np.float32)


def relative_confidence(full: FullMaps, maps: FaceMaps) -> np.ndarray:
    """(h, w) f4 0..1: the network's confidence over its median on the face; above it all pixels count alike."""
    skin = (maps.part == Part.SKIN) & (full.weight > 0) & (full.depth > 0)
    usual = float(np.median(full.weight[skin])) if skin.any() else 1.0
    good = (full.depth > 0) & np.isfinite(full.weight)
    return np.where(good, np.clip(full.weight / usual, 0, 1), 0).astype(np.float32)
