"""VRM characters into the scene: expressions and looks become shape keys, and the character faces -Y."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import tempfile
from collections.abc import Iterable
from math import pi, radians
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix

from ...errors import UserError
from ...exchange.vrm import MESH_TAG, Bind, Vrm, read_vrm
from ..context import view_layer_of
from .characters import key_names

HEAD = "face_anything_head"  # property of an armature: the bone that the file calls the head
WAYS = {"up": ("X", -1), "down": ("X", 1), "left": ("Z", 1), "right": ("Z", -1)}  # facing -Y, left is +X
STILL = 1e-7  # metres: a shape that moves nothing further is left out


def import_vrm(file: Path) -> list[bpy.types.Object]:
    """Import a character into the scene that is open; returns its objects.

    Raises:
        UserError: it cannot be read.
    """
    character = read_vrm(file)
    before = set(bpy.data.objects)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"{file.stem}.glb"
        copy.write_bytes(character.glb)
        try:
            bpy.ops.import_scene.gltf(filepath=str(copy))
        except (RuntimeError, AttributeError) as error:
            bpy.data.batch_remove([item for item in bpy.data.objects if item not in before])
            last = (str(error).strip().splitlines() or ["no reason given"])[-1].removeprefix("Error: ")
            raise UserError(f"{file}: cannot be read by Blender ({last}); export the character again") from error
    found: list[Any] = [item for item in bpy.data.objects if item not in before]
    if character.version == 0:
        _turn_round(found)
    for item in found:
        if item.type == "MESH":
            _complete(item, character)
        elif item.type == "ARMATURE" and character.head in bones_of(item):
            item[HEAD] = character.head
    return found


def known_head(meshes: Iterable[bpy.types.Object]) -> tuple[bpy.types.Object, str] | None:
    """Armature and bone that a character's file calls its head; None: it does not say."""
    for armature in (mesh.find_armature() for mesh in meshes):
        bone = str(armature.get(HEAD, "")) if armature is not None else ""
        if armature is not None and bone in bones_of(armature):
            return armature, bone
    return None


def bones_of(armature: Any) -> Any:
    return armature.data.bones


def _turn_round(items: list[Any]) -> None:
    """VRM 0 looks along glTF's -Z, Blender's +Y: turn the data itself, so that each object stays as it is placed."""
    turn = Matrix.Rotation(pi, 4, "Z")
    view_layer_of(bpy.context).update()
    worlds = {item: item.matrix_world.copy() for item in items}
    for data in {item.data for item in items if item.type in ("MESH", "ARMATURE")}:
        data.transform(turn, **({"shape_keys": True} if isinstance(data, bpy.types.Mesh) else {}))
    for item in sorted(items, key=_depth):
        item.matrix_world = turn @ worlds[item] @ turn.inverted()
        view_layer_of(bpy.context).update()  # children below are placed against it


def _depth(item: Any) -> int:
    return 0 if item.parent is None else 1 + _depth(item.parent)


def _complete(item: Any, character: Vrm) -> None:
    """Give a mesh the keys of the expressions that it takes part in, and those of the eyes' looks."""
    number = item.data.get(MESH_TAG)
    if item.data.shape_keys is not None:
        there = _offsets(item)
        for name, binds in character.expressions.items():
            _add(item, name, _expression(there, [bind for bind in binds if bind.mesh == number]))
    for name, offsets in _looks(item, character).items():
        _add(item, name, offsets)
    if number is not None:
        del item.data[MESH_TAG]


def _offsets(item: Any) -> dict[str, np.ndarray]:
    """Key -> (V, 3) from the rest shape, metres."""
    rest = _places(item.data.shape_keys.reference_key.points, len(item.data.vertices))
    blocks = item.data.shape_keys.key_blocks
    return {name: _places(blocks[name].points, len(rest)) - rest for name in key_names(item)}


def _places(points: Any, count: int) -> np.ndarray:
    flat = np.empty(3 * count, np.float32)
    points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def _expression(there: dict[str, np.ndarray], binds: list[Bind]) -> np.ndarray | None:
    """(V, 3) what an expression of several morphs moves; None: nothing of this mesh."""
    parts = [bind.weight * there[bind.morph] for bind in binds if bind.morph in there]
    return np.sum(parts, axis=0) if parts else None


def _add(item: Any, name: str, offsets: np.ndarray | None) -> None:
    """A new key, unless one has this name already or nothing moves."""
    if offsets is None or name in key_names(item) or np.abs(offsets).max(initial=0.0) < STILL:
        return
    if item.data.shape_keys is None:
        item.shape_key_add(name="Basis", from_mix=False)
    block = item.shape_key_add(name=name, from_mix=False)
    block.value = 0.0
    shapes: Any = item.data.shape_keys
    rest = _places(shapes.reference_key.points, len(item.data.vertices))
    block.points.foreach_set("co", (rest + offsets).astype(np.float32).ravel())


def _looks(item: Any, character: Vrm) -> dict[str, np.ndarray]:
    """Keys for eyes that the file turns by bones: each eye's by ARKit's names, both eyes' by VRM's."""
    armature = item.find_armature()
    found: dict[str, np.ndarray] = {}
    for side, bone in zip(("Left", "Right"), character.eyes, strict=True):
        if armature is None or bone not in bones_of(armature) or bone not in item.vertex_groups:
            continue
        for way, (axis, sign) in WAYS.items():
            across = way in ("left", "right")
            told = ("outer" if way == side.lower() else "inner") if across else way
            moved = _turned(item, armature, bone, Matrix.Rotation(sign * radians(character.look[told]), 3, axis))
            found[f"eyeLook{ ({'outer': 'Out', 'inner': 'In'}[told] if across else way.title()) }{side}"] = moved
            both = f"look{way.title()}" if character.version == 1 else f"Look{way.title()}"
            found[both] = found.get(both, 0) + moved
    return found


def _turned(item: Any, armature: Any, bone: str, turn: Matrix) -> np.ndarray:
    """(V, 3) offsets of the vertices that hang on a bone, when it turns about its head (world axes)."""
    world = np.array(item.matrix_world)
    center = np.array(armature.matrix_world @ armature.data.bones[bone].head_local)
    group, weight = item.vertex_groups[bone].index, np.zeros(len(item.data.vertices))
    for vertex in item.data.vertices:
        weight[vertex.index] = next((g.weight for g in vertex.groups if g.group == group), 0.0)
    shapes: Any = item.data.shape_keys
    reference = shapes.reference_key.points if shapes is not None else item.data.vertices
    places = _places(reference, len(weight)) @ world[:3, :3].T + world[:3, 3] - center
    moved = weight[:, None] * (places @ (np.array(turn) - np.eye(3)).T)
    return moved @ np.linalg.inv(world[:3, :3]).T
