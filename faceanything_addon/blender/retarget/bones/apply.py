"""A performance onto the bones of a rig: measured once, solved at every frame, written as one action."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import bpy
import numpy as np

from ....errors import UserError
from ....retarget.bones import Match
from ....retarget.bones.motion import gaze_of
from ....retarget.mirror import mirrored
from ....retarget.placement import Start
from ....retarget.resample import resample, scene_frames
from ....take.performance import Performance
from ....template import load_template
from ..actions import ActionWriter
from .measure import Measured, measure
from .move import move, solve_frames
from .options import BoneOptions, BoneReport
from .rigs import match_of, rig_of
from .write import write_bones

MEASURING, SOLVING = 0.8, 0.95  # where these end on the bar


def retarget_bones(
    scene: bpy.types.Scene, performance: Performance, armature: Any, options: BoneOptions
) -> Generator[float | BoneReport, None, None]:
    """Yields shares done, at last the report. Closing it early leaves the scene as it was.

    What animated the armature before goes onto an NLA track below. Its constraints stay as they are.

    Raises:
        UserError: nothing is known of the armature's bones, or none of them can be driven.
    """
    if armature.mode == "EDIT":
        raise UserError(f"{armature.name}: is in edit mode; leave it first")
    match = _with_head(match_of(armature, options.bones), armature, options.head_bone)
    rig = rig_of(armature, match.bones, scene.objects)
    performance = mirrored(performance) if options.mirror else performance
    measured = None
    for step in measure(rig, load_template()):
        if isinstance(step, Measured):
            measured = step
        else:
            yield MEASURING * step
    assert measured is not None
    rate = scene.render.fps / scene.render.fps_base
    first = options.first.of(performance, rate) if isinstance(options.first, Start) else options.first
    frames, at = scene_frames(performance.time, rate, first, options.speed)
    performance, solved = _at(performance, at), np.zeros((len(at), 0))
    for step in solve_frames(rig, measured, performance):
        if isinstance(step, np.ndarray):
            solved = step
        else:
            yield MEASURING + (SOLVING - MEASURING) * step
    motion = move(rig, measured, solved, performance, options)
    if not motion.bones:
        raise UserError(f"{armature.name}: no bone of it can be driven; assign bones in the Bones panel")
    writer = ActionWriter(f"{armature.name} face")
    keyed, held = write_bones(writer, armature, frames, motion.bones, match.bones.neutral)
    writer.finish()
    scene.frame_end = max(scene.frame_end, int(frames[-1]))
    scene.frame_set(scene.frame_current)
    yield _report(match, measured, frames, keyed, held, writer)


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


def _at(performance: Performance, at: np.ndarray) -> Performance:
    """The performance at other times (N,)."""
    from scipy.spatial.transform import Rotation, Slerp

    time, head = performance.time, performance.head
    if head is not None:
        steady = np.repeat(head, 2, axis=0) if len(head) == 1 else head
        clock = np.array([time[0], time[0] + 1.0]) if len(head) == 1 else time
        head = Slerp(clock, Rotation.from_matrix(steady))(np.clip(at, clock[0], clock[-1])).as_matrix()
    gaze = gaze_of(performance)
    gaze = resample(time, gaze, at)
    gaze = gaze / np.linalg.norm(gaze, axis=-1, keepdims=True)
    return replace(
        performance, time=at, coefficients=resample(time, performance.coefficients, at), head=head, gaze=gaze
    )


def _report(
    match: Match, measured: Measured, frames: np.ndarray, keyed: list[str], held: list[str], writer: ActionWriter
) -> BoneReport:
    return BoneReport(
        rig=match.bones.label or match.bones.name,
        driven=tuple(keyed),
        frames=(int(frames[0]), int(frames[-1])),
        missing=match.missing,
        idle=measured.idle,
        held=tuple(held),
        actions=tuple(action.name for action in writer.actions),
    )
