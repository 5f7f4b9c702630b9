"""The square that the network looks at: where it lies in the frame and how it is cut out."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MAX_MINIFY = 1.5  # above this the frame is averaged down first, else bilinear sampling would alias


@dataclass(frozen=True)
class Crop:
    """A square in the frame, turned clockwise (as seen) by `roll`."""

    x: float  # centre, frame pixels
    y: float
    side: float  # frame pixels
    roll: float = 0.0  # radians

    def turn(self) -> np.ndarray:
        """(2, 2) rotation from the square's axes to the frame's."""
        cos, sin = math.cos(self.roll), math.sin(self.roll)
        return np.array([[cos, -sin], [sin, cos]])

    def to_frame(self, size: int) -> np.ndarray:
        """(2, 3) affine: pixel of the cut-out picture of size x size -> frame pixel."""
        linear = self.turn() * (self.side / size)
        middle = (size - 1) / 2
        return np.column_stack([linear, np.array([self.x, self.y]) - linear @ [middle, middle]])

    def map_to_frame(self, size: int, cells: int) -> np.ndarray:
        """(2, 3) affine: map pixel of a cells x cells map over the picture -> frame pixel."""
        step = size / cells
        grid = np.array([[step, 0, (step - 1) / 2], [0, step, (step - 1) / 2], [0, 0, 1]])
        return self.to_frame(size) @ grid

    def differs(self, other: Crop) -> float:
        """How far two squares are apart, as a share of the side; turning and growing count as moving."""
        shift = math.hypot(self.x - other.x, self.y - other.y) / self.side
        turned = abs(math.remainder(self.roll - other.roll, 2 * math.pi)) / 2
        return max(shift, turned, abs(math.log(other.side / self.side)) / 2)


def whole_frame(width: int, height: int) -> Crop:
    """The square around the whole frame."""
    return Crop((width - 1) / 2, (height - 1) / 2, float(max(width, height)))


def tiles(width: int, height: int, side: float) -> list[Crop]:
    """Squares of a side that cover the frame, overlapping by about a half."""

    def centers(length: int) -> np.ndarray:
        if length <= side:
            return np.array([(length - 1) / 2])
        count = math.ceil((length - side) / (side / 2)) + 1
        return np.linspace((side - 1) / 2, length - 1 - (side - 1) / 2, count)

    return [Crop(float(x), float(y), side) for y in centers(height) for x in centers(width)]


def cut(image: np.ndarray, crop: Crop, size: int) -> np.ndarray:
    """The crop as a (size, size, 3) uint8 picture, black beyond the frame."""
    import cv2

    affine = crop.to_frame(size)
    if crop.side / size > MAX_MINIFY:
        image, shrink = reduce_region(image, crop, crop.side / size)
        affine = shrink @ np.vstack([affine, [0, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, affine, (size, size), flags=flags, borderMode=cv2.BORDER_CONSTANT)


def reduce_region(image: np.ndarray, crop: Crop, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """The part of the frame under the crop, averaged down by about `factor`.

    Returns:
        picture, and the (2, 3) affine from frame pixel to its pixel.
    """
    import cv2

    height, width = image.shape[:2]
    reach = crop.side / 2 * (abs(math.cos(crop.roll)) + abs(math.sin(crop.roll))) + 2 * factor
    x0, x1 = span(crop.x, reach, width)
    y0, y1 = span(crop.y, reach, height)
    new = max(1, round((x1 - x0) / factor)), max(1, round((y1 - y0) / factor))
    small = cv2.resize(np.ascontiguousarray(image[y0:y1, x0:x1]), new, interpolation=cv2.INTER_AREA)
    sx, sy = new[0] / (x1 - x0), new[1] / (y1 - y0)
    shift = (0.5 - x0) * sx - 0.5, (0.5 - y0) * sy - 0.5
    return small, np.array([[sx, 0, shift[0]], [0, sy, shift[1]]])


def span(center: float, reach: float, length: int) -> tuple[int, int]:
    """Pixel range [low, high) around a centre, at least one pixel of the frame."""
    low = min(max(0, math.floor(center - reach)), length - 1)
    return low, max(low + 1, min(length, math.ceil(center + reach) + 1))


def apply(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(2, 3) affine on (..., 2) points."""
    return points @ affine[:, :2].T + affine[:, 2]
