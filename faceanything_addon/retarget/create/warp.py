"""A smooth warp of space from scattered pairs of points."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CELL = 0.007  # metres: pairs within one cell are one control point
STIFFNESS = 2e-3  # metres: how far the warp gives way to noise
TRIM = 3.0  # medians: a control point that the others contradict by more is left out
LEAST = 8  # control points


@dataclass(frozen=True)
class Warp:
    """x -> affine part of x plus sum of weights times |x - center|: the biharmonic spline of space.

    Affine maps cost nothing, so proportions far from a human's are met as well.
    """

    centers: np.ndarray  # (C, 3)
    weights: np.ndarray  # (C, 3)
    affine: np.ndarray  # (4, 3): rows x, y, z, 1

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) -> (N, 3)"""
        from scipy.spatial.distance import cdist

        return cdist(points, self.centers) @ self.weights + points @ self.affine[:3] + self.affine[3]


def fit_warp(here: np.ndarray, there: np.ndarray, weight: np.ndarray, groups: np.ndarray) -> Warp:
    """Warp that carries here to there, without the pairs that contradict their neighbours.

    Args:
        here, there: (N, 3) of about the same scale, metres.
        weight: (N,).
        groups: (N,) integers: only pairs of one group are put together.
    """
    a, b, w = control_points(here, there, weight, groups)
    warp = _solve(a, b, w)
    off = np.linalg.norm(warp.apply(a) - b, axis=1)
    kept = off <= max(TRIM * float(np.median(off)), 1e-4)
    return _solve(a[kept], b[kept], w[kept]) if kept.sum() >= LEAST else warp


def control_points(
    here: np.ndarray, there: np.ndarray, weight: np.ndarray, groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weighted means of the pairs in each cell, and their weights."""
    key = np.column_stack([groups, np.floor(here / CELL).astype(np.int64)])
    _, cell = np.unique(key, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    total = np.bincount(cell, weight)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(cell, weight * values[:, k]) for k in range(3)], axis=1) / total[:, None]

    return mean(here), mean(there), total


def _solve(here: np.ndarray, there: np.ndarray, weight: np.ndarray) -> Warp:
    from scipy.spatial.distance import cdist

    count = len(here)
    kernel = cdist(here, here)
    # The biharmonic kernel is -|r|: giving way takes from the diagonal.
    kernel[np.diag_indices(count)] -= STIFFNESS * np.median(weight) / weight
    poly = np.column_stack([here, np.ones(count)])
    system = np.block([[kernel, poly], [poly.T, np.zeros((4, 4))]])
    target = np.vstack([there, np.zeros((4, 3))])
    try:
        solution = np.linalg.solve(system, target)
    except np.linalg.LinAlgError:  # all in one plane
        solution = np.linalg.lstsq(system, target, rcond=None)[0]
    return Warp(here, solution[:count], solution[count:])
