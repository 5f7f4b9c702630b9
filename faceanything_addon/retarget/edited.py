"""Edits of a performance itself, for targets whose curves come of all coefficients at once, such as bones."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..solve.edit import TURN, Edit, calmed, edited, punched
from ..solve.gaze import angles, direction
from ..solve.regions import EYES, HEAD, SIDES
from ..take.performance import Performance
from .bones.motion import gaze_of
from .resample import resample


def performance_at(performance: Performance, at: np.ndarray) -> Performance:
    """The performance at other times (N,), which it has from then on; its gaze is there in any case."""
    time, head = performance.time, performance.head
    gaze = resample(time, gaze_of(performance), at)
    return replace(
        performance,
        time=at,
        coefficients=resample(time, performance.coefficients, at),
        head=None if head is None else _head_at(time, head, at),
        gaze=gaze / np.linalg.norm(gaze, axis=-1, keepdims=True),
    )


def _head_at(time: np.ndarray, head: np.ndarray, at: np.ndarray) -> np.ndarray:
    from scipy.spatial.transform import Rotation, Slerp

    if len(head) == 1:
        return np.repeat(head, len(at), axis=0)
    return Slerp(time, Rotation.from_matrix(head))(np.clip(at, time[0], time[-1])).as_matrix()


def edit_performance(performance: Performance, edit: Edit) -> Performance:
    """Smoothed, then with gains, then cut off at 0 and 1. The sides are the performance's own: mirror it before."""
    gains = np.array([edit.coefficient_gain(name) for name in performance.names])
    ends = np.zeros_like(gains), np.ones_like(gains)
    values = edited(performance.time, performance.coefficients, gains, *ends, edit.smooth)
    head, gaze = performance.head, gaze_of(performance)
    return replace(
        performance,
        coefficients=values.astype(np.float32),
        head=None if head is None else _scaled(performance.time, head, edit.gain(HEAD), edit.smooth),
        gaze=_looked(performance.time, gaze, edit),
    )


def _scaled(time: np.ndarray, turns: np.ndarray, gain: float, strength: float) -> np.ndarray:
    """Turns (F, 3, 3) about looking straight ahead, which stay well below half a turn."""
    from scipy.spatial.transform import Rotation

    vectors = calmed(time, Rotation.from_matrix(turns).as_rotvec(), strength, 2 * TURN)
    return Rotation.from_rotvec(vectors * gain).as_matrix()


def _looked(time: np.ndarray, gaze: np.ndarray, edit: Edit) -> np.ndarray:
    """Directions (F, 2, 3) of the eyes, scaled about straight ahead."""
    gains = edit.gain(EYES) * np.array([edit.gain(side) for side in SIDES])
    looks = calmed(time, angles(gaze).reshape(len(gaze), -1), edit.smooth, 2 * TURN)
    return direction(looks.reshape(len(gaze), 2, 2) * gains[:, None])


def punch_performance(performance: Performance, other: Performance, weight: np.ndarray) -> Performance:
    """Another performance, sampled at the same F moments, over this one; weight (F,) is how much of the other is seen.

    What the other does not speak of stays.
    """
    there = dict(zip(other.names, other.coefficients.T, strict=True))
    own = zip(performance.names, performance.coefficients.T, strict=True)
    columns = np.stack([there.get(name, column) for name, column in own], axis=1)
    values = punched(performance.coefficients, columns, weight)
    gaze = _mixed(gaze_of(performance), gaze_of(other), weight)
    head = performance.head
    if head is not None and other.head is not None:
        head = _between(head, other.head, weight)
    return replace(performance, coefficients=values.astype(np.float32), head=head, gaze=gaze)


def _mixed(vectors: np.ndarray, others: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Unit vectors (F, K, 3) mixed and made unit again."""
    mixed = vectors + (others - vectors) * weight[:, None, None]
    return mixed / np.linalg.norm(mixed, axis=-1, keepdims=True)


def _between(turns: np.ndarray, others: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(F, 3, 3) on the way from turns to others."""
    from scipy.spatial.transform import Rotation

    start = Rotation.from_matrix(turns)
    way = (start.inv() * Rotation.from_matrix(others)).as_rotvec()
    return (start * Rotation.from_rotvec(way * weight[:, None])).as_matrix()
