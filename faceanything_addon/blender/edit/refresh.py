"""The layer Edited, made anew from those below."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...retarget.resample import resample
from ...solve.edit import Edit, punch_weight, punched
from ...solve.reduce import reduce_keys
from ..retarget.actions import ActionWriter
from ..retarget.characters import Character
from ..retarget.layers import (
    EDITED,
    LAYER,
    PUNCH,
    action_curves,
    assign,
    captured_strip,
    fit_strip,
    put_strip,
    read_curves,
    scene_frames_of,
    slot_of,
    strips_of,
)
from ..retarget.memory import recall
from ..scene.animation import set_bezier, set_curve
from .layers import layered_parts
from .parts import Channel, Part, head_problem, lost_keys

APART = 1e-3  # frames: keys closer than this are one


@dataclass(frozen=True)
class EditReport:
    """How many keys there were and are, and what could not be edited."""

    captured: int
    keys: int
    problem: str = ""

    def line(self) -> str:
        """For people."""
        after = f"; {self.problem}" if self.problem else ""
        if self.keys == self.captured:
            return f"{self.keys:,} keys{after}"
        return f"{self.keys:,} of {self.captured:,} keys ({self.keys / self.captured:.0%}){after}"


@dataclass(frozen=True)
class Stack:
    """What the captured layer and the second takes show together."""

    frames: np.ndarray  # (F,) scene frames
    channels: list[Channel]
    values: np.ndarray  # (F, K)


def refresh(scene: bpy.types.Scene, character: Character, edit: Edit) -> EditReport:
    """Make the edited layer; where the edit changes nothing it is muted. The layers below are only read.

    Raises:
        UserError: no performance was ever applied.
    """
    rate = scene.render.fps / scene.render.fps_base
    writer = ActionWriter(f"{character.name} {EDITED}")
    counts = [_refresh_part(part, edit, rate, writer) for part in layered_parts(scene, character)]
    applied = recall(character)
    problems = (head_problem(applied), lost_keys(character, applied))
    told = "; ".join(problem for problem in problems if problem)
    return EditReport(sum(before for before, _ in counts), sum(after for _, after in counts), told)


def _refresh_part(part: Part, edit: Edit, rate: float, writer: ActionWriter) -> tuple[int, int]:
    data = part.datablock.animation_data
    stack = shown_below(part, data)
    if stack is None:
        return 0, 0
    for track, _ in strips_of(data, EDITED):
        track.mute = not edit.changes
    if not edit.changes:
        return stack.values.size, stack.values.size
    values = part.edited(stack.channels, stack.frames / rate, stack.values, edit)
    curves = _edited_curves(part, data, stack, writer)
    return stack.values.size, _write(curves, part, stack, values, edit)


def shown_below(part: Part, data: Any) -> Stack | None:
    """Evaluate the captured layer and the punch-ins as Blender does, at their own keys.

    None where nothing is captured of the part, or somebody has removed it.
    """
    strips = [strip for track, strip in strips_of(data, PUNCH) if not track.mute and not strip.mute]
    base, *others = [_columns(part, strip) for strip in (captured_strip(data), *strips)]
    if not base:
        return None
    frames = _merged([base, *others], strips)
    channels = list(base)
    values = np.stack([resample(*base[channel], frames) for channel in channels], axis=1)
    for strip, other in zip(strips, others, strict=True):
        weight = _weight(strip, frames)
        kept = {channel: (frames, column) for channel, column in zip(channels, values.T, strict=True)}
        columns = [resample(*other.get(channel, kept[channel]), frames) for channel in channels]
        values = punched(values, np.stack(columns, axis=1), weight)
    return Stack(frames, channels, values)


def _weight(strip: Any, frames: np.ndarray) -> np.ndarray:
    """How much of a second take is seen, by its fades or by the user's own curve."""
    if not strip.use_animated_influence:
        return punch_weight(frames, strip.frame_start, strip.frame_end, strip.blend_in, strip.blend_out)
    curve = strip.fcurves.find("influence")
    values = [curve.evaluate(frame) if curve is not None else strip.influence for frame in frames]
    inside = (frames >= strip.frame_start) & (frames <= strip.frame_end)
    return np.where(inside, np.clip(values, 0.0, 1.0), 0.0)


