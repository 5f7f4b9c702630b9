"""Pictures as the full-size network wants them: sides that 14 divides, normalised."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

PATCH = 14
PROCESS_SIZE = 504  # pixels of the longest side
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's red, green, blue
METHODS = ("upper_bound_resize", "upper_bound_crop", "lower_bound_resize", "lower_bound_crop")


@dataclass(frozen=True)
class Fit:
    """How one picture becomes the network's: scaled, then stretched or cropped. (width, height) each."""

    source: tuple[int, int]
    scaled: tuple[int, int]
    final: tuple[int, int]
    crop: bool

    def matrix(self) -> np.ndarray:
        """(3, 3) from the source's pixels to the final ones, both counted from the picture's edge."""
        scale = [s / t for s, t in zip(self.scaled, self.source, strict=True)]
        if not self.crop:
            scale = [f / t for f, t in zip(self.final, self.source, strict=True)]
        x, y = self.offset()
        return np.array([[scale[0], 0, -x], [0, scale[1], -y], [0, 0, 1]])

    def offset(self) -> tuple[int, int]:
        """First column and row that a crop keeps."""
        if not self.crop:
            return 0, 0
        return (self.scaled[0] - self.final[0]) // 2, (self.scaled[1] - self.final[1]) // 2


@dataclass(frozen=True)
class NetworkInput:
    """N pictures ready for the network."""

    images: np.ndarray  # (N, 3, H, W) float32
    matrices: np.ndarray  # (N, 3, 3) float64: pixels of the given picture -> of these, both counted from the edge


def plan_fit(width: int, height: int, size: int = PROCESS_SIZE, method: str = METHODS[0]) -> Fit:
    """What happens to a picture of width x height.

    Args:
        size: of the longest side ("upper bound") or the shortest ("lower bound"). Where 14 does not divide it the
            result can be larger.
        method: one of `METHODS`; "resize" stretches each side to the nearest multiple of 14, "crop" cuts.
    """
    bound = max(width, height) if method.startswith("upper") else min(width, height)
    scale = size / bound
    scaled = (width, height)
    if bound != size:
        scaled = max(1, round(width * scale)), max(1, round(height * scale))
    crop = method.endswith("crop")
    multiple: Callable[[int], int] = _below if crop else _nearest
    return Fit((width, height), scaled, (multiple(scaled[0]), multiple(scaled[1])), crop)


def _nearest(length: int) -> int:
    return max(1, math.floor(length / PATCH + 0.5) * PATCH)


def _below(length: int) -> int:
    return max(1, length // PATCH * PATCH)


def preprocess(pictures: Sequence[np.ndarray], size: int = PROCESS_SIZE, method: str = METHODS[0]) -> NetworkInput:
    """Pictures of one scene, (h, w, 3) RGB uint8 each; those of different final sizes are cropped to the smallest.

    Raises:
        ValueError: a side would be shorter than half a patch.
    """
    fits = [plan_fit(p.shape[1], p.shape[0], size, method) for p in pictures]
    if any(min(fit.final) < PATCH for fit in fits):
        raise ValueError(f"a picture is too narrow: at {size} pixels its short side has less than {PATCH // 2}")
    width, height = (min(fit.final[axis] for fit in fits) for axis in (0, 1))
    images, matrices = [], []
    for picture, fit in zip(pictures, fits, strict=True):
        x, y = round((fit.final[0] - width) / 2), round((fit.final[1] - height) / 2)
        images.append(normalise(apply_fit(picture, fit)[y : y + height, x : x + width]))
        matrices.append(np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]]) @ fit.matrix())
    return NetworkInput(np.stack(images), np.stack(matrices))


def apply_fit(picture: np.ndarray, fit: Fit) -> np.ndarray:
    """(h, w, 3) uint8 -> (H, W, 3) uint8"""
    picture = _resize(picture, fit.scaled)
    if not fit.crop:
        return _resize(picture, fit.final)
    x, y = fit.offset()
    return picture[y : y + fit.final[1], x : x + fit.final[0]]


def _resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    import cv2

    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    grows = size[0] > width or size[1] > height
    return cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC if grows else cv2.INTER_AREA)


def normalise(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> (3, H, W) float32"""
    unit = picture.astype(np.float32) / np.float32(255)
    return ((unit - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).transpose(2, 0, 1)


def denormalise(image: np.ndarray) -> np.ndarray:
    """(3, H, W) float32 -> (H, W, 3) uint8, as the released tool shows it: cut off, so some levels are one too low."""
    unit = image.transpose(1, 2, 0).astype(np.float64) * np.array(STD) + np.array(MEAN)
    return (np.clip(unit, 0, 1) * 255).astype(np.uint8)
