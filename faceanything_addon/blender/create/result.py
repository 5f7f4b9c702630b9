"""What was made, as shape keys: first on copies, then on the meshes themselves."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import bpy
import numpy as np

from ...errors import UserError
from ...template.names import arkit_names
from ..context import view_layer_of
from ..retarget.characters import key_names
from .pieces import COPY as ORIGINAL

HIDDEN = "face_anything_hidden"  # of a copy: whether that was hidden before
BEFORE = "face_anything_before"  # of a copy: the shape keys that the original had, as JSON
SHAPES = "face_anything_shapes"  # marks the collection of copies
MOVED = 1e-7  # of the mesh's size: what moves less stays


def add_keys(item: Any, names: Sequence[str], offsets: np.ndarray, axes: np.ndarray | None = None) -> int:
    """Add shape keys; how many were added. A mesh that none of them moves gets none.

    Args:
        offsets: (S, V, 3) displacements in the world.
        axes: (3, 3) world from object, of the moment that the offsets are of; None: as it stands now.
    """
    if float(np.abs(offsets).max(initial=0)) <= MOVED * max(*item.dimensions, 1e-9):
        return 0
    own_mesh(item, names)
    mesh: Any = item.data
    axes = axes_of(item) if axes is None else axes
    back = np.linalg.inv(axes).T
    if not mesh.shape_keys:
        item.shape_key_add(name="Basis", from_mix=False)
    basis: Any = mesh.shape_keys.reference_key
    rest = np.empty(len(mesh.vertices) * 3, np.float32)
    basis.data.foreach_get("co", rest)
    for name, offset in zip(names, offsets, strict=True):
        key = item.shape_key_add(name=name, from_mix=False)
        key.relative_key = basis
        key.data.foreach_set("co", (rest + (offset @ back).ravel()).astype(np.float32))
        key.value = 0.0
    mesh.update()
    return len(names)


def axes_of(item: Any) -> np.ndarray:
    """(3, 3) world from object, without the place."""
    return np.array(item.matrix_world, np.float64)[:3, :3]


def own_mesh(item: Any, names: Sequence[str]) -> None:
    """A mesh of its own for an object whose mesh has just got these keys for another object.

    Linked duplicates, such as mirrored brows, move differently.
    """
    taken = set(names) & set(key_names(item))
    if taken:
        item.data = item.data.copy()
        for name in taken:
            item.shape_key_remove(item.data.shape_keys.key_blocks[name])


def add_copies(
    scene: bpy.types.Scene,
    meshes: Sequence[Any],
    names: Sequence[str],
    offsets: Sequence[np.ndarray],
    axes: Sequence[np.ndarray] | None = None,
) -> bpy.types.Collection:
    """Copies with the keys in a collection of their own; the originals are hidden and stay as they are.

    Args:
        axes: of the meshes, see `add_keys`.

    Raises:
        UserError: no mesh is moved by any shape.
    """
    collection = bpy.data.collections.new(f"{meshes[0].name} ARKit")
    collection[SHAPES] = True
    for number, (item, offset) in enumerate(zip(meshes, offsets, strict=True)):
        copy = item.copy()
        copy.data = item.data.copy()
        copy.name = f"{item.name} ARKit"
        if copy.animation_data:
            copy.animation_data_clear()
        if not add_keys(copy, names, offset, axes[number] if axes is not None else None):
            bpy.data.meshes.remove(copy.data)  # the object goes with its last data
            continue
        copy[ORIGINAL], copy[HIDDEN], copy[BEFORE] = item, item.hide_get(), json.dumps(_names(item))
        collection.objects.link(copy)
        _hide(item, True)
    if not collection.objects:
        bpy.data.collections.remove(collection)
        raise UserError(f"{meshes[0].name}: none of the shapes moves it; choose the mesh of the face")
    scene.collection.children.link(collection)
    return collection


def _hide(item: Any, hidden: bool) -> None:
    # An object of an excluded collection, or one that was deleted, is in no view layer and cannot be hidden.
    if item.name in view_layer_of(bpy.context).objects:
        item.hide_set(hidden)


def accept(scene: bpy.types.Scene, collection: Any) -> list[str]:
    """Move the keys onto the originals and remove the copies; names of the originals.

    Raises:
        UserError: an original is gone or has other vertices by now. Then nothing is changed.
    """
    pairs = [(copy, copy.get(ORIGINAL)) for copy in _copies(collection)]
    originals = [original for _, original in pairs]
    for copy, original in pairs:
        _check_pair(scene, copy, original)
        if originals.count(original) > 1:
            raise UserError(f"{original.name}: has several copies in {collection.name}; delete all but one")
    _part(originals)
    for copy, original in pairs:
        _add_new(copy, original)
    done = [original.name for _, original in pairs]
    discard(scene, collection)
    return done


def _part(items: Sequence[Any]) -> None:
    """Give objects that share a mesh one each, before they get keys that differ."""
    there: set[Any] = set()
    for item in items:
        if item.data in there:
            item.data = item.data.copy()
        there.add(item.data)


def take_in_hand(items: Sequence[Any]) -> None:
    """Make the first of them the active object, and select them alone."""
    layer = view_layer_of(bpy.context)
    active = layer.objects.active
    there = [item for item in items if item.name in layer.objects]
    # What the user is at work on in another mode stays in hand.
    if not there or (active is not None and active.mode != "OBJECT"):
        return
    for item in layer.objects:
        item.select_set(item in there)
    layer.objects.active = there[0]


def _check_pair(scene: bpy.types.Scene, copy: Any, original: Any) -> None:
    """Raises UserError: the keys of a copy cannot go onto the original."""
    if original is None or scene.objects.get(original.name) != original:
        raise UserError(f"{copy.name}: the mesh it was made from is gone; keep the copy instead")
    if copy.type != "MESH" or not copy.data.shape_keys:
        raise UserError(f"{copy.name}: has no shape keys any more; discard it, and make the shapes again")
    if len(original.data.vertices) != len(copy.data.vertices):
        raise UserError(f"{original.name}: has other vertices by now; make the shapes again")
    for item in (copy, original):
        if item.mode != "OBJECT":
            raise UserError(f"{item.name}: is being worked on; go to Object Mode first")
    taken = sorted(set(_names(original)) & set(_new_names(copy, original)))
    if taken:
        raise UserError(f"{original.name}: already has the shape key {taken[0]}; remove it")


def _names(item: Any) -> list[str]:
    """Of all shape keys but the rest shape, absolute ones too."""
    shapes = item.data.shape_keys
    return [block.name for block in shapes.key_blocks if block != shapes.reference_key] if shapes else []


def _new_names(copy: Any, original: Any) -> list[str]:
    """The ARKit keys of a copy, then those that the user made on it."""
    there, before = _names(copy), json.loads(copy.get(BEFORE, "null"))
    known = {*arkit_names(), *(_names(original) if before is None else before)}
    return [name for name in arkit_names() if name in there] + [name for name in there if name not in known]


def _add_new(copy: Any, original: Any) -> None:
    """Put a copy's new keys onto the original, with their ranges and what they are relative to."""
    names, offsets = _new_keys(copy, original)
    if not add_keys(original, names, offsets):
        return
    made, theirs = original.data.shape_keys.key_blocks, copy.data.shape_keys.key_blocks
    for name in names:
        key, of = made[name], theirs[name]
        for end in ("slider_max", "slider_min", "slider_max"):  # neither may pass the other
            setattr(key, end, getattr(of, end))
        key.relative_key = made.get(of.relative_key.name, key.relative_key)
        key.vertex_group = of.vertex_group if of.vertex_group in original.vertex_groups else ""


