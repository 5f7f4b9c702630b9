"""Which armature, what is known of its face, and which meshes it deforms."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy

from ....errors import UserError
from ....retarget.bones import BoneMap, Match, fit_map, recognise_rig, rig_names
from ....retarget.bones.tables import bones_from_text, bones_text
from ...context import view_layer_of
from ..characters import check_local
from .sample import Rig

STORED = "face_anything_bones"  # property of the armature object: its own bone map


def find_rig(scene: bpy.types.Scene, name: str | None = None) -> Any:
    """The armature with this name, or that the object with this name belongs to; else the one recognised best.

    Raises:
        UserError: there is none.
    """
    if name is not None:
        item = scene.objects.get(name)
        if item is None:
            there = ", ".join(other.name for other in list(scene.objects)[:8])
            raise UserError(f"{name}: there is no such object in the scene; it has {there or 'none'}")
        return armature_of(item)
    armatures = [item for item in scene.objects if item.type == "ARMATURE"]
    if not armatures:
        raise UserError(f"{scene.name}: no object of the scene is an armature; choose another character")
    return max(armatures, key=lambda item: (STORED in item, recognise_rig(bone_names(item)).confidence))


def armature_of(item: Any) -> Any:
    """The armature that an object is or hangs on.

    Raises:
        UserError: it has none.
    """
    above = item
    while above is not None and above.type != "ARMATURE":
        held = [m.object for m in above.modifiers if m.type == "ARMATURE" and m.object is not None]
        above = held[0] if held else above.parent
    if above is None:
        raise UserError(f"{item.name}: neither is an armature nor hangs on one; choose an armature")
    return above


def bone_names(rig: Any) -> tuple[str, ...]:
    return tuple(bone.name for bone in rig.data.bones)


def stored_map(rig: Any) -> BoneMap | None:
    """The map that the armature itself keeps; None where it keeps none.

    Raises:
        UserError: it cannot be understood.
    """
    text = rig.get(STORED)
    if not isinstance(text, str):
        return None
    try:
        return bones_from_text(text, rig.name)
    except ValueError as error:
        raise UserError(f"{rig.name}: its stored bone map {error}; load a bone preset or clear it") from error


def store_map(rig: Any, bones: BoneMap) -> None:
    """Keep a map with the armature.

    Raises:
        UserError: the armature is linked from another file, or the map could not be read again.
    """
    check_local(rig)
    text = bones_text(bones)
    try:
        bones_from_text(text, rig.name)
    except ValueError as error:
        raise UserError(f"{rig.name}: its bone map {error}; give the bone a scale above 0") from error
    rig[STORED] = text


def match_of(rig: Any, wanted: BoneMap | None) -> Match:
    """A map under the armature's own names: the wanted one, else its own, else a known rig's.

    Raises:
        UserError: nothing is known of the rig, or nothing of the wanted map is on it.
    """
    wanted = wanted or stored_map(rig)
    if wanted is not None:
        match = fit_map(wanted, bone_names(rig))
        if not match.bones.names():
            raise UserError(f"{rig.name}: has none of the bones of {wanted.name!r}; choose another bone preset")
        return match
    match = recognise_rig(bone_names(rig))
    if not match.sure:
        raise UserError(
            f"{rig.name}: its bones are of no known rig ({', '.join(rig_names())}); "
            "assign bones or record poses in the Bones panel, or give a bone preset (docs/bones.md)"
        )
    return match


def own_map(rig: Any) -> BoneMap:
    """What the armature keeps, else what is recognised of it, else an empty map: something to add to.

    Raises:
        UserError: what it keeps cannot be understood.
    """
    kept = stored_map(rig)
    if kept is not None:
        return kept
    match = recognise_rig(bone_names(rig))
    return match.bones if match.sure else BoneMap(rig.name)


def rig_of(item: Any, bones: BoneMap, objects: Iterable[Any]) -> Rig:
    """The rig with the visible meshes that its armature deforms; those of excluded collections are not evaluated."""
    layer = view_layer_of(bpy.context)
    layer.update()  # a collection may have been excluded just now
    there = set(layer.objects)
    return Rig(item, bones, tuple(other for other in objects if other in there and _deformed(other, item)))


def _deformed(mesh: Any, rig: Any) -> bool:
    if mesh.type != "MESH" or mesh.hide_viewport or not len(mesh.data.vertices):
        return False
    return any(m.type == "ARMATURE" and m.object == rig and m.show_viewport for m in mesh.modifiers)
