"""SMPTE time codes (ST 12-1): HH:MM:SS:FF, with a semicolon before the frame where numbers are dropped."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from dataclasses import dataclass

FORM = re.compile(r"(\d{1,2})[:.](\d{2})[:.](\d{2})([:;.,])(\d{2,3})")
DROPPED = 2  # frame numbers a minute at 29.97, but not in each tenth minute; 4 at 59.94


@dataclass(frozen=True)
class Timecode:
    """A frame's number on the day's clock."""

    frame: int  # counted from midnight without gaps
    rate: float  # frames per second as they are: 24000 / 1001, not 24
    drop: bool = False

    @classmethod
    def parse(cls, text: str, rate: float) -> Timecode:
        """Read a time code of footage of this rate.

        Raises:
            ValueError: not a time code, or one that this rate does not have.
        """
        match = FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no time code; write HH:MM:SS:FF")
        hours, minutes, seconds, frames = (int(match.group(i)) for i in (1, 2, 3, 5))
        base, drop = nominal(rate), match.group(4) in ";,"
        if hours > 23 or minutes > 59 or seconds > 59 or frames >= base:
            raise ValueError(f"{text!r} is no time code of {base} frames a second")
        drop = drop and base % 30 == 0
        count = ((hours * 60 + minutes) * 60 + seconds) * base + frames
        whole = hours * 60 + minutes
        skipped = DROPPED * (base // 30) * (whole - whole // 10) if drop else 0
        return cls(count - skipped, exact(rate), drop)

    @property
    def seconds(self) -> float:
        """Real time since midnight of the count."""
        return self.frame / self.rate

    def __add__(self, frames: int) -> Timecode:
        return Timecode(self.frame + frames, self.rate, self.drop)

    def __str__(self) -> str:
        base, frame = nominal(self.rate), self.frame
        if self.drop:
            skip = DROPPED * (base // 30)
            minute = 60 * base - skip  # frames of a minute that drops, and of ten minutes
            tens, rest = divmod(frame, 10 * minute + skip)
            frame += skip * (9 * tens + max(0, (rest - skip) // minute))
        seconds, frames = divmod(frame, base)
        colon = ";" if self.drop else ":"
        return f"{seconds // 3600 % 24:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{colon}{frames:02d}"


def nominal(rate: float) -> int:
    """Frame numbers a second: 30 for 29.97."""
    return max(1, round(rate))


def exact(rate: float) -> float:
    """29.97, 23.98 and their kin as n * 1000 / 1001, other rates as they are."""
    ntsc = nominal(rate) * 1000 / 1001
    return ntsc if abs(rate / ntsc - 1) < 2e-4 else rate
