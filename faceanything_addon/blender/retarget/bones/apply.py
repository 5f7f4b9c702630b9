"""A performance onto the bones of a rig: measured once, solved at every frame, written as one action."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import bpy

from ....errors import UserError
from ....retarget.bones import Match
from ....take.performance import Performance
from ....template import load_template
from ...scene.timing import fps_pair
from ..actions import BONES, ActionWriter
from ..apply import heard
from ..characters import check_local, overridden
from ..layers import layer_tracks
from .bounds import bounds_of
from .measure import FEWEST_ANCHORS, Measured, measure
from .move import move, solve_frames
from .options import MORE, BoneOptions, BoneReport
from .own import own_to_rest
from .place import Placed, place
from .rigs import match_of, rig_of
from .stuck import stuck_bones
from .write import Written, write_bones

Result = TypeVar("Result")
MEASURING, SOLVING = 0.8, 0.95  # where these end on the bar


def retarget_bones(
    scene: bpy.types.Scene, performance: Performance, armature: Any, options: BoneOptions
) -> Generator[float | BoneReport, None, None]:
    """Yields shares done, at last the report. Closing it early leaves the scene as it was.

    What animated the armature before goes onto an NLA track below. Its constraints stay as they are.

    Raises:
        UserError: nothing is known of the armature's bones, or none of them can be driven.
    """
    _check(armature)
    match = _with_head(match_of(armature, options.bones), armature, options.head_bone)
    placed = place(scene, performance, armature.name, options)
    rig = rig_of(armature, match.bones, scene.objects)
    measured = yield from _last(measure(rig, load_template()), 0.0, MEASURING)
    solved = yield from _last(solve_frames(rig, measured, placed.performance), MEASURING, SOLVING)
    motion = move(rig, measured, solved, placed.performance, options)
    if not motion.bones:
        few = f" ({_why_untold(measured)})" if measured.untold else ""
        raise UserError(f"{armature.name}: no bone of it can be driven{few}; {MORE} in the Bones panel")
    stuck = stuck_bones(armature, motion.bones)
    own_to_rest(armature)
    writer = ActionWriter(f"{armature.name} face", BONES)
    bounds = bounds_of(scene, rig, measured, options.edit.tolerance)
    written = write_bones(writer, armature, placed.frames, motion.bones, match.bones.neutral, bounds)
    writer.finish()
    sound = _set_scene(scene, armature, performance, placed, options)
    report = _report(match, measured, placed, _freed(written, stuck), stuck, writer, sound)
    yield replace(report, overrides=overridden([armature]))


def _last(steps: Iterator[float | Result], begin: float, end: float) -> Generator[float, None, Result]:
    """Yields shares from begin to end of the bar; returns what the steps end with."""
    result = None
    for step in steps:
        if isinstance(step, int | float):
            yield begin + (end - begin) * step
        else:
            result = step
    assert result is not None
    return result


def _set_scene(
    scene: bpy.types.Scene, armature: Any, performance: Performance, placed: Placed, options: BoneOptions
) -> str:
    """The scene's rate, length and sound; what became of the sound."""
    if options.adopt_rate:
        scene.render.fps, scene.render.fps_base = fps_pair(performance.rate)
    scene.frame_end = max(scene.frame_end, int(placed.frames[-1]))
    scene.frame_set(scene.frame_current)
    return heard(scene, performance, armature, placed.first, options.sound)


def _check(armature: Any) -> None:
    """Raises UserError: the armature cannot be animated as it stands."""
    if armature.mode == "EDIT":
        raise UserError(f"{armature.name}: is in edit mode; leave it first")
    check_local(armature)
    if abs(armature.matrix_world.determinant()) < 1e-18:
        raise UserError(f"{armature.name}: is scaled to nothing; set its scale")
    layers = layer_tracks(armature.animation_data)
    if layers:
        raise UserError(
            f"{armature.name}: carries the layers of a head's turn, which would be lost; "
            f"remove the track{'s' if len(layers) > 1 else ''} {', '.join(layers)} in the NLA editor first"
        )


def _with_head(match: Match, armature: Any, head: str) -> Match:
    """The match with another head bone, where one is named. Raises UserError: the armature has no such bone."""
    if head and head not in armature.data.bones:
        raise UserError(f"{armature.name}: has no bone {head!r}; choose one of its bones")
    return replace(match, bones=replace(match.bones, head=head)) if head else match


def run_retarget_bones(
    scene: bpy.types.Scene, performance: Performance, armature: Any, options: BoneOptions
) -> BoneReport:
    """The same in one go."""
    *_, last = retarget_bones(scene, performance, armature, options)
    assert isinstance(last, BoneReport)
    return last


def _freed(written: Written, stuck: tuple[str, ...]) -> Written:
    """Without the bones that constraints hold: what is keyed of them is not seen."""
    return replace(written, bones=tuple(name for name in written.bones if name not in stuck))


def _why_untold(measured: Measured) -> str:
    few = f"fewer than {FEWEST_ANCHORS} bones lie on points of the face"
    return f"{few}, and {measured.coarse}" if measured.coarse else few


def _report(
    match: Match,
    measured: Measured,
    placed: Placed,
    written: Written,
    stuck: tuple[str, ...],
    writer: ActionWriter,
    sound: str,
) -> BoneReport:
    return BoneReport(
        rig=match.bones.label or match.bones.name,
        driven=written.bones,
        frames=(int(placed.frames[0]), int(placed.frames[-1])),
        missing=match.missing,
        idle=(*measured.idle, *stuck),
        locked=(*measured.locked, *written.locked),
        held=written.held,
        actions=tuple(action.name for action in writer.actions),
        keys=written.keys,
        dense=written.dense,
        sound=sound,
        coarse="" if measured.lone else measured.coarse,
        untold=tuple(name for name in measured.untold if name not in (*written.bones, *stuck)),
        why_untold=_why_untold(measured),
    )
