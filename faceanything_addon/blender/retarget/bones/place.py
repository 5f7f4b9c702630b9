"""A performance at the frames of the scene, with its second takes and edits, before any bone is moved."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, replace

import bpy
import numpy as np

from ....errors import UserError
from ....retarget.edited import edit_performance, performance_at, punch_performance
from ....retarget.mirror import mirrored
from ....retarget.placement import Start
from ....retarget.resample import scene_frames
from ....retarget.second import SecondTake
from ....solve.edit import punch_weight
from ....take.performance import Performance
from ...scene.timing import rate_of
from .options import BoneOptions


@dataclass(frozen=True)
class Placed:
    """What the bones are to show."""

    performance: Performance  # a sample for each frame
    frames: np.ndarray  # (F,) i8 of the scene
    first: float  # scene frame of the performance's own first sample


def place(scene: bpy.types.Scene, performance: Performance, name: str, options: BoneOptions) -> Placed:
    """Nothing of the scene is changed.

    Args:
        name: of the character, for errors.

    Raises:
        UserError: the start or a second take's range makes no sense.
    """
    rate = rate_of(scene, performance.rate if options.adopt_rate else None)
    first = options.first.of(performance, rate) if isinstance(options.first, Start) else options.first
    frames, at = scene_frames(performance.time, rate, first, options.speed)
    # Sides are the character's in all that follows.
    shown = replace(performance_at(_sided(performance, options), at), time=frames / rate)
    for second in options.seconds:
        shown = _punched(shown, second, frames, name, first, rate, options)
    return Placed(edit_performance(shown, options.edit) if options.edit.changes else shown, frames, first)


def _sided(performance: Performance, options: BoneOptions) -> Performance:
    return mirrored(performance) if options.mirror else performance


def _punched(
    shown: Performance,
    second: SecondTake,
    frames: np.ndarray,
    name: str,
    first: float,
    rate: float,
    options: BoneOptions,
) -> Performance:
    punch = second.punch
    punch.times(second.performance, name, first, options.speed, rate)
    if punch.start < frames[0] or punch.end > frames[-1]:
        raise UserError(
            f"punch-in {punch.start}-{punch.end}: leaves the performance, frames {frames[0]} to {frames[-1]}; "
            "give a range within it"
        )
    begin = first if punch.first is None else punch.first
    at = second.performance.time[0] + (frames - begin) * (options.speed / rate)
    other = performance_at(_sided(second.performance, options), at)
    weight = punch_weight(frames, punch.start, punch.end, *punch.fades(rate))
    return punch_performance(shown, other, weight)
