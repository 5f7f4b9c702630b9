"""Masks and distances on the template, for what is painted and folded."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np


def polygon_mask(x: np.ndarray, y: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Points inside a polygon (N, 2)."""
    inside = np.zeros(len(x), bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (ay > y) != (by > y)
        inside ^= crosses & (x < (bx - ax) * (y - ay) / (by - ay + 1e-12) + ax)
    return inside


def within(points: np.ndarray, corners: np.ndarray, soft: float) -> np.ndarray:
    """(N,) 1 inside a polygon, 0 outside, from one to the other over `soft` on either side of its edge."""
    inside = np.where(polygon_mask(*points.T, corners), 1, -1)
    away = inside * distance_to_line(points, np.concatenate([corners, corners[:1]]))
    return ramp(away, -soft, soft)


def distance_to_line(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(N, 2) points to a polyline (K, 2): (N,) distances."""
    start, step = line[:-1], np.diff(line, axis=0)
    along = ((points[:, None] - start) * step).sum(-1) / (step**2).sum(-1)
    nearest = start + along.clip(0, 1)[..., None] * step
    return np.linalg.norm(points[:, None] - nearest, axis=-1).min(axis=1)


def ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step from 0 at low to 1 at high."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
