"""A performance onto the bones of a rig: measured once, solved at every frame, written as one action."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import bpy
import numpy as np

from ....errors import UserError
from ....retarget.bones import Bone, BoneMap, Match
from ....retarget.bones.bonemap import AIM
from ....retarget.bones.face import Face
from ....retarget.bones.motion import Motion, add_head, aim_moves, eye_turns, gaze_of
from ....retarget.bones.probes import choose_probes, face_of
from ....retarget.bones.solve import Response, settled_trust, solve_bones, without
from ....retarget.mirror import mirrored
from ....retarget.resample import resample, scene_frames
from ....take.performance import Performance
from ....template import Template, load_template
from ....template.names import arkit_names
from ... import space
from ...context import view_layer_of
from ..actions import ActionWriter
from ..head import unheaded
from .hold import held_still
from .rigs import match_of, rig_of
from .sample import Channel, Rig, channels_of, idle_channels, inherited_turn, pose_bone, sample
from .write import write_bones

FEWEST_ANCHORS = 4
SHARE_OF_NECK = 0.35


@dataclass(frozen=True)
class BoneOptions:
    """How a performance is put onto a rig."""

    bones: BoneMap | None = None  # None: what the armature keeps, else what is recognised
    mirror: bool = False  # the subject's left drives the character's right
    first: int = 1  # scene frame of the first sample
    head: bool = True  # turn neck and head
    eyes: bool = True  # turn the eyes
    head_bone: str = ""  # instead of the map's
    neck_share: float = SHARE_OF_NECK  # of the head's turn that the neck makes


@dataclass(frozen=True)
class BoneReport:
    """What was done and what was not."""

    rig: str  # name of the map
    driven: tuple[str, ...]  # bones
    frames: tuple[int, int]  # first and last
    missing: tuple[str, ...]  # bones of the map that the armature lacks
    idle: tuple[str, ...]  # bones that move nothing of the face, or are held by constraints
    held: tuple[str, ...]  # channels left to their drivers
    actions: tuple[str, ...]

    def lines(self) -> list[str]:
        """For people: what was done, then what was left out."""
        done = f"{self.rig}: {len(self.driven)} bones, frames {self.frames[0]} to {self.frames[1]}"
        left = {"missing bones": self.missing, "bones that move nothing": self.idle, "held by drivers": self.held}
        return [done, *(f"{k}: {', '.join(v)}" for k, v in left.items() if v)]


@dataclass(frozen=True)
class Measured:
    """What is known of a rig after it was tried."""

    face: Face
    channels: list[Channel]  # D
    response: Response
    trust: np.ndarray  # (P,)
    probes: Any
    centers: dict[str, np.ndarray]  # (3,) armature space: heads of the bones that the eyes need
    inherits: float  # of the neck's turn by the head bone
    idle: tuple[str, ...]


def retarget_bones(
    scene: bpy.types.Scene, performance: Performance, armature: Any, options: BoneOptions
) -> Generator[float | BoneReport, None, None]:
    """Yields shares done, at last the report. Closing it early leaves the scene as it was.

    What animated the armature before goes onto an NLA track below. Its constraints stay as they are.

    Raises:
        UserError: nothing is known of the armature's bones, or none of them can be driven.
    """
    match = _with_head(match_of(armature, options.bones), armature, options.head_bone)
    rig = rig_of(armature, match.bones, scene.objects)
    performance = mirrored(performance) if options.mirror else performance
    measured = None
    for step in measure(rig, load_template()):
        if isinstance(step, Measured):
            measured = step
        else:
            yield 0.9 * step
    assert measured is not None
    rate = scene.render.fps / scene.render.fps_base
    frames, at = scene_frames(performance.time, rate, options.first)
    motion = move(rig, measured, _at(performance, at), options)
    if not motion.bones:
        raise UserError(f"{armature.name}: no bone of it can be driven; assign bones in the Bones panel")
    yield 0.95
    writer = ActionWriter(f"{armature.name} face")
    keyed, held = write_bones(writer, armature, frames, motion.bones, match.bones.neutral)
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


def measure(rig: Rig, template: Template) -> Iterator[float | Measured]:
    """Try the face's bones; yields shares done, at last what was found. The rig is put back at the end, whatever
    happens."""
    with held_still(rig.item, rig.meshes):
        for name, delta in rig.map.neutral.items():
            if name in rig.item.pose.bones:
                pose_bone(rig.item.pose.bones[name], delta)
        view_layer_of(bpy.context).update()
        points, bones = _eye_points(rig), rig.map.bones
        fallback = unheaded(np.array(rig.item.matrix_world.to_quaternion().to_matrix())).T @ space.OBJECT_FROM_HEAD
        face = face_of(template, points, _with_eyes(rig), fallback)
        anchored = [name for name, bone in bones.items() if bone.anchor]
        solvable = bones if len(anchored) >= FEWEST_ANCHORS else {}
        vertices, normals = (rig.vertices(), rig.normals()) if solvable else (np.zeros((0, 3)),) * 2
        probes = choose_probes(template, face, points, solvable, vertices, normals)
        channels = [channel for channel in channels_of(rig) if channel.bone in solvable]
        response = Response(np.zeros((0, 0, 3)), np.zeros((0, 0, 3)), np.zeros(0), np.zeros(0), face.size)
        for step in sample(rig, probes, face, channels):
            if isinstance(step, Response):
                response = step
            else:
                yield step
        inherits = inherited_turn(rig)
    idle = idle_channels(response) if len(channels) else np.zeros(0, bool)
    useful = [channel for channel, still in zip(channels, idle, strict=True) if not still]
    response, trust = without(response, idle), probes.trust
    if useful:
        trust = settled_trust(response, trust, probes.targets(face, np.eye(len(arkit_names()))), len(probes.bones))
    nothing = tuple(name for name in solvable if name not in {channel.bone for channel in useful})
    yield Measured(face, useful, response, trust, probes, points, inherits, nothing)


def move(rig: Rig, measured: Measured, performance: Performance, options: BoneOptions) -> Motion:
    """The bones' motion at every sample of a performance."""
    motion, rest, slide = Motion(len(performance)), rig.rest(), rig.slide()
    columns = dict(zip(performance.names, performance.coefficients.T.astype(np.float64), strict=True))
    none = np.zeros(len(performance))
    if measured.channels:
        free = [columns.get(n, none) if n not in rig.map.poses else none for n in arkit_names()]
        targets = measured.probes.targets(measured.face, np.stack(free, axis=1))
        solved = solve_bones(measured.response, measured.trust, targets)
        for channel, steps in zip(measured.channels, solved.T, strict=True):
            bone = motion.of(channel.bone)
            values = bone.turn if channel.turn else bone.location
            values[:, channel.axis] += steps * channel.step(measured.face.size)
    for name, pose in rig.map.poses.items():
        motion.add_pose(pose, columns.get(name, none), measured.face, rest, slide)
    if options.head and performance.head is not None:
        share, head = float(np.clip(options.neck_share, 0, 1)), rig.map.head
        add_head(motion, performance.head, head, rig.map.neck, share, measured.inherits, measured.face.axes, rest)
    if options.eyes:
        _add_eyes(motion, rig, measured, gaze_of(performance))
    for name in rig.map.neutral:
        if name in rest:
            motion.of(name)
    return motion


