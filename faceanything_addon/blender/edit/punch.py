"""A second take over a range of frames."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...retarget.resample import resample
from ...retarget.second import Punch
from ...take.performance import Performance
from ..retarget.actions import ActionWriter
from ..retarget.characters import Character
from ..retarget.layers import PUNCH, action_curves, captured_strip, put_strip, read_curves, slot_of, strips_of
from ..retarget.memory import recall
from ..scene.animation import set_curve
from .layers import layered_blocks, layered_parts
from .parts import Channel, Part


def punch_in(scene: bpy.types.Scene, character: Character, performance: Performance, punch: Punch) -> None:
    """Show another performance over a range of frames, on a track of its own above the captured one.

    Raises:
        UserError: the range is empty or lies outside the second take, or no performance was ever applied.
    """
    rate = scene.render.fps / scene.render.fps_base
    parts, applied = layered_parts(scene, character), recall(character)
    first = captured_strip(parts[0].datablock.animation_data).frame_start if applied.first is None else applied.first
    at = punch.times(performance, character.name, first, applied.speed, rate)
    writer = ActionWriter(f"{character.name} {PUNCH}")
    for part in parts:
        strip = _punch_part(writer, part, part.played(performance, at), punch.frames)
        if strip is not None:
            strip.blend_in, strip.blend_out = punch.fades(rate)


def remove_punch_ins(scene: bpy.types.Scene, character: Character) -> int:
    """Take all second takes away; how many there were. Their actions stay in the file."""
    most = 0
    for block in layered_blocks(scene, character):
        data = block.animation_data
        found = strips_of(data, PUNCH)
        most = max(most, len(found))
        for track, strip in found:
            strip.action.use_fake_user = True
            data.nla_tracks.remove(track)
    return most


def _punch_part(writer: ActionWriter, part: Part, columns: dict[Channel, np.ndarray], frames: np.ndarray) -> Any:
    """The strip; None where the second take says nothing of this part."""
    data = part.datablock.animation_data
    below = captured_strip(data)
    captured = read_curves(below.action, slot_of(below))
    columns = {channel: column for channel, column in columns.items() if channel in captured}
    if not columns:
        return None
    columns = part.next_to({c: float(resample(*captured[c], frames[:1])[0]) for c in columns}, columns)
    action, slot = writer.place(part.datablock)
    curves = action_curves(action, slot)
    for (path, index), column in columns.items():
        set_curve(curves, path, index, frames, column)
    lower = [track for track, _ in strips_of(data, PUNCH)] or [t for t in data.nla_tracks if below in list(t.strips)]
    return put_strip(data, PUNCH, action, slot, (float(frames[0]), float(frames[-1])), lower[-1])
