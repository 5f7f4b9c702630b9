"""Bone maps made by hand: bones assigned to points of the face, and poses recorded from how the rig stands."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy
import numpy as np
from mathutils import Quaternion

from ....errors import UserError
from ....retarget.bones import Bone, BoneMap, Delta
from ....retarget.bones.bonemap import Pose
from ...context import scene_of
from .own import posed_by_own
from .rigs import own_map, store_map

NEUTRAL = "neutral"
STILL = 1e-5  # what counts as unmoved
DIGITS = 6
NAMED = 6  # bones that an error names


def record_pose(rig: Any, shape: str) -> tuple[str, ...]:
    """Keep how the rig stands now as the pose of a coefficient at 1, or as "neutral"; the bones that are in it.

    Raises:
        UserError: no bone is away from the neutral pose, or some stand as the applied performance puts them.
    """
    bones = own_map(rig)
    left_out = {bones.head, *bones.neck}
    neutral = {} if shape == NEUTRAL else bones.neutral
    pose = {bone.name: _delta(bone, neutral.get(bone.name, Delta())) for bone in rig.pose.bones}
    moved = {name: delta for name, delta in pose.items() if name not in left_out and not _still(delta)}
    _check_posed(rig, set(moved), bones.neutral)
    if shape == NEUTRAL:
        store_map(rig, replace(bones, neutral=moved))
        return tuple(moved)
    if not moved:
        raise UserError(f"{rig.name}: stands in its neutral pose; pose the face as {shape}, then record it")
    store_map(rig, replace(bones, poses={**bones.poses, shape: moved}))
    return tuple(moved)


def _check_posed(rig: Any, moved: set[str], neutral: Pose) -> None:
    """Raises UserError: some of the bones stand as an action made here puts them now, which is no pose of the face."""
    played = [name for name in posed_by_own(rig, scene_of(bpy.context).frame_current_final, neutral) if name in moved]
    if played:
        more = ", ..." if len(played) > NAMED else ""
        raise UserError(
            f"{rig.name}: {', '.join(played[:NAMED])}{more} stand as the applied performance puts them at this frame; "
            "clear their location, rotation and scale (Alt G, Alt R, Alt S), then pose the face and record it"
        )


def clear_pose(rig: Any, shape: str) -> None:
    """Forget a recorded pose."""
    bones = own_map(rig)
    poses = {name: pose for name, pose in bones.poses.items() if name != shape}
    store_map(rig, replace(bones, poses=poses, neutral={} if shape == NEUTRAL else bones.neutral))


def recorded(bones: BoneMap) -> set[str]:
    """Coefficients whose poses a map holds."""
    return set(bones.poses)


def assign_bone(rig: Any, name: str, bone: Bone) -> None:
    """Let a bone move the face; any other that lay on the same point is taken off it.

    Raises:
        UserError: the armature has no such bone.
    """
    if name not in rig.data.bones:
        raise UserError(f"{rig.name}: has no bone {name!r}; select one of its bones")
    bones = own_map(rig)
    others = {n: b for n, b in bones.bones.items() if n != name and (b.anchor is None or b.anchor != bone.anchor)}
    store_map(rig, replace(bones, bones={**others, name: bone}))


def assign_part(rig: Any, part: str, name: str) -> None:
    """Let a bone be the head, a bone of the neck, or an eyeball: "head", "neck", "eye_left", "eye_right".

    Raises:
        UserError: the armature has no such bone.
    """
    if name not in rig.data.bones:
        raise UserError(f"{rig.name}: has no bone {name!r}; select one of its bones")
    bones = own_map(rig)
    if part == "head":
        bones = replace(bones, head=name)
    elif part == "neck":
        bones = replace(bones, neck=(*(other for other in bones.neck if other != name), name))
    else:
        bones = replace(bones, eyes=replace(bones.eyes, moves="turn", both="", **{part.removeprefix("eye_"): name}))
    store_map(rig, bones)


def _delta(bone: Any, neutral: Delta) -> Delta:
    """How far a bone stands from its neutral pose, in its own axes."""
    location, rotation, scale = bone.matrix_basis.decompose()
    turned = Quaternion(neutral.rotation).normalized().inverted() @ rotation
    turned = -turned if turned.w < 0 else turned
    return Delta(
        location=_rounded(np.array(location) - neutral.location),
        rotation=_rounded(np.array(turned)),
        scale=_rounded(np.array(scale) / neutral.scale),
    )


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), DIGITS) for value in values)


def _still(delta: Delta) -> bool:
    usual = vars(Delta())
    return all(np.allclose(value, usual[name], atol=STILL) for name, value in vars(delta).items())


def show_pose(rig: Any, pose: Pose, neutral: Pose) -> None:
    """Pose the rig as recorded."""
    for name in {**neutral, **pose}:
        bone = rig.pose.bones.get(name)
        if bone is None:
            continue
        rest, delta = neutral.get(name, Delta()), pose.get(name, Delta())
        rotation = Quaternion(rest.rotation).normalized() @ Quaternion(delta.rotation).normalized()
        bone.location = np.add(rest.location, delta.location).tolist()
        bone.scale = np.multiply(rest.scale, delta.scale).tolist()
        _turn(bone, rotation)


def _turn(bone: Any, rotation: Quaternion) -> None:
    if bone.rotation_mode == "QUATERNION":
        bone.rotation_quaternion = rotation
    elif bone.rotation_mode == "AXIS_ANGLE":
        axis, angle = rotation.to_axis_angle()
        bone.rotation_axis_angle = (angle, *axis)
    else:
        bone.rotation_euler = rotation.to_euler(bone.rotation_mode)
