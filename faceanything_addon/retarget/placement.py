"""Where a performance begins in a scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

from ..errors import UserError
from ..take.performance import Performance
from ..timecode import Timecode

LAST_FRAME = 1_048_574  # Blender's greatest


@dataclass(frozen=True)
class Start:
    """The scene frame of the first sample: given, or by time code."""

    frame: float = 1.0
    by_timecode: bool = False
    timecode: str = ""  # of the first sample, where the performance has none or a wrong one
    zero: str = ""  # time code of scene frame 0; empty: midnight

    def of(self, performance: Performance, rate: float) -> float:
        """The frame, at the scene's frames per second.

        Seconds are kept: at the performance's own rate 01:00:00:00 is an hour's count of frames, at another rate the
        frame that is seen at the same moment.

        Raises:
            UserError: there is no time code, it is none, or the frame lies beyond Blender's last.
        """
        if not self.by_timecode:
            if not abs(self.frame) <= LAST_FRAME:
                raise UserError(f"first frame {self.frame:g}: Blender has frames to {LAST_FRAME:,}; give one of these")
            return self.frame
        start = timecode_seconds(self.timecode, performance.rate) if self.timecode else performance.start
        if start is None:
            raise UserError("the performance has no time code; give one, or a first frame")
        frame = (start - (timecode_seconds(self.zero, performance.rate) if self.zero else 0.0)) * rate
        if not 0 <= frame <= LAST_FRAME:
            raise UserError(
                f"the performance begins at frame {frame:,.0f} by its time code, where Blender has no frames; "
                "give the time code that is to be frame 0"
            )
        return round(frame, 3)


def timecode_seconds(text: str, rate: float) -> float:
    """Since midnight. Raises UserError: it is no time code of this rate."""
    try:
        return Timecode.parse(text, rate).seconds
    except ValueError as error:
        raise UserError(f"time code {error}") from error
