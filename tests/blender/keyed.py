"""Characters with shape keys, made in Blender."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable
from math import radians

import bpy


def add_mesh(name: str, keys: Iterable[str], parent=None):
    """A tetrahedron; key number k lifts its last vertex by k + 1 metres at value 1."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)], [], [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)])
    item = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(item)
    item.parent = parent
    item.shape_key_add(name="Basis", from_mix=False)
    for number, key in enumerate(keys):
        block = item.shape_key_add(name=key, from_mix=False)
        block.value = 0.0  # Blender 5 begins with 1
        block.points[3].co.z += number + 1
    return item


def add_armature(name: str = "rig", rotation=(0.0, 0.0, 0.0), roll: float = 40.0):
    """A neck and a head bone, the head's rolled about its axis."""
    data = bpy.data.armatures.new(name)
    item = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(item)
    bpy.context.view_layer.objects.active = item
    bpy.ops.object.mode_set(mode="EDIT")
    for bone, bottom, top in (("neck", (0, 0, 1.4), (0, -0.02, 1.5)), ("head", (0, -0.02, 1.5), (0, 0.05, 1.7))):
        made = data.edit_bones.new(bone)
        made.head, made.tail = bottom, top
    data.edit_bones["head"].parent = data.edit_bones["neck"]
    data.edit_bones["head"].roll = radians(roll)
    bpy.ops.object.mode_set(mode="OBJECT")
    item.rotation_euler = [radians(angle) for angle in rotation]
    bpy.context.view_layer.update()
    return item
