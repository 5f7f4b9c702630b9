"""What the user sets in the Edit panel, stored with one of the character's meshes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ...errors import UserError
from ...solve.edit import MOST_GAIN, Edit, editable
from ...solve.reduce import Tolerance
from ..context import scene_of
from ..jobs import state
from ..retarget.characters import Character, character_of
from ..retarget.layers import captured_strip
from .layers import is_layered
from .punch import Punch
from .refresh import refresh

OBJECT: Any = bpy.types.Object  # the stubs know no add-on's properties
ALL, MILLIMETRES, WEIGHT = "ALL", "MILLIMETRES", "WEIGHT"
KEYS = (
    (ALL, "All", "A key at every frame"),
    (MILLIMETRES, "Within Millimetres", "Few keys: no vertex is off by more, shape key by shape key"),
    (WEIGHT, "Within Weight", "Few keys: no shape key's value is off by more"),
)

SECONDS: Any = {"default": 0.2, "min": 0.0, "soft_max": 2.0, "subtype": "TIME_ABSOLUTE", "unit": "TIME_ABSOLUTE"}


def remake(settings: Any, context: Any) -> None:
    """A setting has changed: make the edited layer anew, where the character has layers."""
    character = character_of(settings.id_data, scene_of(context).objects)
    if character.meshes and is_layered(character):
        remake_edited(scene_of(context), character)


def remake_edited(scene: bpy.types.Scene, character: Character) -> None:
    """Make the edited layer by the character's settings, and say how it went in the panel."""
    state.error = state.note = ""
    try:
        state.note = refresh(scene, character, panel_edit(edit_settings(character))).line()
    except UserError as error:
        state.error = str(error)


class FACEANYTHING_PG_edit(bpy.types.PropertyGroup):
    smooth: FloatProperty(
        name="Smooth",
        description="Calms what trembles; blinks and other quick movements keep their size",
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        update=remake,
    )
    keys: EnumProperty(name="Keys", description="How many keys the edited layer has", items=KEYS, update=remake)
    millimetres: FloatProperty(
        name="Error (mm)",
        description="Millimetres by which the vertex that a shape key moves most may be off",
        default=0.5,
        min=0.001,
        soft_max=5.0,
        max=100.0,
        update=remake,
    )
    weight: FloatProperty(
        name="Error",
        description="By which the value of a shape key may be off",
        default=0.01,
        min=0.0001,
        soft_max=0.1,
        max=1.0,
        update=remake,
    )
    second: StringProperty(
        name="Second Take", description="Folder of a take, Live Link Face CSV or ARKit JSON", subtype="FILE_PATH"
    )
    start: IntProperty(name="From", description="First scene frame of the second take", default=1)
    end: IntProperty(name="To", description="Last scene frame of the second take", default=50)
    blend_in: FloatProperty(**SECONDS, name="Blend In", description="The second take fades in over this time")
    blend_out: FloatProperty(**SECONDS, name="Blend Out", description="The second take fades out over this time")
    use_first: BoolProperty(
        name="Own Start", description="The second take begins at another frame of the scene than the first take"
    )
    first: IntProperty(name="Begins at", description="Scene frame of the second take's own start", default=1)


def _add_gains() -> None:
    """A gain and a switch for each region and side."""
    for name in editable():
        FACEANYTHING_PG_edit.__annotations__[f"gain_{name}"] = FloatProperty(
            name=name.capitalize(),
            description="Size of the movement; 1 is as captured",
            default=1.0,
            min=0.0,
            soft_max=2.0,
            max=MOST_GAIN,
            update=remake,
        )
        FACEANYTHING_PG_edit.__annotations__[f"use_{name}"] = BoolProperty(
            name=name.capitalize(), description="Off: this stays at rest", default=True, update=remake
        )


_add_gains()


def edit_settings(character: Character) -> Any:
    """The settings of a character, whatever the order of its meshes, which changes with their collections."""
    item: Any = min(character.meshes, key=_settings_rank)
    return item.face_anything_edit


def _settings_rank(mesh: Any) -> tuple[bool, bool, str]:
    """Meshes that were ever given settings come first, then those with layers, then by name."""
    settings = mesh.face_anything_edit
    given = any(settings.is_property_set(name) for name in FACEANYTHING_PG_edit.__annotations__)
    layered = captured_strip(mesh.data.shape_keys.animation_data) is not None
    return not given, not layered, mesh.name_full


def panel_edit(settings: Any) -> Edit:
    """The settings as an edit."""
    gains = {name: getattr(settings, f"gain_{name}") for name in editable()}
    muted = frozenset(name for name in editable() if not getattr(settings, f"use_{name}"))
    bounds = {MILLIMETRES: Tolerance(millimetres=settings.millimetres), WEIGHT: Tolerance(weight=settings.weight)}
    return Edit(gains, muted, settings.smooth, bounds.get(settings.keys))


def panel_punch(settings: Any) -> Punch:
    """Where the second take goes."""
    first = float(settings.first) if settings.use_first else None
    return Punch(settings.start, settings.end, settings.blend_in, settings.blend_out, first)


def register() -> None:
    bpy.utils.register_class(FACEANYTHING_PG_edit)
    OBJECT.face_anything_edit = PointerProperty(type=FACEANYTHING_PG_edit)


def unregister() -> None:
    del OBJECT.face_anything_edit
    bpy.utils.unregister_class(FACEANYTHING_PG_edit)
