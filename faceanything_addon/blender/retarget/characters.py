"""Which objects make up a character."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import bpy

from ...errors import UserError
from ...retarget import recognise


@dataclass(frozen=True)
class Character:
    """Meshes that move together: face, eyes, teeth, brows, beard."""

    name: str
    meshes: tuple[bpy.types.Object, ...]  # each with relative shape keys
    keys: tuple[str, ...]  # names of all their keys, without the rest shapes


def character_of(item: bpy.types.Object, objects: Iterable[bpy.types.Object]) -> Character:
    """The character that an object belongs to: all meshes under the same topmost parent or on the same armature.

    Args:
        item: a mesh, or the armature or empty above it.
        objects: where to look for the others.
    """
    roots = roots_of(item)
    # The panel asks at every redraw: objects without keys are passed over first.
    keyed = [other for other in objects if key_names(other)]
    meshes = tuple(other for other in keyed if other == item or roots & roots_of(other))
    keys = dict.fromkeys(name for mesh in meshes for name in key_names(mesh))
    return Character(item.name, meshes, tuple(keys))


def roots_of(item: Any) -> set[Any]:
    """What an object hangs from: its topmost parent, and those of its armatures."""
    armatures = [m.object for m in item.modifiers if m.type == "ARMATURE" and m.object is not None]
    return {_root(each) for each in (item, *armatures)}


def owner_of(item: Any) -> str:
    """A name for the whole character, whichever of its objects is asked: that of its armature's root, else its own."""
    armatures = [m.object for m in item.modifiers if m.type == "ARMATURE" and m.object is not None]
    return _root(armatures[0] if armatures else item).name


def _root(item: Any) -> Any:
    while item.parent is not None:
        item = item.parent
    return item


def key_names(item: Any) -> tuple[str, ...]:
    """Names of an object's shape keys without the rest shape; none where they are absolute, one after the other."""
    shapes = item.data.shape_keys if item.type == "MESH" else None
    if shapes is None or not shapes.use_relative:
        return ()
    return tuple(block.name for block in shapes.key_blocks if block != shapes.reference_key)


def key_path(name: str) -> str:
    """Data path of a shape key's value."""
    return f'key_blocks["{bpy.utils.escape_identifier(name)}"].value'


def find_character(scene: bpy.types.Scene, name: str | None = None) -> Character:
    """The character of the object with this name; else the one in the scene whose keys are recognised best.

    Raises:
        UserError: there is no such object, or nothing with shape keys.
    """
    objects = list(scene.objects)
    if name is not None:
        named = scene.objects.get(name)
        if named is None:
            raise UserError(f"{name}: there is no such object in the scene; it has {_listed(o.name for o in objects)}")
        return checked(character_of(named, objects))
    keyed = [item for item in objects if key_names(item)]
    if not keyed:
        raise UserError(f"{scene.name}: no object of the scene has relative shape keys; choose another character")
    return character_of(max(keyed, key=lambda item: len(recognise(key_names(item)).found)), objects)


def checked(character: Character) -> Character:
    """Raises UserError: the character has no shape keys."""
    if not character.meshes:
        raise UserError(
            f"{character.name}: neither it nor an object of its family has relative shape keys; choose a mesh that has"
        )
    return character


def check_in_scene(item: Any, scene: bpy.types.Scene) -> None:
    """Raises UserError: an object is not in the scene, but in another one or in none."""
    if item in scene.objects.values():
        return
    scenes: Any = bpy.data.scenes
    others = [other.name for other in scenes if item in other.objects.values()]
    where = f"in another scene, {others[0]}; open that, or" if others else "in no scene;"
    raise UserError(f"{item.name}: is {where} choose a character of the scene {scene.name}")


def overridden(items: Iterable[Any]) -> tuple[str, ...]:
    """Names of objects that are library overrides."""
    return tuple(dict.fromkeys(item.name for item in items if item.override_library is not None))


def lost_line(overrides: tuple[str, ...]) -> str:
    """For people: that Blender does not save what is remembered with overrides; empty where there are none."""
    if not overrides:
        return ""
    return (
        f"library override: {', '.join(overrides)}: Blender does not save the mapping, edits and the head's rest with "
        "it; make it local, or save the preset"
    )


def check_local(datablock: Any) -> None:
    """Raises UserError: it is linked from another file, where what is changed here would not be saved."""
    if datablock.library is not None:
        name = getattr(datablock, "user", datablock).name  # of shape keys: the mesh
        raise UserError(f"{name}: is linked from another file, which is not written to; make object and data local")


def _listed(names: Iterable[str], most: int = 8) -> str:
    all_names = list(names)
    more = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + more if all_names else "no objects"
