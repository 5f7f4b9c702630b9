"""Fewer keys within an error bound: from a dense curve to cubic pieces whose handles an animator can take hold of."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import UserError

MARGIN = 0.999  # of the bound, for single precision afterwards
PRIOR = 1e-3  # weight of the measured slope where a piece has no frames inside to tell
FIXED = 1e9  # weight of what is not to move
FULL_SHAPE = 20.0  # millimetres: what a weight of 1 stands for where there is no shape to measure
HEAD_RADIUS, EYE_RADIUS = 120.0, 12.0  # millimetres from the axis to the skin that moves most


@dataclass(frozen=True)
class Tolerance:
    """The bound, in one of two units."""

    weight: float = 0.0  # of a shape key
    millimetres: float = 0.0  # of the vertex that the shape moves most

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """`0.5mm` or `0.01`. Raises UserError: neither."""
        number = text.strip().removesuffix("mm")
        try:
            value = float(number)
        except ValueError:
            value = 0.0
        if not 0 < value < 1000:
            raise UserError(f"reduce {text!r}: is not understood; write 0.5mm, or a weight such as 0.01")
        return cls(millimetres=value) if text.strip().endswith("mm") else cls(weight=value)

    def of_shape(self, reach: float) -> float:
        """Bound in weight, for a shape that moves a vertex by at most `reach` millimetres."""
        if not self.millimetres:
            return self.weight
        return self.millimetres / reach if reach > 0 else float("inf")

    def of_place(self) -> float:
        """Bound in millimetres, for what is moved as a whole."""
        return self.millimetres or self.weight * FULL_SHAPE

    def of_turn(self, radius: float) -> float:
        """Bound of an angle in radians, for what lies `radius` millimetres from the axis."""
        return self.of_place() / radius


@dataclass(frozen=True)
class Curve:
    """Cubic Hermite pieces through K keys."""

    frames: np.ndarray  # (K,) f8, rising
    values: np.ndarray  # (K,) f8
    slopes: np.ndarray  # (K,) f8 per frame

    def at(self, frames: np.ndarray) -> np.ndarray:
        """Values at frames (F,), constant beyond the ends."""
        if len(self.frames) == 1:
            return np.full(len(frames), self.values[0])
        inside = np.clip(frames, self.frames[0], self.frames[-1])
        piece, a, b, c, d = _basis(self.frames, inside)
        values = a * self.values[piece] + b * self.values[piece + 1]
        return values + c * self.slopes[piece] + d * self.slopes[piece + 1]


def reduce_keys(frames: np.ndarray, values: np.ndarray, tolerance: float) -> Curve:
    """The curve with few keys that is off by at most `tolerance` at every one of the frames.

    Peaks and valleys that stand out by more than twice the bound keep their frame and value, with level handles: a
    blink's depth and the touch of the lips stay what they were. Between keys the slopes are fitted by least squares,
    and held so that nothing overshoots its keys; where a piece is off by more than the bound, its worst frame becomes
    a key, until none is.

    Args:
        frames: (F,) rising. values: (F,)
        tolerance: in the unit of the values, > 0.
    """
    frames, values = np.asarray(frames, np.float64), np.asarray(values, np.float64)
    bound = tolerance * MARGIN
    level = _level(values, bound)
    if level is not None:
        return Curve(frames[:1], np.array([level]), np.zeros(1))
    turning = _turning_points(values, 2 * tolerance)
    keys = np.unique(np.concatenate([[0, len(frames) - 1], turning]))
    while True:
        curve = _fitted(frames, values, keys, np.isin(keys, turning))
        worse = _worst_of_each_piece(np.abs(curve.at(frames) - values), keys, bound)
        if not len(worse):
            return curve
        keys = np.union1d(keys, worse)


def _level(values: np.ndarray, bound: float) -> float | None:
    """The constant that will do: 0 if it does, else the middle."""
    if np.abs(values).max() <= bound:
        return 0.0
    low, high = values.min(), values.max()
    return float(low + high) / 2 if high - low <= 2 * bound else None


def _turning_points(values: np.ndarray, prominence: float) -> np.ndarray:
    from scipy.signal import find_peaks

    tops = [find_peaks(sign * values, prominence=prominence)[0] for sign in (1, -1)]
    return np.concatenate(tops)


def _basis(keys: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, ...]:
    """Number of each frame's piece (F,), and the four Hermite functions there: of both values and both slopes."""
    piece = np.clip(np.searchsorted(keys, frames, side="right") - 1, 0, len(keys) - 2)
    length = keys[piece + 1] - keys[piece]
    t = (frames - keys[piece]) / length
    square, cube = t * t, t * t * t
    b = 3 * square - 2 * cube
    return piece, 1 - b, b, length * (cube - 2 * square + t), length * (cube - square)


def _fitted(frames: np.ndarray, values: np.ndarray, keys: np.ndarray, level: np.ndarray) -> Curve:
    """Slopes by least squares over all frames, a tridiagonal system; 0 where `level` (K,) says so."""
    from scipy.linalg import solveh_banded

    at, count = frames[keys], len(keys)
    piece, a, b, c, d = _basis(at, frames)
    rest = values - a * values[keys[piece]] - b * values[keys[piece + 1]]
    prior = np.where(level, FIXED, PRIOR * np.gradient(at) ** 2)
    measured = np.where(level, 0.0, np.gradient(values, frames)[keys])
    bands = np.zeros((2, count))
    bands[1] = prior + np.bincount(piece, c * c, count) + np.bincount(piece + 1, d * d, count)
    bands[0, 1:] = np.bincount(piece, c * d, count)[:-1]
    right = prior * measured + np.bincount(piece, c * rest, count) + np.bincount(piece + 1, d * rest, count)
    return Curve(at, values[keys], _without_overshoot(at, values[keys], solveh_banded(bands, right)))


def _without_overshoot(frames: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Slopes so gentle that no piece leaves the range of its two keys.

    F. Fritsch and R. Carlson, Monotone piecewise cubic interpolation, SIAM J. Numer. Anal. 17, 1980: a slope of the
    chord's sign and at most three times as steep.
    """
    chords = 3 * np.diff(values) / np.diff(frames)
    before, after = np.append(chords[:1], chords), np.append(chords, chords[-1:])
    low = np.maximum(np.minimum(before, 0), np.minimum(after, 0))
    high = np.minimum(np.maximum(before, 0), np.maximum(after, 0))
    return np.clip(slopes, low, high)


def _worst_of_each_piece(error: np.ndarray, keys: np.ndarray, bound: float) -> np.ndarray:
    """Frame numbers at which pieces that are beyond the bound are furthest off."""
    starts = keys[:-1]
    worst = np.maximum.reduceat(error, starts)
    beyond = np.flatnonzero(worst > bound)
    return np.array([keys[i] + np.argmax(error[keys[i] : keys[i + 1] + 1]) for i in beyond], dtype=np.int64)
