"""The sub-panel Exchange in the 3D view's sidebar."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy

from ..jobs import state
from .formats import FORMATS
from .operators import CLASSES as OPERATORS
from .playback import playback
from .properties import exchange_settings, meshes_wanted


class FACEANYTHING_PT_exchange(bpy.types.Panel):
    bl_idname = "FACEANYTHING_PT_exchange"
    bl_label = "Exchange"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Face Anything"
    bl_parent_id = "FACEANYTHING_PT_capture"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings: Any = exchange_settings(context)
        layout: Any = self.layout
        column = layout.column()
        column.use_property_split, column.use_property_decorate = True, False
        for name in ("source", "kind", *_options(settings)):
            column.prop(settings, name)
        row = layout.row()
        row.enabled = state.job is None
        row.operator("face_anything.export", icon="EXPORT")
        column = layout.column()
        column.use_property_split, column.use_property_decorate = True, False
        column.prop(settings, "protocol")
        column.prop(settings, "host")
        sending = playback.sender is not None
        text, icon = ("Stop Sending", "CANCEL") if sending else ("Send on Playback", "PLAY")
        layout.operator("face_anything.send_on_playback", text=text, icon=icon, depress=sending)


def _options(settings: Any) -> tuple[str, ...]:
    content = ("content",) if settings.kind in FORMATS and len(FORMATS[settings.kind].contents) > 1 else ()
    return (*content, "space", "rate") if meshes_wanted(settings) else ()


CLASSES = (*OPERATORS, FACEANYTHING_PT_exchange)
