"""The sub-panel Bones of Retarget."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import lru_cache
from typing import Any

import bpy

from ....errors import UserError
from ....retarget.bones import BoneMap, recognise_rig
from ....solve.edit import editable
from ....template.names import arkit_names
from ...edit.panel import draw_gains, draw_keys, draw_second
from ...panel import draw_text, line_length
from .operators import CLASSES as OPERATORS
from .properties import bone_edits, bone_settings, panel_rig
from .record import NEUTRAL
from .rigs import bone_names, own_map, stored_map


class FACEANYTHING_PT_bones(bpy.types.Panel):
    bl_idname = "FACEANYTHING_PT_bones"
    bl_label = "Bones"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Face Anything"
    bl_parent_id = "FACEANYTHING_PT_retarget"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout: Any = self.layout
        try:
            rig = panel_rig(context)
        except UserError:
            layout.label(text="no armature", icon="INFO")
            return
        try:
            layout.label(text=rig_text(rig), icon="ARMATURE_DATA")
            draw_map(layout, bone_settings(context), rig)
        except UserError as error:  # of the stored map, which the buttons below replace
            draw_text(layout, str(error), "ERROR", line_length(context))
        row = layout.row(align=True)
        row.operator("face_anything.load_bone_preset", text="Load", icon="FILE_FOLDER")
        row.operator("face_anything.save_bone_preset", text="Save", icon="FILE_TICK")
        row.operator("face_anything.clear_bones", text="", icon="X")


def draw_map(layout: Any, settings: Any, rig: Any) -> None:
    """All that needs to know the rig's bones."""
    column = layout.column()
    column.use_property_split, column.use_property_decorate = True, False
    for name in ("use_head", "neck_share", "use_eyes"):
        column.prop(settings, name)
    draw_edits(layout, settings, rig)
    layout.operator("face_anything.retarget_bones", icon="PLAY")
    draw_assign(layout, settings, rig)
    draw_poses(layout, settings, rig)


def rig_text(rig: Any) -> str:
    """What is known of the rig, in one line. Raises UserError: what it keeps cannot be understood."""
    kept = stored_map(rig)
    if kept is not None:
        return f"{kept.label or kept.name}: {len(kept.bones)} bones, {len(kept.poses)} poses"
    label, found, sure = _recognised(bone_names(rig))
    return f"{label}: {found} bones" if sure else "bones of no known rig"


@lru_cache(maxsize=32)  # the panel asks at every redraw
def _recognised(names: tuple[str, ...]) -> tuple[str, int, bool]:
    match = recognise_rig(names)
    return match.bones.label, len(match.bones.bones), match.sure


def unfolded(box: Any, settings: Any, name: str) -> bool:
    """Draw a part's heading; whether the part is open."""
    shown = getattr(settings, name)
    box.prop(settings, name, icon="DISCLOSURE_TRI_DOWN" if shown else "DISCLOSURE_TRI_RIGHT", emboss=False)
    return shown


def draw_edits(layout: Any, settings: Any, rig: Any) -> None:
    box = layout.box()
    if unfolded(box, settings, "show_edits"):
        edits = bone_edits(rig)
        draw_gains(box, edits, list(editable()))
        draw_keys(box, edits)
        draw_second(box, edits)


def draw_assign(layout: Any, settings: Any, rig: Any) -> None:
    column = layout.box().column()
    column.use_property_split, column.use_property_decorate = True, False
    active = rig.data.bones.active
    column.label(text=f"Bone: {active.name}" if active else "no active bone", icon="BONE_DATA")
    for name in ("point", "moves", "tail"):
        column.prop(settings, name)
    column.operator("face_anything.assign_bone")


def draw_poses(layout: Any, settings: Any, rig: Any) -> None:
    box = layout.box()
    if not unfolded(box, settings, "show_poses"):
        return
    bones = own_map(rig)
    column = box.column(align=True)
    for shape in (NEUTRAL, *arkit_names()):
        draw_pose(column, shape, _holds(bones, shape))


def draw_pose(column: Any, shape: str, held: bool) -> None:
    row = column.row(align=True)
    row.operator(
        "face_anything.record_pose", text=shape, icon="CHECKBOX_HLT" if held else "CHECKBOX_DEHLT"
    ).shape = shape
    if held:
        row.operator("face_anything.show_pose", text="", icon="HIDE_OFF").shape = shape
        row.operator("face_anything.clear_pose", text="", icon="X").shape = shape


def _holds(bones: BoneMap, shape: str) -> bool:
    return bool(bones.neutral) if shape == NEUTRAL else shape in bones.poses


CLASSES = (*OPERATORS, FACEANYTHING_PT_bones)
