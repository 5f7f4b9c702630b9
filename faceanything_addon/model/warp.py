"""A smooth warp of space, learned from many noisy matches.

A smoothing spline with fewer centres than matches: linear part, and a cubic radial function |x - c|^3 about each
centre, held back by the spline's own energy. Wahba, "Spline Models for Observational Data" (1990), sections 2.4 and
7.1. How strongly it is held back is chosen by cross-validation: noise is averaged away and shape is followed.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

UNIT = 0.1  # metres: the warp's own unit, in which its numbers are near 1
SPACING = 0.022  # metres between centres
FEW = 0.05  # of the usual number of points in a cube: strays
NEIGHBOURS = 40  # points that tell how a surface lies
CHUNK = 16384  # points at a time, to bound memory
STIFFNESSES = tuple(10.0**power for power in np.arange(-8, 1.01, 0.75))


@dataclass(frozen=True)
class Warp:
    """Adds a displacement to each point. K centres."""

    centers: np.ndarray  # (K, 3) f8 metres
    linear: np.ndarray  # (4, 3) f8: metres from (1, x, y, z), x in UNITs
    radial: np.ndarray  # (K, 3) f8: metres from |x - c|^3, in UNITs

    def displacement(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) metres -> (N, 3) metres."""
        parts = [points[i : i + CHUNK] for i in range(0, len(points), CHUNK)]
        return np.concatenate([_linear(p) @ self.linear + _radial(p, self.centers) @ self.radial for p in parts])

    def stretch(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """By what factor area grows on a surface; 0 or less where the warp folds it. Across it, nothing is known.

        Args:
            points, normals: (N, 3), the latter of length 1.

        Returns:
            (N,)
        """
        off = (points[:, None] - self.centers) / UNIT
        slope = 3 * np.linalg.norm(off, axis=2, keepdims=True) * off  # (N, K, 3) gradient of |x - c|^3
        gradient = np.eye(3) + (np.einsum("nkj,ki->nij", slope, self.radial) + self.linear[1:].T) / UNIT
        along = np.linalg.svd(normals[:, None])[2][:, 1:]  # (N, 2, 3) two directions on the surface
        first, second = np.einsum("nij,nkj->kni", gradient, along)
        turn = np.einsum("ni,ni->n", np.cross(along[:, 0], along[:, 1]), normals)
        return turn * np.einsum("ni,ni->n", np.cross(first, second), normals)


def surface_normals(points: np.ndarray) -> np.ndarray:
    """(N, 3) unit normals, of either sign, of the surface on which the points (N, 3) lie."""
    from scipy.spatial import KDTree

    near = points[KDTree(points).query(points, k=min(NEIGHBOURS, len(points)))[1]]
    off = near - near.mean(axis=1, keepdims=True)
    return np.linalg.eigh(np.swapaxes(off, 1, 2) @ off)[1][:, :, 0]


def place_centers(points: np.ndarray) -> np.ndarray:
    """(K, 3): means of the points (N, 3) in cubes of SPACING; cubes with a few stray points have none."""
    cube = np.floor(points / SPACING).astype(np.int64)
    _, member, count = np.unique(cube, axis=0, return_inverse=True, return_counts=True)
    total = np.zeros((len(count), 3))
    np.add.at(total, member.reshape(-1), points)
    keep = count >= max(4, FEW * np.median(count))
    return (total / count[:, None])[keep]


class WarpProblem:
    """Matches to be explained by a warp. N matches."""

    def __init__(self, points: np.ndarray, target: np.ndarray, centers: np.ndarray) -> None:
        """All metres: (N, 3), (N, 3), (K, 3) with K > 4."""
        from scipy.linalg import null_space

        self.centers = centers
        free = null_space(_linear(centers).T)  # (K, K - 4): radial parts without a linear part of their own
        self.to_radial = free
        self.basis = np.concatenate([_linear(points), _radial(points, centers) @ free], axis=1)
        self.energy = np.zeros((self.basis.shape[1],) * 2)
        self.energy[4:, 4:] = free.T @ _radial(centers, centers) @ free
        self.wanted = target - points

    def solve(self, weight: np.ndarray, stiffness: float) -> Warp:
        """Least squares under weights (N,)."""
        solution = _solve(*self._normal(weight), self.energy, stiffness)
        return Warp(self.centers, solution[:4], self.to_radial @ solution[4:])

    def best_stiffness(self, weight: np.ndarray, folds: np.ndarray, most: float) -> float:
        """That which best foretells matches it has not seen.

        Args:
            weight: (N,).
            folds: (N,) integers; one number's matches are left out together.
            most: metres; an error beyond it counts as that.
        """
        numbers = np.unique(folds)
        systems = [self._normal(weight * (folds == number)) for number in numbers]
        scores = [self._unseen_error(weight, folds, most, numbers, systems, s) for s in STIFFNESSES]
        return STIFFNESSES[int(np.argmin(scores))]

    def _unseen_error(
        self,
        weight: np.ndarray,
        folds: np.ndarray,
        most: float,
        numbers: np.ndarray,
        systems: Sequence[tuple[np.ndarray, np.ndarray]],
        stiffness: float,
    ) -> float:
        total = 0.0
        for left_out, number in enumerate(numbers):
            others = [s for i, s in enumerate(systems) if i != left_out]
            hessian, gradient = (np.sum(part, axis=0) for part in zip(*others, strict=True))
            solution = _solve(hessian, gradient, self.energy, stiffness)
            rows = np.flatnonzero((folds == number) & (weight > 0))
            off = ((self.basis[rows] @ solution - self.wanted[rows]) ** 2).sum(axis=1)
            total += float((np.minimum(off, most**2) * weight[rows]).sum())
        return total

    def _normal(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weighted = self.basis * weight[:, None]
        return weighted.T @ self.basis, weighted.T @ self.wanted


def _solve(hessian: np.ndarray, gradient: np.ndarray, energy: np.ndarray, stiffness: float) -> np.ndarray:
    """The stiffness is per unit of weight, so that more matches do not loosen it."""
    total = hessian[0, 0]  # the basis' first column is 1: this is the sum of all weights
    system = hessian + total * (stiffness * energy + 1e-12 * np.eye(len(hessian)))
    return np.linalg.solve(system, gradient)


def _linear(points: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(points)), points / UNIT])


def _radial(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import cdist

    return cdist(points / UNIT, centers / UNIT) ** 3
