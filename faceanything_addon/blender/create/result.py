"""What was made, as shape keys: first on copies, then on the meshes themselves."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import bpy
import numpy as np

from ...errors import UserError

ORIGINAL = "face_anything_original"  # of a copy: the mesh it was made from
SHAPES = "face_anything_shapes"  # marks the collection of copies
MOVED = 1e-7  # of the mesh's size: what moves less stays


def add_keys(item: Any, names: Sequence[str], offsets: np.ndarray) -> int:
    """Add shape keys; how many were added. A mesh that none of them moves gets none.

    Args:
        offsets: (S, V, 3) displacements in the world.
    """
    mesh: Any = item.data
    if float(np.abs(offsets).max(initial=0)) <= MOVED * max(*item.dimensions, 1e-9):
        return 0
    matrix = np.array(item.matrix_world, np.float64)[:3, :3]
    local = offsets @ np.linalg.inv(matrix).T
    if not mesh.shape_keys:
        item.shape_key_add(name="Basis", from_mix=False)
    basis: Any = mesh.shape_keys.reference_key
    rest = np.empty(len(mesh.vertices) * 3, np.float32)
    basis.data.foreach_get("co", rest)
    for name, offset in zip(names, local, strict=True):
        key = item.shape_key_add(name=name, from_mix=False)
        key.relative_key = basis
        key.data.foreach_set("co", (rest + offset.ravel()).astype(np.float32))
        key.value = 0.0
    mesh.update()
    return len(names)


def add_copies(
    scene: bpy.types.Scene, meshes: Sequence[Any], names: Sequence[str], offsets: Sequence[np.ndarray]
) -> bpy.types.Collection:
    """Copies with the keys in a collection of their own; the originals are hidden and stay as they are.

    Raises:
        UserError: no mesh is moved by any shape.
    """
    collection = bpy.data.collections.new(f"{meshes[0].name} ARKit")
    collection[SHAPES] = True
    for item, offset in zip(meshes, offsets, strict=True):
        copy = item.copy()
        copy.data = item.data.copy()
        copy.name = f"{item.name} ARKit"
        if copy.animation_data:
            copy.animation_data_clear()
        if not add_keys(copy, names, offset):
            bpy.data.meshes.remove(copy.data)  # the object goes with its last data
            continue
        copy[ORIGINAL] = item
        collection.objects.link(copy)
        item.hide_set(True)
    if not collection.objects:
        bpy.data.collections.remove(collection)
        raise UserError(f"{meshes[0].name}: none of the shapes moves it; choose the mesh of the face")
    scene.collection.children.link(collection)
    return collection


def accept(collection: Any) -> list[str]:
    """Move the keys onto the originals and remove the copies; names of the originals.

    Raises:
        UserError: an original is gone or has other vertices by now. Then nothing is changed.
    """
    pairs = [(copy, copy.get(ORIGINAL)) for copy in collection.objects]
    for copy, original in pairs:
        if original is None:
            raise UserError(f"{copy.name}: the mesh it was made from is gone; keep the copy instead")
        if len(original.data.vertices) != len(copy.data.vertices):
            raise UserError(f"{original.name}: has other vertices by now; make the shapes again")
        if original.mode == "EDIT":
            raise UserError(f"{original.name}: is being edited; leave Edit Mode")
        taken = {key.name for key in original.data.shape_keys.key_blocks} if original.data.shape_keys else set()
        names, _ = _new_keys(copy, original)
        if taken & set(names):
            raise UserError(f"{original.name}: already has the shape key {sorted(taken & set(names))[0]}; remove it")
    for copy, original in pairs:
        add_keys(original, *_new_keys(copy, original))
    done = [original.name for _, original in pairs]
    discard(collection)
    return done


def _new_keys(copy: Any, original: Any) -> tuple[list[str], np.ndarray]:
    """Names and world displacements (S, V, 3) of the ARKit keys of a copy."""
    from ...template.names import arkit_names

    keys = copy.data.shape_keys
    count = len(copy.data.vertices)
    rest, place = np.empty(count * 3, np.float32), np.empty(count * 3, np.float32)
    keys.reference_key.data.foreach_get("co", rest)
    names = [name for name in arkit_names() if name in keys.key_blocks]
    offsets = np.empty((len(names), count, 3), np.float32)
    for number, name in enumerate(names):
        keys.key_blocks[name].data.foreach_get("co", place)
        offsets[number] = (place - rest).reshape(-1, 3)
    # Through the original's own axes: the copy may have been moved or scaled meanwhile.
    return names, offsets @ np.array(original.matrix_world, np.float32)[:3, :3].T


def discard(collection: Any) -> None:
    """Remove the copies and show the originals again."""
    for copy in list(collection.objects):
        original = copy.get(ORIGINAL)
        if original is not None:
            original.hide_set(False)
        bpy.data.meshes.remove(copy.data)
    bpy.data.collections.remove(collection)


def results(scene: bpy.types.Scene) -> list[Any]:
    """The collections of copies in the scene, latest last."""
    return [collection for collection in scene.collection.children_recursive if collection.get(SHAPES)]


def chosen_result(scene: bpy.types.Scene, active: Any) -> Any:
    """The result that the active object belongs to, else the only one.

    Raises:
        UserError: there is none, or it is not clear which is meant.
    """
    found = results(scene)
    mine: Iterable[Any] = [c for c in found if active is not None and active.name in c.objects]
    chosen = list(mine) or found
    if len(chosen) != 1:
        raise UserError(
            "there are no new shapes; make some first" if not found else "select a copy of the result you mean"
        )
    return chosen[0]
