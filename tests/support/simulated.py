"""A full-size network that says of real pictures what the embedded one says, in a space and units of its own."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from faceanything_addon.model.merge import FullMaps
from faceanything_addon.model.prediction import Prediction
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
        depth = ((maps.depth + DISTANCE) * unit).astype(np.float32)
        focal = image.shape[1] / 2 / math.tan(self.fov / 2)
        return Prediction(FullMaps(bent(maps.canonical), depth, 1 + maps.confidence, maps.to_frame), focal)
