"""From a take's folder to a scene: what the operators and the command line share."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import bpy

from ..errors import UserError
from ..exchange.skin import Tell, stored_picture
from ..take.files import read_take
from ..take.take import Take
from ..template import Template, load_template
from .scene import SceneOptions, TakeObjects, build_take

CACHE_NAME = "face.pc2"
TAKE, FOOTAGE = "face_anything_take", "face_anything_footage"  # of a collection: folder, and what it was filmed from
DEFAULT_KEY_LIMIT = 600


def open_take(folder: str | Path) -> tuple[Take, Template]:
    """A take and the template that it was made with.

    Raises:
        UserError: not a take, not finished, damaged, or made with another template.
    """
    take, template = read_take(folder), load_template()
    if len(take.actor.neutral) != len(template.vertices):
        raise UserError(
            f"{folder}: was made with another face template ({len(take.actor.neutral)} vertices, this one has "
            f"{len(template.vertices)}); capture the footage again"
        )
    return take, template


def build_from_folder(
    scene: bpy.types.Scene, folder: str | Path, key_limit: int = DEFAULT_KEY_LIMIT, tell: Tell | None = None
) -> TakeObjects:
    """Build a stored take into a scene. Takes of more than key_limit frames play from a cache in the take's folder.

    Args:
        tell: hears, in a line, what had to be left out.

    Raises:
        UserError: see `open_take`.
    """
    take, template = open_take(folder)
    folder = Path(folder).expanduser().absolute()
    texture = stored_picture(folder, template, lambda: take, tell)
    options = SceneOptions(key_limit=key_limit, cache_file=folder / CACHE_NAME, texture_file=texture)
    built = build_take(scene, take, template, options)
    built.collection[TAKE], built.collection[FOOTAGE] = str(folder), take.info.footage
    return built


def look_through_camera(scene: bpy.types.Scene) -> None:
    """Show the take as it was filmed in every 3D view of the file that shows this scene, all of the picture."""
    for screen in _screens_of(scene):
        for area in screen.areas:
            for space in area.spaces:
                if isinstance(space, bpy.types.SpaceView3D) and space.region_3d is not None:
                    space.camera = scene.camera
                    space.region_3d.view_perspective = "CAMERA"
                    space.shading.type = "SOLID"
    if not bpy.app.background:
        _fit_into_views(scene)


def _fit_into_views(scene: bpy.types.Scene) -> None:
    """Zoom so that a picture of any shape is seen whole: as Blender has it, tall ones run out of the view."""
    for manager in bpy.data.window_managers:
        for window in (w for w in manager.windows if w.scene == scene):
            for area in (a for a in window.screen.areas if a.type == "VIEW_3D"):
                region = next(r for r in area.regions if r.type == "WINDOW")
                with bpy.context.temp_override(window=window, area=area, region=region):
                    bpy.ops.view3d.view_center_camera()


def _screens_of(scene: bpy.types.Scene) -> list[bpy.types.Screen]:
    """Screens of the windows that show a scene; where no window shows another, those that are not open too."""
    windows = [window for manager in bpy.data.window_managers for window in manager.windows]
    if all(window.scene == scene for window in windows):
        return list(bpy.data.screens)
    return [window.screen for window in windows if window.scene == scene]
