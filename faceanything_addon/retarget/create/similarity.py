"""The turn, scale and shift that lay one set of points on another."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDS = 8


@dataclass(frozen=True)
class Similarity:
    """there = scale * rotation @ here + shift"""

    rotation: np.ndarray  # (3, 3)
    scale: float
    shift: np.ndarray  # (3,)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) -> (..., 3)"""
        return self.scale * (points @ self.rotation.T) + self.shift

    def undo(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) -> (..., 3)"""
        return (points - self.shift) @ self.rotation / self.scale


def fit_similarity(here: np.ndarray, there: np.ndarray, weight: np.ndarray | None = None) -> Similarity:
    """Least squares, robust against a share of wrong pairs by reweighting.

    Source: Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 1991;
    weights 1 / (1 + (r / s)^2)^2 with s twice the median residual.

    Args:
        here, there: (N, 3), N at least 3.
        weight: (N,).
    """
    base = np.ones(len(here)) if weight is None else weight
    found = _umeyama(here, there, base)
    for _ in range(ROUNDS):
        off = np.linalg.norm(found.apply(here) - there, axis=1)
        limit = max(2 * float(np.median(off)), 1e-12)
        found = _umeyama(here, there, base / (1 + (off / limit) ** 2) ** 2)
    return found


def _umeyama(here: np.ndarray, there: np.ndarray, weight: np.ndarray) -> Similarity:
    share = weight / weight.sum()
    a, b = share @ here, share @ there
    x, y = here - a, there - b
    u, values, vt = np.linalg.svd((y * share[:, None]).T @ x)
    sign = np.array([1, 1, np.sign(np.linalg.det(u @ vt)) or 1.0])
    rotation = u @ np.diag(sign) @ vt
    scale = float(values @ sign / max(float(share @ (x**2).sum(axis=1)), 1e-30))
    return Similarity(rotation, scale, b - scale * rotation @ a)
