"""Bones without an interface: which armature is meant, and the report of what was done to it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import bpy

from ....take.performance import Performance
from ..characters import character_of
from .apply import run_retarget_bones
from .options import BoneOptions, BoneReport
from .rigs import find_rig


def moved_by_bones(scene: bpy.types.Scene, name: str | None) -> bool:
    """Whether the character can only be moved by bones: what is named is an armature without shape keys on it, or, if
    nothing is named, the scene has armatures and no shape keys."""
    objects = list(scene.objects)
    if name is None:
        keyed = any(character_of(item, objects).meshes for item in objects if item.type == "MESH")
        return not keyed and any(item.type == "ARMATURE" for item in objects)
    item = scene.objects.get(name)
    return item is not None and item.type == "ARMATURE" and not character_of(item, objects).meshes


def retarget_named_rig(
    scene: bpy.types.Scene, performance: Performance, name: str | None, options: BoneOptions
) -> BoneReport:
    """Animate the armature of this name, or the one that is recognised best.

    Raises:
        UserError: there is none, or nothing is known of its bones.
    """
    return run_retarget_bones(scene, performance, find_rig(scene, name), options)
