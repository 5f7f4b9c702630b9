"""All parameters of a take over time: gathered frame by frame, then smoothed as a whole."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..solve.gaze import direction
from ..solve.smooth import noise_level, smooth, smooth_rotations
from .fine import WAVES
from .track import FrameState

RESIDUAL_STRENGTH = 3000.0  # the fine residual is slow: skin that coefficients do not explain

NOISE_SHARE = 0.5  # of a coefficient's deviation, at most: the noise from frame to frame of those that rest
QUIET_SHARE = 25  # percentile: so many of the coefficients are taken to be at rest in any take
NOISIER = 2.0  # times that, at most, where a coefficient is noisier even at rest
QUIET_FRAMES, QUIET_STRETCHES = 8, 20  # frames, percentile: a face rests for as long in a fifth of any take
QUIET_BIAS = 0.68  # what that percentile of white noise is to its standard deviation


@dataclass(frozen=True)
class Motion:
    """F frames. Small: some 2 KB per frame."""

    rotation: np.ndarray  # (F, 3, 3) camera-from-head
    shift: np.ndarray  # (F, 3) metres
    coefficients: np.ndarray  # (F, 52)
    precision: np.ndarray  # (F, 52)
    deviation: np.ndarray  # (F, 52)
    residual: np.ndarray  # (F, R, 3) f4 metres
    gaze: np.ndarray  # (F, 2, 2) yaw and pitch, head space, radians
    gaze_weight: np.ndarray  # (F, 2)
    weight: np.ndarray  # (F,) trust in the frame; 0: no face

    @classmethod
    def empty(cls, count: int, coefficients: int, waves: int = WAVES) -> Motion:
        return cls(
            rotation=np.tile(np.diag([1.0, -1.0, -1.0]), (count, 1, 1)),
            shift=np.tile([0.0, 0.0, 0.6], (count, 1)),
            coefficients=np.zeros((count, coefficients)),
            precision=np.zeros((count, coefficients)),
            deviation=np.zeros((count, coefficients)),
            residual=np.zeros((count, waves, 3), np.float32),
            gaze=np.zeros((count, 2, 2)),
            gaze_weight=np.zeros((count, 2)),
            weight=np.zeros(count),
        )

    def put(self, number: int, state: FrameState, residual: np.ndarray, weight: float) -> None:
        """Store one fitted frame."""
        self.rotation[number], self.shift[number] = state.pose.rotation, state.pose.shift
        self.coefficients[number], self.precision[number] = state.coefficients, state.precision
        self.deviation[number] = state.deviation
        self.gaze[number], self.gaze_weight[number] = state.gaze, state.gaze_weight
        self.residual[number], self.weight[number] = residual, weight

    def gaze_directions(self) -> np.ndarray:
        """(F, 2, 3) unit vectors, head space."""
        return direction(self.gaze)


def smooth_motion(motion: Motion, time: np.ndarray) -> Motion:
    """Smooth every parameter; frames without a face are filled in between their neighbours."""
    count = len(motion.weight)
    if not motion.weight.any():
        return motion
    told = motion.precision.any(axis=0)  # nothing speaks for a tongue but the network's guess
    weight = np.where(told, motion.precision, 1.0) * motion.weight[:, None]
    coefficients = smooth(time, motion.coefficients, weight, noise=coefficient_noise(motion))
    # Where the head stands in the picture is known far better than how far off it is: smooth them apart.
    depth = motion.shift[:, 2:]
    seat = smooth(time, np.concatenate([motion.shift[:, :2] / depth, np.log(depth)], axis=1), motion.weight)
    depth = np.exp(seat[:, 2:])
    residual = smooth(time, motion.residual.reshape(count, -1), motion.weight, RESIDUAL_STRENGTH)
    gaze = [smooth(time, motion.gaze[:, eye], motion.gaze_weight[:, eye]) for eye in range(2)]
    return replace(
        motion,
        rotation=smooth_rotations(time, motion.rotation, motion.weight),
        shift=np.concatenate([seat[:, :2] * depth, depth], axis=1),
        coefficients=np.clip(coefficients, 0, 1),
        residual=residual.reshape(motion.residual.shape).astype(np.float32),
        gaze=np.stack(gaze, axis=1),
    )


def coefficient_noise(motion: Motion) -> np.ndarray:
    """(52,) standard deviation of each coefficient's noise from frame to frame.

    In proportion to what the fit says of its certainty. The proportion is that of the coefficients which move least,
    as the network errs much the same from one frame to the next; those often at a bound tell nothing. One that is
    noisier even where it is quietest is taken at its word, to a point: a chin must not tremble.
    """
    seen = motion.weight > 0
    values, deviation = motion.coefficients[seen], np.median(motion.deviation[seen], axis=0)
    inner = ((values > 1e-4) & (values < 1 - 1e-4)).mean(axis=0) > 0.8
    shares = [noise_level(values[:, k]) / deviation[k] for k in np.flatnonzero(inner)]
    share = min(NOISE_SHARE, float(np.percentile(shares, QUIET_SHARE))) if len(shares) > 4 else NOISE_SHARE / 2
    return np.clip(quiet_noise(values), share * deviation, NOISIER * share * deviation)


def quiet_noise(values: np.ndarray) -> np.ndarray:
    """(C,) standard deviation of white noise on curves (F, C), from their quietest stretches; 0 for short ones."""
    bends = np.diff(values, 2, axis=0) ** 2
    if len(bends) < QUIET_FRAMES:
        return np.zeros(values.shape[1])
    stretches = np.lib.stride_tricks.sliding_window_view(bends, QUIET_FRAMES, axis=0).mean(axis=2)
    return np.sqrt(np.percentile(stretches, QUIET_STRETCHES, axis=0) / 6) / QUIET_BIAS
