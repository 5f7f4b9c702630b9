"""Scenes without an interface: the bpy module, `blender --background` and `blender --command face_anything`."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bpy

from ..errors import UserError
from ..exchange.preview import checked_suffix
from ..exchange.skin import Tell
from ..exchange.suffixes import refuse_other_scene
from ..exchange.target import refuse_source
from .context import scene_of
from .takes import build_from_folder, look_through_camera, open_take

COMMAND = "face_anything"
_handles: list[Any] = []


def build_scene_file(
    take_folder: str | Path, out: str | Path, preview: str | Path | None = None, tell: Tell | None = None
) -> None:
    """Make a .blend file of a take, and a video of its mesh over the footage.

    Starts from an empty scene: what is open in this Blender is lost.

    Args:
        preview: an .mp4 file, or another of preview.SUFFIXES; None for none.
        tell: hears, in a line, what had to be left out.

    Raises:
        UserError: the take is no good, the footage for the preview is missing, or a file cannot be written or would
            replace the take's.
    """
    out = Path(out).expanduser().absolute()
    for file in (out, preview):
        if file is not None:
            refuse_source(take_folder, file)
    if preview is not None:
        checked_suffix(Path(preview))
    make_scene_folder(out)
    open_take(take_folder)
    # Not read_factory_settings: that would unregister this very extension.
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = scene_of(bpy.context)
    build_from_folder(scene, take_folder, tell=tell)
    look_through_camera(scene)
    save_scene(out)
    if preview is not None:
        write_take_preview(take_folder, preview)


def write_take_preview(take_folder: str | Path, file: str | Path) -> None:
    """Write the video of a stored take's mesh over its footage.

    Raises:
        UserError: the take or its footage cannot be read, or the video not written.
    """
    from ..exchange.preview import write_preview

    file = Path(file).expanduser().absolute()
    make_folder(file)
    take, template = open_take(take_folder)
    write_preview(take, template, file)


def save_scene(out: Path) -> None:
    """Save what is open. Raises UserError: the file cannot be written."""
    try:
        bpy.ops.wm.save_as_mainfile(filepath=str(out), compress=True, check_existing=False)
    except RuntimeError as error:
        raise UserError(f"{out}: the scene cannot be saved ({_first_line(error)}); choose another file") from error


def make_scene_folder(out: Path) -> None:
    """Make the folder of a scene. Raises UserError: it cannot be made, or the name is that of another kind of file."""
    refuse_other_scene(out)
    make_folder(out)


def make_folder(file: Path) -> None:
    """Make the folder of a file. Raises UserError: it cannot be made."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{file.parent}: cannot be made ({error.strerror}); choose another folder") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].removeprefix("Error: ") if str(error).strip() else "no reason given"


def run_command(arguments: list[str]) -> int:
    """`blender --command face_anything reconstruct|info|scene|retarget|…`: the command line, inside Blender."""
    from ..cli import main
    from .requirements import problem

    trouble = problem()
    if trouble:
        print(f"face_anything: {trouble}", file=sys.stderr)
        return 2
    return main(arguments)


def register() -> None:
    if hasattr(bpy.utils, "register_cli_command"):
        _handles.append(bpy.utils.register_cli_command(COMMAND, run_command))


def unregister() -> None:
    while _handles:
        bpy.utils.unregister_cli_command(_handles.pop())
