"""A second take over a range of frames: where it is seen, and which of its moments are."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from ..take.performance import Performance


@dataclass(frozen=True)
class Punch:
    """Where a second take is seen, and how it comes and goes."""

    start: int  # scene frames, both included
    end: int
    blend_in: float = 0.2  # seconds, inside the range
    blend_out: float = 0.2
    first: float | None = None  # scene frame of the second take's own start; None: that of the first take

    @property
    def frames(self) -> np.ndarray:
        """(N,) i8"""
        return np.arange(self.start, self.end + 1)

    def times(self, performance: Performance, name: str, first: float, speed: float, rate: float) -> np.ndarray:
        """The second take's seconds (N,) that are seen at the frames.

        Args:
            name: of the character, for errors.
            first: scene frame of the first take's start. speed: of the first take.
            rate: frames per second of the scene.

        Raises:
            UserError: the range is empty or lies outside the second take.
        """
        if self.end <= self.start:
            raise UserError(f"punch-in {self.start}-{self.end}: is no range; give an end after the start")
        begin = first if self.first is None else self.first
        step, zero = speed / rate, performance.time[0]
        slack = step / 2
        # The ends first: a range that was mistyped may have millions of frames.
        if (self.start - begin) * step < -slack or zero + (self.end - begin) * step > performance.time[-1] + slack:
            raise UserError(
                f"{name}: the second take does not cover frames {self.start} to {self.end}; "
                "choose a range within it, or another start for it"
            )
        return zero + (self.frames - begin) * step

    def fades(self, rate: float) -> tuple[float, float]:
        """Frames of fading in and out, which share the range where it is too short for both."""
        length = float(self.end - self.start)
        fade_in = min(self.blend_in * rate, length)
        return fade_in, min(self.blend_out * rate, length - fade_in)


@dataclass(frozen=True)
class SecondTake:
    """A performance and where it is seen."""

    performance: Performance
    punch: Punch