def _add_eyes(motion: Motion, rig: Rig, measured: Measured, gaze: np.ndarray) -> None:
    eyes, axes, centers = rig.map.eyes, measured.face.axes, measured.centers
    rest, slide = rig.rest(), rig.slide()
    if eyes.moves != AIM:
        for number, name in enumerate((eyes.left, eyes.right)):
            if name in rest:
                motion.of(name).turn += eye_turns(gaze[:, number], axes, rest[name])
        return
    pairs = ((eyes.left, eyes.left_center, 0), (eyes.right, eyes.right_center, 1))
    there = [(name, center, eye) for name, center, eye in pairs if name in rest and center in centers]
    moves = [aim_moves(gaze[:, eye], centers[center], centers[name], axes) for name, center, eye in there]
    if not moves:
        return
    shared = np.mean(moves, axis=0) if eyes.both in rest else np.zeros_like(moves[0])
    if eyes.both in rest:
        motion.of(eyes.both).location += shared @ slide[eyes.both]
    for (name, _, _), own in zip(there, moves, strict=True):
        motion.of(name).location += (own - shared) @ slide[name]


def _eye_points(rig: Rig) -> dict[str, np.ndarray]:
    """Points of the face bones, and heads of the bones of the eyes, armature space."""
    eyes, pose = rig.map.eyes, rig.item.pose.bones
    names = (eyes.left, eyes.right, eyes.left_center, eyes.right_center)
    return {**{name: np.array(pose[name].head, np.float64) for name in names if name in pose}, **rig.points()}


def _with_eyes(rig: Rig) -> dict[str, Any]:
    """The face bones and, as anchors, the bones at the centres of the eyeballs."""
    eyes = rig.map.eyes
    centers = (eyes.left_center, eyes.right_center) if eyes.moves == AIM else (eyes.left, eyes.right)
    sides = {name: Bone(f"eye_{side}") for name, side in zip(centers, ("left", "right"), strict=True) if name}
    return {**sides, **rig.map.bones}


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
