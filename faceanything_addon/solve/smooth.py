"""Smoothing over time without lag and without flattening peaks."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import lru_cache

import numpy as np

STRENGTH = 600.0  # weight of squared second differences on a still face: an effective window of about 10 frames
MOTION = 6.0  # a bend this many times larger than noise alone would leave counts as motion
STAGES = (0.5, 3.0, 20.0, 100.0)  # strengths on the way
LEAST_STEP = 0.5  # of the usual time between frames: repeated time stamps must not weld two frames together
FILLED_WEIGHT = 0.02  # of frames without evidence, relative to the usual frame


def smooth(
    time: np.ndarray,
    values: np.ndarray,
    weight: np.ndarray,
    strength: float = STRENGTH,
    noise: np.ndarray | None = None,
) -> np.ndarray:
    """Smooth each column over the whole take.

    Whittaker smoothing (P. Eilers, A perfect smoother, Anal. Chem. 75, 2003) with second differences, which has no
    lag. Its penalty is robust (Geman-McClure): where the smoothed curve bends more than the noise of that column
    could make it, the penalty lets go, so that a blink of three frames keeps its depth while a still face is still.
    That penalty is not convex; starting weak and growing stronger finds the curve that follows the motion.

    Args:
        time: (F,) seconds, strictly increasing.
        values: (F, D); rows of weight 0 are ignored and filled in.
        weight: (F,) or (F, D) >= 0, on any scale.
        noise: (D,) standard deviation of each column's noise where it is known better than `noise_level` can tell:
            speech bends all the time and looks like noise, a column cut off at a bound looks like none.
    """
    values = np.asarray(values, np.float64)
    weight = np.broadcast_to(np.asarray(weight, np.float64).reshape(len(values), -1), values.shape)
    if not weight.any():
        return values.copy()
    if len(values) < 4:
        return np.stack([_filled(time, v, w)[0] for v, w in zip(values.T, weight.T, strict=True)], axis=1)
    steps = np.maximum(np.diff(time) / max(float(np.median(np.diff(time))), 1e-9), LEAST_STEP)
    levels = [None] * values.shape[1] if noise is None else noise
    columns = [
        _smooth_column(steps, *_filled(time, v, w), strength, level)
        for v, w, level in zip(values.T, weight.T, levels, strict=True)
    ]
    return np.stack(columns, axis=1)


def smooth_rotations(time: np.ndarray, rotations: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F, 3, 3) -> (F, 3, 3), smoothed as rotation vectors about the take's mean rotation."""
    from scipy.spatial.transform import Rotation

    seen = np.asarray(weight) > 0
    middle = Rotation.from_matrix(rotations[seen] if seen.any() else rotations).mean()
    known = rotations[_nearest(seen)] if seen.any() else rotations
    vectors = _unwrapped((middle.inv() * Rotation.from_matrix(known)).as_rotvec())
    return (middle * Rotation.from_rotvec(smooth(time, vectors, weight))).as_matrix()


def noise_level(values: np.ndarray) -> float:
    """Standard deviation of white noise on a curve (F,), from the median of its second differences."""
    if len(values) < 3:
        return 0.0
    return float(np.median(np.abs(np.diff(values, 2))) * 1.4826 / np.sqrt(6))


def _filled(time: np.ndarray, values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames without weight take interpolated values (the nearest one at the ends) and a little weight."""
    seen = weight > 0
    if not seen.any():
        return values, np.ones_like(values)
    usual = np.median(weight[seen])
    weight = np.where(seen, np.clip(weight / usual, FILLED_WEIGHT, 4), FILLED_WEIGHT)
    return np.interp(time, time[seen], values[seen]), weight


def _smooth_column(
    steps: np.ndarray, values: np.ndarray, weight: np.ndarray, strength: float, noise: float | None
) -> np.ndarray:
    if noise is None:
        noise = noise_level(values[weight > FILLED_WEIGHT])
    if noise <= 1e-12:
        return values
    rows = _second_differences(steps)
    loose = np.ones(len(values) - 2)
    curve = values
    for stage in (*STAGES, strength, strength):
        stage = min(stage, strength)
        curve = _solve(rows, weight, stage * loose, values)
        bend = (rows * np.stack([curve[:-2], curve[1:-1], curve[2:]])).sum(axis=0)
        loose = 1 / (1 + (bend / (MOTION * noise * _bend_of_noise(stage))) ** 2) ** 2
    return curve


@lru_cache(maxsize=32)
def _bend_of_noise(strength: float) -> float:
    """Standard deviation of second differences that white noise of 1 leaves after smoothing with this strength."""
    power = (2 - 2 * np.cos(np.linspace(0, np.pi, 2001))) ** 2
    return float(np.sqrt((power / (1 + strength * power) ** 2).mean()))


def _second_differences(steps: np.ndarray) -> np.ndarray:
    """(3, F - 2) weights of three neighbours; [1, -2, 1] for an even rate."""
    before, after = steps[:-1], steps[1:]
    total = (before + after) / 2
    return np.stack([1 / (before * total), -(1 / before + 1 / after) / total, 1 / (after * total)])


def _solve(rows: np.ndarray, weight: np.ndarray, penalty: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(W + D' P D) x = W y, a banded system."""
    from scipy.linalg import solveh_banded

    count = len(values)
    bands = np.zeros((3, count))  # upper form: bands[2] is the diagonal
    bands[2] = weight
    for i in range(3):
        for j in range(i, 3):
            bands[2 - (j - i), j : j + count - 2] += penalty * rows[i] * rows[j]
    return solveh_banded(bands, weight * values)


def _nearest(seen: np.ndarray) -> np.ndarray:
    """(F,) bool -> (F,) the nearest frame that is seen."""
    numbers = np.flatnonzero(seen)
    return numbers[np.searchsorted((numbers[1:] + numbers[:-1]) / 2, np.arange(len(seen)))]


def _unwrapped(vectors: np.ndarray) -> np.ndarray:
    """Rotation vectors (F, 3) without jumps where the angle passes 180 degrees."""
    out = vectors.copy()
    for i in range(1, len(out)):
        angle = np.linalg.norm(out[i])
        if angle > 1e-6:
            other = out[i] * (1 - 2 * np.pi / angle)
            if np.linalg.norm(other - out[i - 1]) < np.linalg.norm(out[i] - out[i - 1]):
                out[i] = other
    return out
