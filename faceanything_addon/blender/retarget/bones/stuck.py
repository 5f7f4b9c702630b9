"""Bones that their constraints hold: keys of them are not seen."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector

from ....retarget.bones.motion import BoneMotion
from ...context import view_layer_of
from .hold import held_still

STUCK = 0.35  # share of its motion that is seen of a bone that is held; one that is tracked may roll a little
LEAST = 1e-4  # radians or lengths of the bone that count as motion


def stuck_bones(rig: Any, motions: dict[str, BoneMotion]) -> tuple[str, ...]:
    """The bones of which next to nothing is seen when they stand as they are to at their farthest.

    Constraints act as they do now, those to other objects too. The rig is put back at the end.
    """
    bones = [rig.pose.bones[name] for name in motions if _is_constrained(rig.pose.bones[name])]
    if not bones:
        return ()
    with held_still(rig, (), alone=False):
        return tuple(bone.name for bone in bones if _is_stuck(bone, motions[bone.name]))


def _is_constrained(bone: Any) -> bool:
    return any(not constraint.mute and constraint.influence > 0 for constraint in bone.constraints)


def _is_stuck(bone: Any, motion: BoneMotion) -> bool:
    """Whether neither turn nor shift of the bone, which is at rest and in quaternion mode, are seen."""
    turn, shift = (values[np.linalg.norm(values, axis=1).argmax()] for values in (motion.turn, motion.location))
    before = _stands(bone)
    bone.rotation_quaternion, bone.location = Quaternion(Vector(turn), float(np.linalg.norm(turn))), shift.tolist()
    after = _stands(bone)
    bone.rotation_quaternion, bone.location = (1, 0, 0, 0), (0, 0, 0)
    turned = before.to_quaternion().rotation_difference(after.to_quaternion()).angle
    shifted = (after.translation - before.translation).length
    pairs = ((min(turned, 2 * np.pi - turned), turn, 1.0), (shifted, shift, bone.length))
    seen = [there / np.linalg.norm(wanted) for there, wanted, unit in pairs if np.linalg.norm(wanted) > LEAST * unit]
    return bool(seen) and bool(max(seen) < STUCK)


def _stands(bone: Any) -> Matrix:
    """Of a bone as its constraints leave it, seen from its parent."""
    view_layer_of(bpy.context).update()
    return bone.parent.matrix.inverted() @ bone.matrix if bone.parent is not None else bone.matrix.copy()
