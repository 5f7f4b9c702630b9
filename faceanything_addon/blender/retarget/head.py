"""The head's turn onto a bone or an object. Pure numpy but for Euler angles."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Euler, Matrix, Quaternion

from ...errors import UserError
from ...retarget.resample import resample
from ...take.performance import Performance
from .. import space
from ..scene.animation import set_curve

MIRROR = np.diag([-1.0, 1.0, 1.0])
REST = "face_anything_rest_rotation"  # an object's rotation before the head's motion that is on it, without its delta
AXES = "XYZ"


def bone_turns(turns: np.ndarray, armature: Matrix, bone: Matrix) -> np.ndarray:
    """Rotations (F, 3, 3) of a pose bone from its rest, its parents at rest.

    Args:
        turns: (F, 3, 3) of the head, Blender object axes: the character faces -Y, its left is +X.
        armature: armature's world matrix. Its turn about the vertical turns the character; the rest is taken for
            the axes of its file format.
        bone: the bone's rest matrix in the armature.
    """
    frame = unheaded(_rotation(armature)) @ _rotation(bone)
    return frame.T @ turns @ frame


def object_turns(turns: np.ndarray, parent: Matrix, rest: Matrix) -> np.ndarray:
    """Rotations (F, 3, 3) of an object in its parent's space.

    Args:
        turns: as above.
        parent: world matrix that the object's own rotation is applied in, its delta rotation in it.
        rest: the object's own rotation at rest, without its delta.
    """
    above, own = _rotation(parent), _rotation(rest)
    heading = above @ own @ unheaded(above @ own).T
    return above.T @ (heading @ turns @ heading.T) @ above @ own


def unheaded(rotation: np.ndarray) -> np.ndarray:
    """A rotation (3, 3) without its turn about the vertical."""
    w, _, _, z = space.quaternions(rotation[None])[0]
    length = float(np.hypot(w, z))
    if length < 1e-6:  # upside down: it has no heading
        return rotation
    cos, sin = w / length, z / length
    c, s = cos * cos - sin * sin, 2 * sin * cos
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]) @ rotation


def _rotation(matrix: Matrix) -> np.ndarray:
    """The rotation of a matrix (4, 4) or (3, 3), scale taken out."""
    return np.array(matrix.to_quaternion().to_matrix(), np.float64)


def head_channel(target: bpy.types.Object, bone: str) -> tuple[Any, str]:
    """What is turned, a pose bone or the object itself, and the data path to it.

    Raises:
        UserError: the object has no such bone.
    """
    if not bone:
        return target, ""
    pose = target.pose.bones.get(bone) if target.pose is not None else None
    if pose is None:
        raise UserError(f"{target.name}: has no bone {bone!r}; choose one of its bones, or leave the bone empty")
    return pose, bone_path(bone)


def bone_path(bone: str) -> str:
    """Beginning of the data paths of a pose bone."""
    return f'pose.bones["{bpy.utils.escape_identifier(bone)}"].'


def head_columns(target: bpy.types.Object, bone: str, turns: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """The head's rotation in the target's own rotation mode: (data path, index) -> values (N,).

    Locked axes stay as they are.

    Args:
        turns: (N, 3, 3), see `bone_turns`.
    """
    item, path = head_channel(target, bone)
    if item.rotation_mode == "AXIS_ANGLE":
        item.rotation_mode = "QUATERNION"
    if bone:
        armature: Any = target.data
        rotations = bone_turns(turns, target.matrix_world, armature.bones[bone].matrix_local)
    else:
        above = target.parent.matrix_world @ target.matrix_parent_inverse if target.parent else Matrix()
        rest = Quaternion(rest_rotation(target)).to_matrix()
        rotations = object_turns(turns, above @ delta_rotation(target), rest.to_4x4())
    values = _with_locks(item, space.quaternions(rotations))
    return {(path + rotation_name(item), index): column for index, column in enumerate(values.T)}


def _with_locks(item: Any, quaternions: np.ndarray) -> np.ndarray:
    """(N, 4) turns -> (N, 3) or (N, 4) values of the item's rotation, its locked axes as they stand now.

    Axes of a quaternion are those of its Euler angles, as they are where Blender's own tools turn it.
    """
    plain, locked = item.rotation_mode == "QUATERNION", np.array(item.lock_rotation, bool)
    if plain and not locked.any():
        return quaternions
    order = "XYZ" if plain else item.rotation_mode
    angles = eulers(quaternions, order)
    angles[:, locked] = np.array(item.rotation_quaternion.to_euler(order) if plain else item.rotation_euler)[locked]
    if not plain:
        return angles
    return space.continuous(np.array([Euler(row, order).to_quaternion() for row in angles]))


def rotation_name(item: Any) -> str:
    """The property that turns a bone or an object in its rotation mode."""
    modes = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}
    return modes.get(item.rotation_mode, "rotation_euler")


def own_rotation(item: Any) -> Quaternion:
    """The rotation that the channels of a bone or an object say, without an object's delta rotation."""
    if item.rotation_mode == "QUATERNION":
        return item.rotation_quaternion.normalized()
    if item.rotation_mode == "AXIS_ANGLE":
        angle, *axis = item.rotation_axis_angle
        return Quaternion(axis, angle)
    return Euler(item.rotation_euler, item.rotation_mode).to_quaternion()


