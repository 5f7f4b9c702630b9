"""The sub-panel Make Shape Keys in the 3D view's sidebar."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy

from ..context import scene_of
from .operators import CLASSES as OPERATORS
from .properties import create_settings
from .result import results


class FACEANYTHING_PT_create(bpy.types.Panel):
    bl_idname = "FACEANYTHING_PT_create"
    bl_label = "Make Shape Keys"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Face Anything"
    bl_parent_id = "FACEANYTHING_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings = create_settings(context)
        layout: Any = self.layout
        column = layout.column()
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(settings, "front")
        column.prop(settings, "use_landmarks")
        column.operator("face_anything.add_landmarks", icon="EMPTY_AXIS")
        layout.operator("face_anything.make_shapes", icon="SHAPEKEY_DATA")
        if results(scene_of(context)):
            row = layout.row(align=True)
            row.operator("face_anything.accept_shapes", icon="CHECKMARK")
            row.operator("face_anything.discard_shapes", icon="X")


CLASSES = (*OPERATORS, FACEANYTHING_PT_create)
