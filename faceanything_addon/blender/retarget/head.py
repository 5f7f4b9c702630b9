"""The head's turn onto a bone or an object. Pure numpy but for Euler angles."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Quaternion

from ...errors import UserError
from ...retarget.resample import resample
from ...take.performance import Performance
from .. import space
from ..scene.animation import set_curve

MIRROR = np.diag([-1.0, 1.0, 1.0])
REST = "face_anything_rest_rotation"  # an object's rotation before the head's motion was first put on it


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
        parent: world matrix that the object's own transform is applied in.
        rest: the object's own rotation at rest.
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
    return pose, f'pose.bones["{bpy.utils.escape_identifier(bone)}"].'


def head_columns(target: bpy.types.Object, bone: str, turns: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """The head's rotation in the target's own rotation mode: (data path, index) -> values (N,).

    Args:
        turns: (N, 3, 3), see `bone_turns`.
    """
    item, path = head_channel(target, bone)
    if bone:
        armature: Any = target.data
        rotations = bone_turns(turns, target.matrix_world, armature.bones[bone].matrix_local)
    else:
        parent = target.parent.matrix_world @ target.matrix_parent_inverse if target.parent else Matrix()
        rotations = object_turns(turns, parent, Quaternion(rest_rotation(target)).to_matrix().to_4x4())
    if item.rotation_mode == "AXIS_ANGLE":
        item.rotation_mode = "QUATERNION"
    quaternions = space.quaternions(rotations)
    name, values = "rotation_quaternion", quaternions
    if item.rotation_mode != "QUATERNION":
        name, values = "rotation_euler", eulers(quaternions, item.rotation_mode)
    return {(path + name, index): column for index, column in enumerate(values.T)}


def write_head(curves: Any, target: bpy.types.Object, bone: str, frames: np.ndarray, turns: np.ndarray) -> None:
    """Key the head's rotation: curves from `ActionWriter`, frames (N,) of the scene, turns as above."""
    for (path, index), column in head_columns(target, bone, turns).items():
        set_curve(curves, path, index, frames, column)


def rest_rotation(target: Any) -> list[float]:
    """The rotation that the head's motion starts from, the same at every run."""
    if REST not in target:
        target[REST] = list(target.matrix_basis.to_quaternion())
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
