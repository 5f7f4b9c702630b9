"""What the user sets in the panel, stored with the scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from math import degrees, radians
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ..errors import UserError
from ..jobs.clip import ClipOptions
from .context import scene_of

SCENE: Any = bpy.types.Scene  # the stubs know no add-on's properties


class FACEANYTHING_PG_settings(bpy.types.PropertyGroup):
    footage: StringProperty(name="Footage", description="Video, picture, or folder of pictures", subtype="FILE_PATH")
    out: StringProperty(name="Take", description="Folder for the take. Empty: beside the footage", subtype="DIR_PATH")
    use_range: BoolProperty(name="Frame Range", description="Capture a part of the footage")
    start: IntProperty(name="Start", description="First frame, counted from 0", min=0)
    end: IntProperty(name="End", description="Frame to stop before", default=250, min=1)
    use_fov: BoolProperty(
        name="Field of View", description="Give the camera's field of view instead of having it estimated"
    )
    fov: FloatProperty(
        name="Horizontal",
        description="Horizontal field of view of the footage",
        subtype="ANGLE",
        default=radians(54.4),
        min=radians(1),
        max=radians(170),
    )


def settings_of(context: bpy.types.Context) -> FACEANYTHING_PG_settings:
    """The panel's settings of the current scene."""
    scene: Any = scene_of(context)  # the stubs know no add-on's properties
    return scene.face_anything


def take_folder(settings: FACEANYTHING_PG_settings) -> Path | None:
    """Where the take goes; None until footage or folder is chosen."""
    if settings.out:
        return Path(bpy.path.abspath(settings.out))
    if not settings.footage:
        return None
    footage = Path(bpy.path.abspath(settings.footage))
    return footage.parent / f"{footage.stem or footage.name}_take"


def clip_options(settings: FACEANYTHING_PG_settings, threads: int | None, resume: bool, overwrite: bool) -> ClipOptions:
    """The panel as options of a capture.

    Raises:
        UserError: no footage is chosen, or the range is empty.
    """
    folder = take_folder(settings)
    if not settings.footage or folder is None:
        raise UserError("no footage is chosen; set Footage in the Face Anything panel")
    if settings.use_range and settings.end <= settings.start:
        raise UserError(f"no frame lies from start {settings.start} to end {settings.end}; give a greater end")
    return ClipOptions(
        footage=bpy.path.abspath(settings.footage),
        out=str(folder),
        start=settings.start if settings.use_range else None,
        end=settings.end if settings.use_range else None,
        fov_degrees=round(degrees(settings.fov), 4) if settings.use_fov else None,
        resume=resume,
        overwrite=overwrite,
        threads=threads,
    )


def register() -> None:
    bpy.utils.register_class(FACEANYTHING_PG_settings)
    SCENE.face_anything = PointerProperty(type=FACEANYTHING_PG_settings)


def unregister() -> None:
    del SCENE.face_anything
    bpy.utils.unregister_class(FACEANYTHING_PG_settings)
