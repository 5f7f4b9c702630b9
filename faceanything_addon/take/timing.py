"""Time stamps as frames of a constant rate. Nothing is stretched or squeezed: a second stays a second."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

SNAP = 0.05  # frames by which time stamps of a constant rate may miss whole frames
MILLISECOND, MOST = 0.00055, 0.25  # seconds by which those of whole milliseconds (Matroska) may; frames at most
APART = 0.01  # frames between samples whose time stamps do not rise
ROUNDING = 0.01  # frames: what time stamps may fall short of a whole frame at the end


def frame_positions(time: np.ndarray, rate: float) -> np.ndarray:
    """Where each sample lies, in frames of `rate` from the first sample on, rising. (F,) seconds -> (F,) f8"""
    return rising(snapped((time - time[0]) * rate, rate))


def snapped(positions: np.ndarray, rate: float) -> np.ndarray:
    """Whole frames of `rate` where the time stamps are whole frames up to the container's rounding."""
    whole = np.round(positions)
    miss = max(SNAP, min(MILLISECOND * rate, MOST))
    return whole if np.abs(positions - whole).max() < miss else positions


def rising(positions: np.ndarray) -> np.ndarray:
    """Broken time stamps must not stack two samples on one frame: at least a hundredth of a frame apart."""
    ramp = np.arange(len(positions)) * APART
    return np.maximum.accumulate(positions - ramp) + ramp


def frame_count(positions: np.ndarray) -> int:
    """Whole frames that the samples span, the first one included."""
    return int(np.floor(positions[-1] + ROUNDING)) + 1
