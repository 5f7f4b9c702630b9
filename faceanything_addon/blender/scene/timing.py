"""When each frame of a take happens in the scene. Pure numpy."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...take.timing import rising, snapped

FIRST_FRAME = 1


@dataclass(frozen=True)
class Clock:
    """Scene frames of a take. The plate's picture number `plate_offset` is seen at scene frame 1."""

    rate: float  # scene frames per second
    keys: np.ndarray  # (F,) f8 scene frame of each frame of the take, with fractions
    plate_offset: int
    origin: float = 0.0  # time of the footage's first picture, seconds

    def frame_of(self, time: float) -> float:
        """Scene frame at which a moment of the footage is seen."""
        return (time - self.origin) * self.rate - self.plate_offset + FIRST_FRAME

    @property
    def first(self) -> int:
        return FIRST_FRAME

    @property
    def last(self) -> int:
        return max(FIRST_FRAME, int(np.ceil(self.keys[-1] - 1e-3)))


def make_clock(time: np.ndarray, origin: float, rate: float) -> Clock:
    """Place frames by their time stamps.

    Blender shows picture n of a movie at n / rate, so a frame belongs at time * rate even where the footage's own
    rate varies; whole frames of the start go into the plate's offset and the fraction stays in the keys.

    Args:
        time: (F,) seconds, as the container says.
        origin: time of the footage's first picture, whether or not the take has it.
        rate: frames per second at which Blender shows the footage.
    """
    position = (time - origin) * rate
    offset = round(float(position[0]))
    return Clock(rate, rising(snapped(position - offset + FIRST_FRAME, rate)), offset, origin)


def rate_of(scene: Any, adopted: float | None = None) -> float:
    """Frames per second of a scene, or those that it would have if it took over a performance's rate."""
    fps, base = (scene.render.fps, scene.render.fps_base) if adopted is None else fps_pair(adopted)
    return fps / base


def fps_pair(rate: float) -> tuple[int, float]:
    """Blender's (fps, fps_base) with fps / fps_base = rate; 29.97 and its kin become n / 1.001."""
    ntsc = rate * 1.001
    if abs(rate - round(rate)) > 1e-4 and abs(ntsc - round(ntsc)) < 0.004:
        return round(ntsc), 1.001
    fps = max(1, round(rate))
    return fps, fps / rate
