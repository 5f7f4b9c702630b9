"""Shape keys without an interface: a character's file in, a .blend file with ARKit keys out."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...errors import UserError
from ...exchange.target import refuse_own_file
from ...retarget.create import Landmarks, make_shapes
from ...template import load_template
from ..command import make_scene_folder, save_scene
from ..context import scene_of
from ..retarget.command import KINDS, open_character
from .operators import notes
from .pieces import family, read_pieces
from .result import add_keys


def make_shapes_file(
    character_file: str | Path,
    out: str | Path,
    name: str | None,
    landmarks: Landmarks | None,
    front: np.ndarray | None,
    report: Callable[[int, int], None],
) -> list[str]:
    """Open a character, add the keys and save the scene. What is open in this Blender is lost.

    Args:
        name: object of the character; None: all meshes of the scene.

    Returns:
        lines for people: what was made.

    Raises:
        UserError: the file cannot be read, no face is recognised in it, or `out` cannot be written.
    """
    file, out = Path(character_file).expanduser().absolute(), Path(out).expanduser().absolute()
    refuse_own_file(file, out, "the character's own file")
    make_scene_folder(out)
    open_character(file, None, (*KINDS, ".obj"))
    meshes = character_meshes(scene_of(bpy.context), file, name)
    made = make_shapes(read_pieces(meshes), load_template(), report, landmarks, front)
    counts = [add_keys(mesh, made.names, offset) for mesh, offset in zip(meshes, made.offsets, strict=True)]
    save_scene(out)
    keyed = [mesh.name for mesh, count in zip(meshes, counts, strict=True) if count]
    return [f"{', '.join(keyed)}: {len(made.names)} shape keys", *notes(made)]


def character_meshes(scene: Any, file: Path, name: str | None) -> list[Any]:
    """The named object's family, or all meshes that are not hidden.

    Raises:
        UserError: there is no such object, or no mesh.
    """
    if name is not None:
        item = scene.objects.get(name)
        if item is None:
            raise UserError(f"{name}: there is no such object in {file}; check the name")
        return family(item, scene.objects)
    meshes = [item for item in scene.objects if item.type == "MESH" and item.visible_get()]
    if not meshes:
        raise UserError(f"{file}: holds no mesh; export the character again")
    return meshes
