"""A full-size network that says of real pictures what the embedded one says, in a space and units of its own."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.merge import FullMaps, sighted
from faceanything_addon.model.prediction import Prediction, frame_camera
from faceanything_addon.model.tracker import FaceTracker
from faceanything_addon.template import load_template

from .both import DISTANCE, bent


class SimulatedPredictor:
    """Finds the face anew in every picture, so that its grid is another than the tracked one."""

    def __init__(self, fov_degrees: float = 40.0) -> None:
        self.fov = math.radians(fov_degrees)
        self.tracker = FaceTracker(load_template(), threads=1)
        self.start = self.tracker.state()

    def predict(self, images: Sequence[np.ndarray], pulse: Callable[[float], None]) -> list[Prediction]:
        unit = 10 ** math.sin(float(np.mean(images)) * 1e3)
        return [self.one(image, unit) for image in images]

    def one(self, image: np.ndarray, unit: float) -> Prediction:
        self.tracker.restore(self.start)
        maps = self.tracker.next(image)
        focal = image.shape[1] / 2 / math.tan(self.fov / 2)
        depth = along_axis(maps, frame_camera(image, focal)) * np.float32(unit)
        return Prediction(FullMaps(bent(maps.canonical), depth, 1 + maps.confidence, maps.to_frame), focal)


def along_axis(maps: FaceMaps, camera: np.ndarray | None) -> np.ndarray:
    """(h, w) f4 metres along the optical axis, of the depth that the embedded network tells along the line of sight."""
    plain = FullMaps(maps.canonical, np.ones_like(maps.depth), maps.confidence, maps.to_frame)
    return ((maps.depth + DISTANCE) / sighted(plain, maps, camera).depth).astype(np.float32)
