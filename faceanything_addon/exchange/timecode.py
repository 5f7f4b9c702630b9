"""Time codes of the Live Link Face app: HH:MM:SS:FF.sss, the frame's fraction in thousandths."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ..take.performance import storable

APP_RATE = 60  # frames of the time code per second, as the app is delivered
RATES = (60, 30, 24, 25, 48, 50, 120)  # it can be set otherwise; the file does not say to what
DAY = 86400.0


def format_timecode(seconds: float) -> str:
    """00:00:01:30.500 is 1.508333 s."""
    ticks = round(seconds * APP_RATE * 1000)
    whole, rest = divmod(ticks, APP_RATE * 1000)
    frame, thousandth = divmod(rest, 1000)
    return f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}:{frame:02d}.{thousandth:03d}"


def parse_timecodes(stamps: list[str]) -> np.ndarray:
    """Seconds (F,) since midnight of the first stamp; also HH:MM:SS.sss and plain seconds. Midnight may pass.

    Raises:
        ValueError: says which stamp cannot be read.
    """
    parts = [_split(stamp) for stamp in stamps]
    whole = np.array([seconds for seconds, _ in parts])
    frames = np.array([frame for _, frame in parts])
    time = whole + frames / _rate(whole, frames)
    return time + DAY * np.concatenate([[0], np.cumsum(np.diff(time) < -DAY / 2)])


def _split(stamp: str) -> tuple[float, float]:
    """(seconds, frames)"""
    try:
        numbers = [float(part) for part in stamp.strip().replace(";", ":").split(":")]
    except ValueError as error:
        raise ValueError(f"the time code {stamp!r} cannot be read") from error
    if len(numbers) not in (1, 3, 4) or not storable([3600 * number for number in numbers]).all():
        raise ValueError(f"the time code {stamp!r} cannot be read")
    if len(numbers) == 1:
        return numbers[0], 0.0
    hours, minutes, seconds = numbers[:3]
    return hours * 3600 + minutes * 60 + seconds, numbers[3] if len(numbers) == 4 else 0.0


def _rate(whole: np.ndarray, frames: np.ndarray) -> float:
    """Frames per second of the time code: that which spaces the stamps most evenly; of equals the app's own."""
    possible = [rate for rate in RATES if rate > frames.max()]
    if len(whole) < 3 or not possible:
        return float(possible[0] if possible else np.ceil(frames.max() + 1))

    def unevenness(rate: int) -> float:
        steps = np.diff(whole + frames / rate)
        return round(float(np.abs(steps - np.median(steps)).mean() / max(abs(np.median(steps)), 1e-9)), 3)

    return float(min(possible, key=unevenness))
