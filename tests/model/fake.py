"""A network that knows the truth: the frame's colours code its coordinates."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from faceanything_addon.model.crop import apply
from faceanything_addon.model.embedded import Look
from training.standin import CENTER, RADII, rotation, standin_template

WIDTH, HEIGHT = 640, 480
TEMPLATE = standin_template()


def coded_frame(number: int = 0) -> np.ndarray:
    """Red tells x, green y, blue that it is inside the frame, and the frame's number."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    return np.stack([x * 255 / WIDTH, y * 255 / HEIGHT, 0 * x + 255 - number], axis=-1).round().astype(np.uint8)


class TruthNetwork:
    """Sees an ellipsoid head at a given place of the frame, however it is cropped; None: no head."""

    size = 96
    points = len(TEMPLATE.points)

    def __init__(self) -> None:
        self.center: np.ndarray | None = np.array([400.0, 200.0])
        self.scale, self.roll, self.looks = 700.0, 0.0, 0  # pixels per metre, radians

    def camera(self) -> np.ndarray:
        """(2, 3) head metres -> frame pixels, relative to the centre."""
        return rotation(0.2, 0.1, self.roll)[:2] * self.scale

    def truth(self) -> np.ndarray:
        """Sparse points in the frame."""
        assert self.center is not None
        return TEMPLATE.vertices @ self.camera().T + self.center

    def place(self, image: np.ndarray) -> np.ndarray:
        """(2, 3) affine from the picture to the frame, read from its colours."""
        inside = image[..., 2] == image[..., 2].max()
        y, x = np.nonzero(inside)
        code = image[inside][:, :2].astype(np.float64) * [WIDTH / 255, HEIGHT / 255]
        design = np.column_stack([x, y, np.ones(len(x))])
        return np.linalg.lstsq(design, code, rcond=None)[0].T

    def look(self, image: np.ndarray) -> Look:
        """The truth for the picture."""
        self.looks += 1
        half = self.size // 2
        part = np.zeros((7, half, half), np.float32)
        canonical, depth = np.zeros((3, half, half), np.float32), np.zeros((half, half), np.float32)
        points = np.zeros((self.points, 2), np.float32)
        if self.center is not None:
            affine = self.place(image)
            back = np.linalg.inv(affine[:, :2])
            points = (self.truth() - affine[:, 2]) @ back.T
            grid = np.stack(np.meshgrid(np.arange(half), np.arange(half)), axis=-1) * 2 + 0.5
            head = rotation(0.2, 0.1, self.roll)
            offset = (apply(affine, grid) - self.center) / self.scale
            origin = np.concatenate([offset, np.full((half, half, 1), -1.0)], axis=-1) @ head
            o, d = (origin - CENTER) / RADII, head[2] / RADII
            b, c = o @ d, (o * o).sum(-1) - 1
            root = b * b - d @ d * c
            t = (-b - np.sqrt(np.maximum(root, 0))) / (d @ d)
            canonical = (origin + t[..., None] * head[2]).transpose(2, 0, 1).astype(np.float32)
            part[1] = root > 0
        part[0] = 1 - part[1]
        sigma = np.full((half, half), np.log(0.003), np.float32)
        gaze = np.tile(np.array([0, 0, -1], np.float32), (2, 1))
        return Look(
            canonical,
            sigma,
            depth,
            part,
            points.astype(np.float32),
            np.zeros(self.points, np.float32),
            np.array(self.center is not None, np.float32),
            np.zeros(52, np.float32),
            gaze,
        )


class ClipNetwork:
    """Sees the head of every numbered frame where `centers` has it; can look on many threads."""

    size, points = TruthNetwork.size, TruthNetwork.points

    def __init__(self, centers: Sequence[np.ndarray | None]) -> None:
        self.centers = centers
        self.threads: list[str] = []  # that looked

    def look(self, image: np.ndarray) -> Look:
        """The truth for the picture."""
        self.threads.append(threading.current_thread().name)
        network = TruthNetwork()
        network.center = self.centers[255 - int(image[..., 2].max())]
        return network.look(image)