def _columns(part: Part, strip: Any) -> dict[Channel, tuple[np.ndarray, np.ndarray]]:
    """Channels of a strip: scene frames and values."""
    curves = read_curves(strip.action, slot_of(strip))
    return {c: (scene_frames_of(strip, f), v) for c, (f, v) in curves.items() if part.owns(c[0]) and len(f)}


def _merged(columns: list[dict[Channel, tuple[np.ndarray, np.ndarray]]], strips: list[Any]) -> np.ndarray:
    """The frames (F,) of all keys that are seen, those of a second take only within its strip."""
    base = _frames(columns[0])
    frames = [base]
    for strip, other in zip(strips, columns[1:], strict=True):
        own = _frames(other)
        if len(own):
            frames += [own[(own >= strip.frame_start) & (own <= strip.frame_end)], _edges(strip, base)]
    merged = np.sort(np.concatenate(frames))
    return merged[np.concatenate([[True], np.diff(merged) > APART])]


def _edges(strip: Any, base: np.ndarray) -> np.ndarray:
    """Frames where a second take begins and ends, and those next to it, as far as they lie outside the first take's.

    The first take is held there and has no keys (F,) of its own, from which the second take could begin.
    """
    edges = np.array([strip.frame_start - 1, strip.frame_start, strip.frame_end, strip.frame_end + 1])
    return edges[(edges < base[0]) | (edges > base[-1])]


def _frames(columns: dict[Channel, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """(F,) of all keys of any channel, rising."""
    return np.unique(np.concatenate([np.empty(0), *(frames for frames, _ in columns.values())]))


def _edited_curves(part: Part, data: Any, stack: Stack, writer: ActionWriter) -> Any:
    """Empty F-curves of the edited layer, which is put above the other tracks of ours where there is none yet."""
    span, there = (float(stack.frames[0]), float(stack.frames[-1])), strips_of(data, EDITED)
    if there:
        strip = there[0][1]
        if _is_shared(strip, data):
            _part_from_others(strip, part, writer)
        curves = action_curves(strip.action, slot_of(strip))
        fit_strip(strip, span)
        for curve in list(curves):
            if part.owns(curve.data_path):
                curves.remove(curve)
        return curves
    action, slot = writer.place(part.datablock)
    lower = [track for track in data.nla_tracks if any(s == captured_strip(data) for s in track.strips)]
    lower += [track for track, _ in strips_of(data, PUNCH)]
    put_strip(data, EDITED, action, slot, span, lower[-1])
    return action_curves(action, slot)


def _is_shared(strip: Any, data: Any) -> bool:
    """Whether something else plays a strip's curves: Blender duplicates a character's strips, but not their actions."""
    action, slot = strip.action, slot_of(strip)
    if slot is not None:  # the action itself is shared by the data-blocks of the character
        return any(user != data.id_data for user in slot.users())
    own = [data.action, *(each.action for track in data.nla_tracks for each in track.strips)].count(action)
    return action.users - action.use_fake_user > own


def _part_from_others(strip: Any, part: Part, writer: ActionWriter) -> None:
    """Give a strip an empty action of its character's own; the one that others play stays as it is."""
    action, slot = writer.place(part.datablock)
    action[LAYER] = EDITED
    assign(strip, action, slot)


def _write(curves: Any, part: Part, stack: Stack, values: np.ndarray, edit: Edit) -> int:
    """Write the columns, reduced where that is wanted; the number of keys."""
    if edit.tolerance is None:
        for (path, index), column in zip(stack.channels, values.T, strict=True):
            set_curve(curves, path, index, stack.frames, column)
        return values.size
    count = 0
    bounds = part.bounds(stack.channels, edit.tolerance)
    for (path, index), column, bound in zip(stack.channels, values.T, bounds, strict=True):
        curve = reduce_keys(stack.frames, column, bound)
        set_bezier(curves, path, index, curve)
        count += len(curve.frames)
    return count
