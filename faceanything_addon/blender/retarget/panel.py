"""The sub-panel Retarget in the 3D view's sidebar."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy

from ...errors import UserError
from ...retarget import recognise
from .operators import CLASSES as OPERATORS
from .operators import chosen_character
from .properties import DETECT, EDITED, FILE, TIMECODE, retarget_settings


class FACEANYTHING_PT_retarget(bpy.types.Panel):
    bl_idname = "FACEANYTHING_PT_retarget"
    bl_label = "Retarget"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Face Anything"
    bl_parent_id = "FACEANYTHING_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = retarget_settings(context)
        layout: Any = self.layout
        column = layout.column()
        column.use_property_split, column.use_property_decorate = True, False
        for name in ("source", "character", "naming"):
            column.prop(settings, name)
        if settings.naming == FILE:
            column.prop(settings, "preset")
        column.label(text=naming_text(context), icon="INFO")
        column.prop(settings, "mirror")
        draw_timing(column, settings)
        draw_head(column, settings)
        actions = layout.column(align=True)
        actions.operator("face_anything.retarget", icon="PLAY")
        actions.operator("face_anything.save_retarget_preset", icon="FILE_TICK")


def draw_timing(column: Any, settings: Any) -> None:
    column.prop(settings, "start")
    for name in ("timecode", "zero") if settings.start == TIMECODE else ("first",):
        column.prop(settings, name)
    for name in ("speed", "adopt_rate", "sound"):
        column.prop(settings, name)


def draw_head(column: Any, settings: Any) -> None:
    column.prop(settings, "use_head")
    if not settings.use_head:
        return
    column.prop(settings, "head")
    if settings.head is not None and settings.head.type == "ARMATURE":
        column.prop_search(settings, "bone", settings.head.data, "bones")


def naming_text(context: bpy.types.Context) -> str:
    """What is known of the character's keys, in one line."""
    try:
        keys = chosen_character(context).keys
    except UserError:
        return "no shape keys"
    if retarget_settings(context).naming == EDITED:
        rows = retarget_settings(context).rows
        return f"{sum(bool(row.sources) for row in rows)} of {len(keys)} shape keys are mapped"
    if retarget_settings(context).naming != DETECT:
        return f"{len(keys)} shape keys"
    match = recognise(keys)
    if not match.sure:
        return f"{len(keys)} shape keys of no known naming"
    return f"{match.table.label}: {len(match.found)} of {len(match.table.targets)} keys, {match.confidence:.0%}"


CLASSES = (*OPERATORS, FACEANYTHING_PT_retarget)