def delta_rotation(target: Any) -> Matrix:
    """(4, 4) of an object, not in axis and angle: Blender applies it after the object's own rotation."""
    if target.rotation_mode == "QUATERNION":
        return target.delta_rotation_quaternion.normalized().to_matrix().to_4x4()
    return Euler(target.delta_rotation_euler, target.rotation_mode).to_matrix().to_4x4()


@dataclass(frozen=True)
class Held:
    """What of the head's rotation is left alone, for people."""

    driven: tuple[str, ...] = ()  # channels that drivers move
    locked: tuple[str, ...] = ()  # axes
    whole: bool = False  # nothing of it is free


def held_of(target: Any, bone: str) -> Held:
    """What of the head's rotation is left alone.

    Raises:
        UserError: the object has no such bone.
    """
    item, path = head_channel(target, bone)
    name = rotation_name(item)
    drivers = target.animation_data.drivers if target.animation_data is not None else ()
    driven = {curve.array_index for curve in drivers if curve.data_path == path + name}
    locked = {axis for axis in range(3) if item.lock_rotation[axis]}
    if name != "rotation_euler" and driven:  # a part of a quaternion turns nowhere
        driven = {0, 1, 2}
    whole = len(driven | locked) == 3
    return Held(_axes(f"{item.name} {name}", driven), _axes(f"{item.name} rotation", locked), whole)


def _axes(name: str, axes: set[int]) -> tuple[str, ...]:
    """A rotation by its name where all axes are meant, else each axis."""
    return (name,) if len(axes) == 3 else tuple(f"{name} {AXES[axis]}" for axis in sorted(axes))


def write_head(curves: Any, target: bpy.types.Object, bone: str, frames: np.ndarray, turns: np.ndarray) -> None:
    """Key the head's rotation: curves from `ActionWriter`, frames (N,) of the scene, turns as above.

    Euler angles are keyed all three, as layers need; a driver of one of them goes on moving it.
    """
    for (path, index), column in head_columns(target, bone, turns).items():
        set_curve(curves, path, index, frames, column)


def rest_rotation(target: Any) -> list[float]:
    """The rotation that the head's motion starts from, the same at every run over a motion that is there."""
    if REST not in target:
        turned: Any = own_rotation(target)
        target[REST] = list(turned)
    return list(target[REST])


def eulers(quaternions: np.ndarray, order: str) -> np.ndarray:
    """(N, 4) -> (N, 3) radians without jumps."""
    out, last = np.empty((len(quaternions), 3)), None
    for number, quaternion in enumerate(quaternions):
        turned = Quaternion(quaternion)
        last = turned.to_euler(order, last) if last is not None else turned.to_euler(order)
        out[number] = last
    return out


def head_at(performance: Performance, at: np.ndarray, mirror: bool) -> np.ndarray:
    """Turns (N, 3, 3) of the head at times (N,), Blender object axes."""
    assert performance.head is not None
    turns = MIRROR @ performance.head @ MIRROR if mirror else performance.head
    quaternions = resample(performance.time, space.quaternions(space.object_rotations(turns)), at)
    return _matrices(quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True))


def _matrices(q: np.ndarray) -> np.ndarray:
    """Unit quaternions (N, 4) w, x, y, z -> (N, 3, 3)."""
    w, x, y, z = q.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
