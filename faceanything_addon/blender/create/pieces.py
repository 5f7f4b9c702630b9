"""Blender meshes as pieces of a character."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import numpy as np

from ...errors import UserError
from ...retarget.create import Piece
from ...template.names import arkit_names
from ..polygons import polygons
from ..retarget.characters import key_names, roots_of

COPY = "face_anything_original"  # of a copy with new shapes: the mesh it was made from


def chosen_meshes(context: Any) -> list[bpy.types.Object]:
    """The selected meshes; where there is but one, or none, the whole family of the active object.

    Raises:
        UserError: there is no mesh.
    """
    selected = [item for item in context.selected_objects if item.type == "MESH"]
    if len(selected) > 1:
        return selected
    active = selected[0] if selected else context.view_layer.objects.active
    if active is None:
        raise UserError("nothing is selected; select the character's meshes")
    return family(active, context.scene.objects)


def family(item: bpy.types.Object, objects: Iterable[bpy.types.Object]) -> list[bpy.types.Object]:
    """The meshes that belong to an object, the object itself first: same topmost parent or same armature.

    Those that are hidden are left out: they are other levels of detail, or the shapes of a rig's controls.

    Raises:
        UserError: there is none.
    """
    roots = roots_of(item)
    meshes = [other for other in objects if other == item or (other.visible_get() and roots & roots_of(other))]
    meshes = [other for other in meshes if other.type == "MESH"]
    if not meshes:
        raise UserError(f"{item.name}: is no mesh and has none; select the character's meshes")
    return sorted(meshes, key=lambda mesh: mesh != item)


def read_pieces(meshes: Iterable[bpy.types.Object], keyless: bool = True) -> list[Piece]:
    """The meshes as they stand in the world, without modifiers, at rest.

    Args:
        keyless: they are to receive ARKit's shape keys, and must have none yet.

    Raises:
        UserError: a mesh cannot be read, or cannot receive shape keys, with the reason.
    """
    return [_piece(mesh, keyless) for mesh in meshes]


def _piece(item: Any, keyless: bool) -> Piece:
    _check(item, keyless)
    mesh = item.data
    count = len(mesh.vertices)
    points = np.empty(count * 3, np.float32)
    source = mesh.shape_keys.reference_key.data if mesh.shape_keys else mesh.vertices
    source.foreach_get("co", points)
    matrix = np.array(item.matrix_world, np.float64)
    world = points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]
    return Piece(item.name, world, *polygons(mesh))


def _check(item: Any, keyless: bool) -> None:
    """Raises UserError: the mesh cannot be read, or cannot receive keys."""
    trouble = ""
    if item.mode == "EDIT":
        trouble = "is being edited; leave Edit Mode"
    elif COPY in item:
        trouble = "is a copy with new shapes; accept or discard it first"
    elif item.library or item.data.library:
        trouble = "is linked from another file; make object and data local first (Object > Relations > Make Local)"
    elif abs(np.linalg.det(np.array(item.matrix_world)[:3, :3])) < 1e-18:
        trouble = "is scaled to nothing; set its scale"
    elif any(m.type == "MIRROR" and m.show_viewport for m in item.modifiers):
        trouble = "is mirrored by a modifier; apply the Mirror modifier first"
    elif item.data.shape_keys and not item.data.shape_keys.use_relative:
        trouble = "has absolute shape keys; make them relative"
    elif keyless:
        taken = sorted(set(key_names(item)) & set(arkit_names()))
        if taken:
            trouble = f"already has the shape key {taken[0]}; remove or rename its ARKit keys first"
    if trouble:
        raise UserError(f"{item.name}: {trouble}")
