"""Retargeting without an interface: a character's file in, a .blend file out."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...errors import UserError
from ...retarget import Mapping, NameTable
from ...take.performance import Performance
from ..command import make_folder, save_scene
from ..context import scene_of
from ..scene.timing import fps_pair
from .apply import Options, Report, retarget
from .characters import Character, find_character

KINDS = (".blend", ".glb", ".gltf", ".fbx")


def retarget_file(
    performance: Performance,
    character_file: str | Path,
    out: str | Path,
    name: str | None = None,
    mapping: Mapping | NameTable | None = None,
    head: str | None = None,
    mirror: bool = False,
) -> Report:
    """Open a character, animate it and save the scene. What is open in this Blender is lost.

    Args:
        character_file: .blend, .glb, .gltf or .fbx.
        name: object of the character; None: the one whose keys are recognised best.
        mapping: None: by the naming that is recognised.
        head: bone or object that receives the head's turn; None: nothing does.

    Raises:
        UserError: the file cannot be read, holds no such character, or `out` cannot be written.
    """
    file, out = Path(character_file).expanduser().absolute(), Path(out).expanduser().absolute()
    if file == out:
        raise UserError(f"{out}: is the character's own file; give another name, it would be overwritten")
    make_folder(out)
    open_character(file, performance.rate)
    scene = scene_of(bpy.context)
    character = find_character(scene, name)
    target, bone = head_target(scene, character, head) if head is not None else (None, "")
    report = retarget(scene, performance, character, Options(mapping, mirror, head=target, bone=bone))
    save_scene(out)
    return report


def open_character(file: Path, rate: float | None, kinds: tuple[str, ...] = KINDS) -> None:
    """Open or import a character's file; an import's scene gets the rate of the performance, where there is one.

    Raises:
        UserError: the file is missing, of another kind or damaged.
    """
    kind = file.suffix.lower()
    if kind not in kinds:
        raise UserError(f"{file}: is no character file; give one of {', '.join(kinds)}")
    if not file.is_file():
        raise UserError(f"{file}: no such file; check the path")
    try:
        if kind == ".blend":
            bpy.ops.wm.open_mainfile(filepath=str(file), load_ui=False)
            return
        # Not read_factory_settings: that would unregister this very extension.
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        importer(kind)(filepath=str(file))
    except (RuntimeError, AttributeError) as error:
        last = (str(error).strip().splitlines() or ["no reason given"])[-1].removeprefix("Error: ")
        raise UserError(f"{file}: cannot be read by Blender ({last}); export the character again") from error
    scene = scene_of(bpy.context)
    if rate is not None:
        scene.render.fps, scene.render.fps_base = fps_pair(rate)
    scene.frame_start = scene.frame_end = 1


def importer(kind: str) -> Any:
    """Blender's operator for .glb, .gltf, .obj or .fbx; FBX has moved between versions."""
    if kind == ".obj":
        return bpy.ops.wm.obj_import
    if kind != ".fbx":
        return bpy.ops.import_scene.gltf
    return bpy.ops.import_scene.fbx if "fbx" in dir(bpy.ops.import_scene) else bpy.ops.wm.fbx_import


def head_target(scene: bpy.types.Scene, character: Character, name: str) -> tuple[bpy.types.Object, str]:
    """What is called so: a bone of the character's armature, else an object of the scene.

    Raises:
        UserError: neither is there.
    """
    for mesh in character.meshes:
        for armature in (mesh.find_armature(), mesh.parent):
            if armature is not None and armature.pose is not None and name in armature.pose.bones:
                return armature, name
    item = scene.objects.get(name)
    if item is None:
        raise UserError(f"{name}: is neither a bone of {character.name} nor an object; give the name of one")
    return item, ""
