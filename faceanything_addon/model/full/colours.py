"""The released tool's pictures of its results: masks, canonical colours, tracks. For comparison with it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

BASE_COLOUR = (10, 10, 10)
MASK_LEVEL = 128


def foreground(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width) bool from an (h, w) or (h, w, channels) uint8 mask."""
    import cv2

    small = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return (small if small.ndim == 2 else small.mean(axis=2)) >= MASK_LEVEL


def canonical_ranges(points: np.ndarray) -> np.ndarray:
    """(3, 2) low and high of (M, 3) canonical coordinates: the middle 96 % of each axis."""
    return np.percentile(points, [2, 98], axis=0).T


def canonical_colours(points: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """(M, 3) canonical coordinates -> (M, 3) uint8, x y z as red green blue"""
    unit = (points - ranges[:, 0]) / np.maximum(ranges[:, 1] - ranges[:, 0], 1e-8)
    return (np.clip(unit, 0, 1) * 255).astype(np.uint8)


def palette(count: int) -> np.ndarray:
    """(count, 3) uint8 hues round the circle, red first."""
    return np.array([[int(255 * c) for c in colorsys.hsv_to_rgb(i / count, 1, 1)] for i in range(count)], np.uint8)


@dataclass(frozen=True)
class Matches:
    """The points of one frame that lie nearest to S seeds in canonical space."""

    index: np.ndarray  # (S, k) int32
    distance: np.ndarray  # (S, k) float64

    def overlay(self, limit: float) -> tuple[np.ndarray, np.ndarray]:
        """Seeds that are seen, and the nearest point of each: (n,) and (n,) indices."""
        seen = np.flatnonzero(self.distance[:, 0] < limit)
        return seen, self.index[seen, 0]

    def colours(self, points: int, limit: float, colours: np.ndarray) -> np.ndarray:
        """(points, 3) uint8: the seeds' (S, 3) colours on their neighbours nearer than `limit`, later seeds on top."""
        painted = np.tile(np.array(BASE_COLOUR, np.uint8), (points, 1))
        for index, distance, colour in zip(self.index, self.distance, colours, strict=True):
            painted[index[distance < limit]] = colour
        return painted


def match_seeds(seeds: np.ndarray, points: np.ndarray, neighbours: int) -> Matches:
    """Nearest `neighbours` of (M, 3) points to each of (S, 3) seeds, all canonical coordinates."""
    from scipy.spatial import KDTree

    distance, index = KDTree(points).query(seeds, k=neighbours)
    return Matches(np.asarray(index, np.int32), np.asarray(distance, np.float64))


def choose_seeds(points: int, count: int) -> np.ndarray:
    """(count,) indices of the first frame's points, always the same."""
    return np.random.default_rng(0).choice(points, count, replace=False)
