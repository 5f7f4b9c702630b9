"""Small quadratic programmes with bounds, one per frame."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

Bound = float | np.ndarray  # one for all, or (N,)
MAX_STEPS = 30
STEP_LENGTHS = (1.0, 0.5, 0.25, 0.06, 0.01)


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
    from scipy.linalg import solve

    x = np.clip(start, low, high).astype(np.float64)
    scale = np.abs(gradient).max() + np.abs(hessian).max()
    for _ in range(MAX_STEPS):
        slope = hessian @ x - gradient
        free = ~(((x <= low) & (slope > 0)) | ((x >= high) & (slope < 0)))
        if not free.any() or np.abs(slope[free]).max() < 1e-9 * scale:
            break
        step = np.zeros_like(x)
        step[free] = -solve(hessian[np.ix_(free, free)], slope[free], assume_a="pos", check_finite=False)
        moved = _best_step(hessian, gradient, x, step, low, high)
        if np.abs(moved - x).max() < 1e-7:
            break
        x = moved
    return x


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