def _new_keys(copy: Any, original: Any) -> tuple[list[str], np.ndarray]:
    """Names and world displacements (S, V, 3) of the new keys of a copy."""
    keys, names = copy.data.shape_keys, _new_names(copy, original)
    count = len(copy.data.vertices)
    rest, place = np.empty(count * 3, np.float32), np.empty(count * 3, np.float32)
    keys.reference_key.data.foreach_get("co", rest)
    offsets = np.empty((len(names), count, 3), np.float32)
    for number, name in enumerate(names):
        keys.key_blocks[name].data.foreach_get("co", place)
        offsets[number] = (place - rest).reshape(-1, 3)
    # Through the original's own axes: the copy may have been moved or scaled meanwhile.
    return names, offsets @ axes_of(original).T


def discard(scene: bpy.types.Scene, collection: Any) -> None:
    """Remove the copies and show the originals again, but for those that were hidden before.

    Raises:
        UserError: a copy is being worked on.
    """
    copies = _copies(collection)
    for copy in copies:
        if copy.mode != "OBJECT":
            raise UserError(f"{copy.name}: is being worked on; go to Object Mode first")
    for copy in copies:
        if copy.get(ORIGINAL) is not None:
            _hide(copy[ORIGINAL], bool(copy[HIDDEN]))
        bpy.data.meshes.remove(copy.data)
    _keep_strangers(scene, collection)
    bpy.data.collections.remove(collection)


def _copies(collection: Any) -> list[Any]:
    return [item for item in collection.objects if HIDDEN in item and item.type == "MESH"]


def _keep_strangers(scene: bpy.types.Scene, collection: Any) -> None:
    """What the user has put into the collection stays in the scene."""
    for item in collection.objects:
        if len(item.users_collection) == 1:
            scene.collection.objects.link(item)
    for child in collection.children:
        if child.name not in scene.collection.children:
            scene.collection.children.link(child)


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
