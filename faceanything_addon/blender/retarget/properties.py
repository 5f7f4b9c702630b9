"""What the user sets in the Retarget panel, stored with the scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ...errors import UserError
from ...retarget import Mapping, NameTable, chosen_mapping, load_table, table_names
from ...retarget.placement import Start
from ..context import scene_of
from ..properties import settings_of, take_folder
from .apply import Options
from .rows import ROWS, FACEANYTHING_PG_mapping_row, rows_mapping

DETECT, FILE, EDITED = "DETECT", "FILE", "EDITED"
NAMINGS = (
    (DETECT, "Detect", "By the names of the character's shape keys"),
    (FILE, "Preset", "A preset's file"),
    (EDITED, "Edited", "As the panel Mapping below says"),
    *((name.upper(), load_table(name).label, "") for name in table_names()),
)

FRAME, TIMECODE = "FRAME", "TIMECODE"
STARTS = (
    (FRAME, "First Frame", "At a frame of the scene"),
    (TIMECODE, "Time Code", "At the frame of the performance's time code"),
)

SCENE: Any = bpy.types.Scene  # the stubs know no add-on's properties


class FACEANYTHING_PG_retarget(bpy.types.PropertyGroup):
    source: StringProperty(
        name="Performance",
        description="Folder of a take, or a recording (.csv, .json, .txt). Empty: the take above",
        subtype="FILE_PATH",
    )
    character: PointerProperty(
        name="Character",
        description="A mesh of the character, or the armature or empty above it",
        type=bpy.types.Object,
    )
    naming: EnumProperty(name="Naming", description="What drives which shape key", items=NAMINGS)
    preset: StringProperty(name="Preset", description="Preset's file", subtype="FILE_PATH")
    rows: CollectionProperty(type=FACEANYTHING_PG_mapping_row)  # of the panel Mapping
    row: IntProperty(name="Shape Key", options={"SKIP_SAVE"})
    mirror: BoolProperty(name="Mirror", description="The actor's left drives the character's right")
    start: EnumProperty(name="Start", description="Where the performance begins in the scene", items=STARTS)
    first: IntProperty(name="First Frame", description="Scene frame of the performance's start", default=1)
    timecode: StringProperty(name="Time Code", description="Of the performance's start. Empty: its own")
    zero: StringProperty(name="Frame 0", description="Time code of scene frame 0. Empty: midnight")
    adopt_rate: BoolProperty(name="Take's Rate", description="The scene takes over the performance's frame rate")
    speed: FloatProperty(
        name="Speed",
        description="2 plays the performance twice as fast. The sound is left as it is",
        default=1.0,
        min=0.01,
        max=100.0,
        soft_min=0.25,
        soft_max=4.0,
    )
    sound: BoolProperty(name="Sound", description="Put the footage's sound into the sequencer, in step", default=True)
    use_head: BoolProperty(name="Head Motion", description="Turn a bone or an object as the head turns")
    head: PointerProperty(name="Head", description="Armature, or the object to turn", type=bpy.types.Object)
    bone: StringProperty(name="Bone", description="Bone to turn. Empty: the object itself")


def retarget_settings(context: Any) -> FACEANYTHING_PG_retarget:
    """The Retarget panel's settings of the current scene."""
    scene: Any = scene_of(context)  # the stubs know no add-on's properties
    return scene.face_anything_retarget


def source_path(context: Any) -> Path:
    """Where the performance lies.

    Raises:
        UserError: neither a performance nor a take is chosen.
    """
    settings = retarget_settings(context)
    folder = Path(bpy.path.abspath(settings.source)) if settings.source else take_folder(settings_of(context))
    if folder is None:
        raise UserError("no performance is chosen; set Performance, or Take in the Face Anything panel")
    return folder


def panel_mapping(settings: FACEANYTHING_PG_retarget) -> Mapping | NameTable | None:
    """The chosen mapping; None where it is to be detected.

    Raises:
        UserError: the preset is bad or none is chosen.
    """
    if settings.naming == DETECT:
        return None
    if settings.naming == EDITED:
        return rows_mapping(settings.rows)
    if settings.naming != FILE:
        return chosen_mapping(settings.naming.lower())
    if not settings.preset:
        raise UserError("no preset is chosen; set Preset in the Retarget panel, or Naming to Detect")
    return chosen_mapping(bpy.path.abspath(settings.preset))


def panel_start(settings: FACEANYTHING_PG_retarget) -> Start:
    """Where the performance begins."""
    return Start(settings.first, settings.start == TIMECODE, settings.timecode, settings.zero)


def panel_options(settings: FACEANYTHING_PG_retarget) -> Options:
    """The panel as options.

    Raises:
        UserError: the preset is bad, or head motion is on without an object to turn.
    """
    if settings.use_head and settings.head is None:
        raise UserError("no object is chosen for the head's motion; set Head in the Retarget panel")
    head = settings.head if settings.use_head else None
    return Options(
        mapping=panel_mapping(settings),
        mirror=settings.mirror,
        first=panel_start(settings),
        speed=settings.speed,
        adopt_rate=settings.adopt_rate,
        sound=settings.sound,
        head=head,
        bone=settings.bone if head else "",
    )


def register() -> None:
    for cls in ROWS:
        bpy.utils.register_class(cls)
    bpy.utils.register_class(FACEANYTHING_PG_retarget)
    SCENE.face_anything_retarget = PointerProperty(type=FACEANYTHING_PG_retarget)


def unregister() -> None:
    del SCENE.face_anything_retarget
    for cls in (FACEANYTHING_PG_retarget, *reversed(ROWS)):
        bpy.utils.unregister_class(cls)
