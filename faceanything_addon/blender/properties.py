"""What the user sets in the panel, stored with the scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from math import degrees, radians
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ..errors import UserError
from ..jobs.clip import ClipOptions
from ..jobs.predictors import EMBEDDED, FULL, JOINT, ONE_BY_ONE
from .context import scene_of

SCENE: Any = bpy.types.Scene  # the stubs know no add-on's properties


class FACEANYTHING_PG_settings(bpy.types.PropertyGroup):
    footage: StringProperty(name="Footage", description="Video, picture, or folder of pictures", subtype="FILE_PATH")
    out: StringProperty(name="Take", description="Folder for the take. Empty: beside the footage", subtype="DIR_PATH")
    fps: FloatProperty(
        name="Frame Rate", description="Of a folder of pictures; videos bring their own", default=25.0, min=1, max=1000
    )
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
    masks: StringProperty(
        name="Masks",
        description="Folder with one picture a frame, white where the frame counts. Empty: all of it does",
        subtype="DIR_PATH",
    )
    predictor: EnumProperty(
        name="Network",
        description="What looks at the footage",
        items=[
            (EMBEDDED, "Embedded", "Comes with the extension; runs on any processor"),
            (
                FULL,
                "Full-Size",
                "The released Face Anything network; its weights are yours to get, see the preferences",
            ),
        ],
    )
    device: EnumProperty(
        name="Device",
        description="Where the full-size network runs",
        items=[
            ("auto", "Automatic", "The graphics card where there is one, else the processor"),
            ("cuda", "CUDA", "NVIDIA, or AMD through ROCm"),
            ("mps", "Metal", "Apple's graphics"),
            ("cpu", "Processor", "Slow: minutes a frame"),
        ],
    )
    mode: EnumProperty(
        name="Frames",
        description="How the full-size network sees them",
        items=[
            (JOINT, "Together", "Windows of frames that know of each other: steadier"),
            (ONE_BY_ONE, "One by One", "Each on its own: less memory"),
        ],
    )
    window: IntProperty(
        name="Window",
        description="Frames seen together. 0: as many as the memory is enough for",
        default=0,
        min=0,
        max=1000,
    )


def settings_of(context: bpy.types.Context) -> FACEANYTHING_PG_settings:
    """The panel's settings of the current scene."""
    scene: Any = scene_of(context)  # the stubs know no add-on's properties
    return scene.face_anything


def is_folder(settings: FACEANYTHING_PG_settings) -> bool:
    """The footage is a folder of pictures."""
    return bool(settings.footage) and Path(bpy.path.abspath(settings.footage)).is_dir()


def take_folder(settings: FACEANYTHING_PG_settings) -> Path | None:
    """Where the take goes; None until footage or folder is chosen."""
    if settings.out:
        return Path(bpy.path.abspath(settings.out))
    if not settings.footage:
        return None
    footage = Path(bpy.path.abspath(settings.footage))
    # What looks like the suffix of a folder is a part of its name: shot.v1, shot.v2.
    return footage.parent / f"{footage.name if footage.is_dir() else footage.stem}_take"


def clip_options(
    settings: FACEANYTHING_PG_settings, threads: int | None, checkpoint: str, resume: bool, overwrite: bool
) -> ClipOptions:
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
        fps=round(settings.fps, 4) if is_folder(settings) else None,
        fov_degrees=round(degrees(settings.fov), 4) if settings.use_fov else None,
        resume=resume,
        overwrite=overwrite,
        threads=threads,
        masks=bpy.path.abspath(settings.masks) or None,
        predictor=settings.predictor,
        checkpoint=checkpoint,
        device=settings.device,
        mode=settings.mode,
        window=settings.window or None,
    )


def register() -> None:
    bpy.utils.register_class(FACEANYTHING_PG_settings)
    SCENE.face_anything = PointerProperty(type=FACEANYTHING_PG_settings)


def unregister() -> None:
    del SCENE.face_anything
    bpy.utils.unregister_class(FACEANYTHING_PG_settings)
