"""The sub-panel Edit in the 3D view's sidebar."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy

from ...errors import UserError
from ...solve.edit import editable
from ...solve.regions import HEAD
from ..retarget.memory import HEAD as HEAD_OBJECT
from .layers import is_layered
from .operators import CLASSES as OPERATORS
from .operators import edited_character
from .properties import MILLIMETRES, WEIGHT, edit_settings


class FACEANYTHING_PT_edit(bpy.types.Panel):
    bl_idname = "FACEANYTHING_PT_edit"
    bl_label = "Edit"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Face Anything"
    bl_parent_id = "FACEANYTHING_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        try:
            character = edited_character(context)
        except UserError:
            layout.label(text="no shape keys; bones have their edits in Bones", icon="INFO")
            return
        layout.label(text=character.name, icon="OUTLINER_OB_MESH")
        if not is_layered(character):
            layout.operator("face_anything.add_layers", icon="NLA")
            return
        settings = edit_settings(character)
        turns = any(HEAD_OBJECT in mesh for mesh in character.meshes)
        draw_gains(layout, settings, [name for name in editable() if turns or name != HEAD])
        draw_keys(layout, settings)
        draw_second(layout, settings)
        row = layout.row(align=True)
        row.operator("face_anything.punch_in", icon="NLA_PUSHDOWN")
        row.operator("face_anything.remove_punch_ins", icon="X")
        layout.operator("face_anything.update_edit", icon="FILE_REFRESH")


def draw_gains(layout: Any, settings: Any, names: list[str]) -> None:
    column = layout.column(align=True)
    for name in names:
        row = column.row(align=True)
        used = getattr(settings, f"use_{name}")
        row.prop(settings, f"use_{name}", text="", icon="HIDE_OFF" if used else "HIDE_ON")
        value = row.row(align=True)
        value.active = used
        value.prop(settings, f"gain_{name}")


def draw_keys(layout: Any, settings: Any) -> None:
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "smooth")
    column.prop(settings, "keys")
    for kind, name in ((MILLIMETRES, "millimetres"), (WEIGHT, "weight")):
        if settings.keys == kind:
            column.prop(settings, name)


def draw_second(layout: Any, settings: Any) -> None:
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    column.prop(settings, "second")
    for names in (("start", "end"), ("blend_in", "blend_out")):
        part = column.column(align=True)
        for name in names:
            part.prop(settings, name)
    column.prop(settings, "use_first")
    if settings.use_first:
        column.prop(settings, "first")


CLASSES = (*OPERATORS, FACEANYTHING_PT_edit)
