"""Small quadratic programmes with bounds, one per frame."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

Bound = float | np.ndarray  # one for all, or (N,)
MAX_STEPS = 30
STEP_LENGTHS = (1.0, 0.5, 0.25, 0.06, 0.01)
NEAR = 0.01  # of a bound


def bounded_quadratic(
    hessian: np.ndarray, gradient: np.ndarray, start: np.ndarray, low: Bound = 0.0, high: Bound = 1.0
) -> np.ndarray:
    """Minimise x'Hx/2 - g'x with low <= x <= high.

    Projected Newton (D. P. Bertsekas, Projected Newton methods for optimization problems with simple constraints,
    SIAM J. Control Optim. 20, 1982). A handful of steps from a good start; scipy.optimize.lsq_linear does the same
    ten times slower at this size.

    Args:
        hessian: (N, N) symmetric positive definite.
        gradient: (N,) the linear term g.
        start: (N,) first guess.
    """
    x = np.clip(start, low, high).astype(np.float64)
    if not len(x):
        return x
    scale, near = np.abs(gradient).max() + np.abs(hessian).max(), 0.0
    for _ in range(MAX_STEPS):
        slope = hessian @ x - gradient
        held = ((x <= low) & (slope > 0)) | ((x >= high) & (slope < 0))
        if held.all() or np.abs(slope[~held]).max() < 1e-9 * scale:
            break
        moved = _best_step(hessian, gradient, x, _newton(hessian, slope, x, low, high, near), low, high)
        still = np.abs(moved - x).max() < 1e-7
        if still and near:
            break
        near = NEAR if still else 0.0  # one that is just off its bound can stop all the others
        x = moved
    return x


def _newton(hessian: np.ndarray, slope: np.ndarray, x: np.ndarray, low: Bound, high: Bound, near: float) -> np.ndarray:
    """Down to the minimum of those that are free; down the slope for those at a bound or as near, to be cut there."""
    from scipy.linalg import solve

    step = -slope / np.diag(hessian)
    free = ~(((x <= low + near) & (slope > 0)) | ((x >= high - near) & (slope < 0)))
    if free.any():
        step[free] = -solve(hessian[np.ix_(free, free)], slope[free], assume_a="pos", check_finite=False)
    return step


def _best_step(
    hessian: np.ndarray, gradient: np.ndarray, x: np.ndarray, step: np.ndarray, low: Bound, high: Bound
) -> np.ndarray:
    """The longest projected step that goes down; x itself where none does."""
    before = x @ (0.5 * hessian @ x - gradient)
    for length in STEP_LENGTHS:
        moved = np.clip(x + length * step, low, high)
        if moved @ (0.5 * hessian @ moved - gradient) < before:
            return moved
    return x
