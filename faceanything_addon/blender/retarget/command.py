"""Retargeting without an interface: a character's file in, a .blend file out."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from ...cli_retarget import Plan, refuse_for_bones
from ...errors import UserError
from ...exchange.target import refuse_own_file
from ...take.storage import read_errors
from ..command import make_scene_folder, save_scene
from ..context import scene_of
from ..edit import add_layers, punch_in, refresh
from ..scene.timing import fps_pair
from .apply import Options, Report, retarget
from .bones import BoneOptions, BoneReport
from .bones.command import moved_by_bones, retarget_named_rig
from .characters import Character, find_character
from .vrm import import_vrm, known_head

KINDS = (".blend", ".glb", ".gltf", ".fbx", ".vrm")


def retarget_file(plan: Plan, words: Any) -> Report | BoneReport:
    """Open a character, animate it, edit that and save the scene. What is open in this Blender is lost.

    Args:
        words: the command line's: character (a file of one of KINDS), out, object (None: the one whose keys are
            recognised best), head (bone or object; None: what the file calls the head, else nothing turns), and how
            it is done, see `cli_retarget`.

    Raises:
        UserError: the file cannot be read, holds no such character, or `out` cannot be written.
    """
    file, out = (Path(path).expanduser().absolute() for path in (words.character, words.out))
    refuse_own_file(file, out, "the character's own file")
    make_scene_folder(out)
    open_character(file, plan.performance.rate)
    scene = scene_of(bpy.context)
    by_bones = plan.by_bones or moved_by_bones(scene, words.object)
    report = _onto_bones(scene, plan, words) if by_bones else _onto_keys(scene, plan, words)
    save_scene(out)
    return report


def _onto_keys(scene: bpy.types.Scene, plan: Plan, words: Any) -> Report:
    character = find_character(scene, words.object)
    if words.head is not None:
        target, bone = head_target(scene, character, words.head)
    else:
        target, bone = (plan.performance.head is not None and known_head(character.meshes)) or (None, "")
    options = Options(
        mapping=plan.mapping,
        mirror=words.mirror,
        first=plan.start,
        speed=words.speed,
        adopt_rate=words.adopt_rate,
        sound=not words.no_sound,
        head=target,
        bone=bone,
    )
    report = retarget(scene, plan.performance, character, options)
    return replace(report, edited=edit_as_planned(scene, character, plan, words.layers))


def _onto_bones(scene: bpy.types.Scene, plan: Plan, words: Any) -> BoneReport:
    refuse_for_bones(words.layers, plan.mapping)
    options = BoneOptions(
        plan.bones,
        words.mirror,
        plan.start,
        head=not words.no_head,
        head_bone=words.head or "",
        speed=words.speed,
        adopt_rate=words.adopt_rate,
        sound=not words.no_sound,
        edit=plan.edit,
        seconds=plan.seconds,
    )
    return retarget_named_rig(scene, plan.performance, words.object, options)


def edit_as_planned(scene: bpy.types.Scene, character: Character, plan: Plan, layers: bool) -> str:
    """Layers, second takes and edits; says what was done."""
    for second in plan.seconds:
        punch_in(scene, character, second.performance, second.punch)
    if plan.edit.changes:
        return f"edited: {refresh(scene, character, plan.edit).line()}"
    if layers:
        add_layers(scene, character)
    return ""


def open_character(file: Path, rate: float | None, kinds: tuple[str, ...] = KINDS) -> None:
    """Open or import a character's file; an import's scene gets the rate of the performance, where there is one.

    Raises:
        UserError: the file is missing, of another kind or damaged.
    """
    kind = file.suffix.lower()
    if kind not in kinds:
        raise UserError(f"{file}: is no character file; give one of {', '.join(kinds)}")
    with read_errors(file):
        if not file.is_file():
            raise UserError(f"{file}: no such file; check the path")
    try:
        if kind == ".blend":
            bpy.ops.wm.open_mainfile(filepath=str(file), load_ui=False)
            return
        # Not read_factory_settings: that would unregister this very extension.
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        if kind == ".vrm":
            import_vrm(file)
        else:
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
