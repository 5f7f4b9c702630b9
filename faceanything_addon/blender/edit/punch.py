"""A second take over a range of frames."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...errors import UserError
from ...retarget.resample import resample
from ...take.performance import Performance
from ..retarget.actions import ActionWriter
from ..retarget.characters import Character
from ..retarget.layers import PUNCH, action_curves, captured_strip, put_strip, read_curves, slot_of, strips_of
from ..retarget.memory import recall
from ..scene.animation import set_curve
from .layers import layered_parts
from .parts import Channel, Part


@dataclass(frozen=True)
class Punch:
    """Where a second take is seen, and how it comes and goes."""

    start: int  # scene frames, both included
    end: int
    blend_in: float = 0.2  # seconds, inside the range
    blend_out: float = 0.2
    first: float | None = None  # scene frame of the second take's own start; None: that of the first take


def punch_in(scene: bpy.types.Scene, character: Character, performance: Performance, punch: Punch) -> None:
    """Show another performance over a range of frames, on a track of its own above the captured one.

    Raises:
        UserError: the range is empty or lies outside the second take, or no performance was ever applied.
    """
    rate = scene.render.fps / scene.render.fps_base
    parts, applied = layered_parts(scene, character), recall(character)
    start = applied.first if punch.first is None else punch.first
    if start is None:
        start = captured_strip(parts[0].datablock.animation_data).frame_start
    frames = np.arange(punch.start, punch.end + 1)
    at = performance.time[0] + (frames - start) * (applied.speed / rate)
    _check(character, performance, punch, at, 0.5 / rate)
    writer = ActionWriter(f"{character.name} {PUNCH}")
    for part in parts:
        strip = _punch_part(writer, part, part.played(performance, at), frames)
        if strip is not None:
            length = strip.frame_end - strip.frame_start
            strip.blend_in = min(punch.blend_in * rate, length)
            strip.blend_out = min(punch.blend_out * rate, length - strip.blend_in)


def remove_punch_ins(scene: bpy.types.Scene, character: Character) -> int:
    """Take all second takes away; how many there were. Their actions stay in the file."""
    most = 0
    for part in layered_parts(scene, character):
        data = part.datablock.animation_data
        found = strips_of(data, PUNCH)
        most = max(most, len(found))
        for track, strip in found:
            strip.action.use_fake_user = True
            data.nla_tracks.remove(track)
    return most


def _check(character: Character, performance: Performance, punch: Punch, at: np.ndarray, slack: float) -> None:
    if punch.end <= punch.start:
        raise UserError(f"punch-in {punch.start}-{punch.end}: is no range; give an end after the start")
    if at[0] < performance.time[0] - slack or at[-1] > performance.time[-1] + slack:
        raise UserError(
            f"{character.name}: the second take does not cover frames {punch.start} to {punch.end}; "
            "choose a range within it, or another start for it"
        )


def _punch_part(writer: ActionWriter, part: Part, columns: dict[Channel, np.ndarray], frames: np.ndarray) -> Any:
    """The strip; None where the second take says nothing of this part."""
    data = part.datablock.animation_data
    below = captured_strip(data)
    captured = read_curves(below.action, slot_of(below))
    columns = {channel: column for channel, column in columns.items() if channel in captured}
    if not columns:
        return None
    _turn_alike(columns, {c: float(resample(*captured[c], frames[:1])[0]) for c in columns})
    action, slot = writer.place(part.datablock)
    curves = action_curves(action, slot)
    for (path, index), column in columns.items():
        set_curve(curves, path, index, frames, column)
    lower = [track for track, _ in strips_of(data, PUNCH)] or [t for t in data.nla_tracks if below in list(t.strips)]
    return put_strip(data, PUNCH, action, slot, (float(frames[0]), float(frames[-1])), lower[-1])


def _turn_alike(columns: dict[Channel, np.ndarray], first: dict[Channel, float]) -> None:
    """Quaternions of the hemisphere that is faded from: the way between q and -q is a whole turn."""
    turned = [channel for channel in columns if channel[0].endswith("rotation_quaternion")]
    if sum(columns[channel][0] * first[channel] for channel in turned) < 0:
        for channel in turned:
            columns[channel] = -columns[channel]
