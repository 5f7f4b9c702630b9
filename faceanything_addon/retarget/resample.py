"""From the performance's own times to whole frames of a scene. Nothing is stretched or squeezed unless asked for."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ..errors import UserError
from .placement import LAST_FRAME

ROUNDING = 0.01  # frames: what time stamps may fall short of a whole frame at the end


def scene_frames(time: np.ndarray, rate: float, first: float, speed: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Whole scene frames that the performance spans, and the time of each.

    Args:
        time: (F,) seconds, rising.
        rate: frames per second of the scene.
        first: scene frame of the performance's first sample; a fraction is kept.
        speed: 2 plays the performance twice as fast.

    Returns:
        frames (N,) i8, time (N,) f8 seconds on the performance's clock.

    Raises:
        UserError: it ends beyond Blender's last frame.
    """
    last = first + (time[-1] - time[0]) * rate / speed
    if not last <= LAST_FRAME:
        raise UserError(f"the performance would end at frame {last:,.0f}: Blender has frames to {LAST_FRAME:,}")
    start, end = int(np.ceil(first - ROUNDING)), int(np.floor(last + ROUNDING))
    frames = np.arange(start, max(start, end) + 1)
    return frames, time[0] + (frames - first) * (speed / rate)


def resample(time: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Linear between samples, constant beyond the ends: values (F, ...) at time (F,) -> (N, ...) at `at` (N,)."""
    if len(time) == 1:
        return np.repeat(values, len(at), axis=0)
    after = np.clip(np.searchsorted(time, at, side="right"), 1, len(time) - 1)
    before = after - 1
    share = np.clip((at - time[before]) / (time[after] - time[before]), 0, 1)
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return values[before] * (1 - share) + values[after] * share
