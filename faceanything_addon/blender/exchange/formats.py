"""How each of Blender's exporters is called."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ...errors import UserError


@dataclass(frozen=True)
class Format:
    """A kind of file."""

    label: str
    suffixes: tuple[str, ...]
    contents: tuple[str, ...]  # of build.CONTENTS; the first is the usual one
    first: int  # frame of the take's first frame: 1 on timelines, as in Blender; 0 in clips, which begin at 0 s
    operator: Callable[[], Any]
    options: Callable[[Path, str, Any], dict[str, Any]]  # of the file, the content and the scene


def _alembic(file: Path, content: str, scene: Any) -> dict[str, Any]:
    return {
        "start": scene.frame_start,
        "end": scene.frame_end,
        "selected": True,
        "uvs": True,
        "face_sets": True,
        "as_background_job": False,
        "evaluation_mode": "RENDER",
    }


def _usd(file: Path, content: str, scene: Any) -> dict[str, Any]:
    return {
        "selected_objects_only": True,
        "export_animation": True,
        "export_shapekeys": content == "rig",
        "export_materials": True,
        "generate_preview_surface": True,
        "export_textures": True,  # until 4.4
        "export_textures_mode": "NEW",  # since 4.5
        "relative_paths": True,
        "convert_orientation": True,
        "export_global_up_selection": "Y",
        "export_global_forward_selection": "NEGATIVE_Z",
        "evaluation_mode": "RENDER",
    }


def _gltf(file: Path, content: str, scene: Any) -> dict[str, Any]:
    return {
        "export_format": "GLB" if file.suffix.lower() == ".glb" else "GLTF_SEPARATE",
        "use_selection": True,
        "export_cameras": True,
        "export_morph": True,
        "export_morph_normal": False,
        "export_animations": True,
        # One clip for head, eyes and face instead of one for each.
        "export_animation_mode": "SCENE",
        "export_anim_scene_split_object": False,
        "export_force_sampling": True,
        "export_optimize_animation_size": False,
        "export_yup": True,
    }


def _fbx(file: Path, content: str, scene: Any) -> dict[str, Any]:
    return {
        "use_selection": True,
        "object_types": {"EMPTY", "MESH", "CAMERA"},
        "path_mode": "COPY",
        "embed_textures": True,
        "bake_anim": True,
        # With either of these on, the animation of shape keys is lost.
        "bake_anim_use_all_actions": False,
        "bake_anim_use_nla_strips": False,
        "bake_anim_simplify_factor": 0.0,
        "axis_forward": "-Z",
        "axis_up": "Y",
    }


FORMATS = {
    "alembic": Format("Alembic", (".abc",), ("mesh",), 1, lambda: bpy.ops.wm.alembic_export, _alembic),
    "usd": Format("USD", (".usdc", ".usda", ".usd"), ("rig", "mesh"), 1, lambda: bpy.ops.wm.usd_export, _usd),
    "gltf": Format("glTF", (".glb", ".gltf"), ("rig",), 0, lambda: bpy.ops.export_scene.gltf, _gltf),
    "fbx": Format("FBX", (".fbx",), ("rig",), 0, lambda: bpy.ops.export_scene.fbx, _fbx),
}


def checked_content(kind: str, content: str | None) -> str:
    """The wished content, else the format's usual one. Raises UserError: the format cannot hold it."""
    chosen = FORMATS[kind]
    if content is not None and content not in chosen.contents:
        other = "alembic or usd" if content == "mesh" else "usd, gltf or fbx"
        raise UserError(f"--content {content}: {chosen.label} cannot hold it; choose {other}")
    return content or chosen.contents[0]


def checked_suffix(kind: str, out: Path) -> None:
    """Raises UserError: the file's name does not end as the format's do."""
    suffixes = FORMATS[kind].suffixes
    if out.suffix.lower() not in suffixes:
        raise UserError(f"{out}: {FORMATS[kind].label} needs a name that ends with {' or '.join(suffixes)}")


def write_scene(kind: str, file: Path, content: str, scene: bpy.types.Scene) -> None:
    """Export the selected objects of the scene that is open.

    Raises:
        UserError: this Blender lacks the exporter, or it fails.
    """
    chosen = FORMATS[kind]
    try:
        operator = chosen.operator()
        known = operator.get_rna_type().properties.keys()
        options = {name: value for name, value in chosen.options(file, content, scene).items() if name in known}
        operator(filepath=str(file), check_existing=False, **options)
    except (AttributeError, KeyError) as error:
        raise UserError(
            f"{file.name}: this Blender cannot write {chosen.label}; use Blender from blender.org"
        ) from error
    except RuntimeError as error:
        raise UserError(f"{file.name}: the export failed ({_reason(error)}); choose another file") from error
    if not file.is_file() or not file.stat().st_size:
        raise UserError(f"{file.name}: Blender wrote nothing; choose another file")


def _reason(error: RuntimeError) -> str:
    """The line of an operator's error, which may hold a traceback, that says what went wrong."""
    lines = [line.strip() for line in str(error).splitlines()]
    telling = [line for line in lines if line and not line.startswith("Location:")]
    return telling[-1].removeprefix("Error: ")[:120] if telling else "no reason given"
