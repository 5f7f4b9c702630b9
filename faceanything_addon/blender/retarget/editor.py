"""The sub-panel Mapping: what drives each shape key, to be changed row by row."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import IntProperty

from ...errors import UserError
from ...retarget import mirrored_target, opposite_key, recognise
from ...template.names import arkit_names
from ..jobs import state
from ..operators import fail
from ..panel import draw_text, line_length
from .apply import Options, mapping_for
from .operators import chosen_character
from .properties import EDITED, panel_mapping, retarget_settings
from .rows import fill_rows, row_target, set_row

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


def active_row(settings: Any) -> Any | None:
    """The row that is chosen in the list."""
    return settings.rows[settings.row] if 0 <= settings.row < len(settings.rows) else None


class FACEANYTHING_OT_edit_mapping(bpy.types.Operator):
    """Lay out what drives each of the character's shape keys, by the naming or preset above, to be changed below"""

    bl_idname = "face_anything.edit_mapping"
    bl_label = "Edit Mapping"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        state.error = state.note = ""
        settings = retarget_settings(context)
        try:
            character, wanted = chosen_character(context), panel_mapping(settings)
            try:
                mapping, _ = mapping_for(character, Options(wanted, settings.mirror))
                targets, settings.mirror = mapping.targets, mapping.mirror
            except UserError as error:
                if wanted is not None or recognise(character.keys).sure:
                    raise
                # Of no known naming: all rows are empty, to be filled by hand.
                targets, state.note = {}, str(error)
        except UserError as error:
            return fail(self, str(error))
        fill_rows(settings.rows, targets, character.keys)
        settings.row, settings.naming = 0, EDITED
        return {"FINISHED"}


class RowOperator:
    """An operator on the row that is chosen. Mixed into operators, hence the `type: ignore`s."""

    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return active_row(retarget_settings(context)) is not None

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        settings = retarget_settings(context)
        try:
            self.change(settings, active_row(settings))
        except UserError as error:
            return fail(self, str(error))  # type: ignore[arg-type]
        settings.naming = EDITED
        return {"FINISHED"}

    def change(self, settings: Any, row: Any) -> None:
        """Change the row. Raises UserError: it cannot be."""
        raise NotImplementedError


class FACEANYTHING_OT_add_source(RowOperator, bpy.types.Operator):
    """Have one more coefficient drive this key"""

    bl_idname = "face_anything.mapping_add_source"
    bl_label = "Add Source"

    def change(self, settings: Any, row: Any) -> None:
        used = {source.coefficient for source in row.sources}
        row.sources.add().coefficient = next((name for name in arkit_names() if name not in used), arkit_names()[0])


class FACEANYTHING_OT_remove_source(RowOperator, bpy.types.Operator):
    """Have this coefficient drive the key no more"""

    bl_idname = "face_anything.mapping_remove_source"
    bl_label = "Remove Source"

    number: IntProperty(options={"HIDDEN", "SKIP_SAVE"})

    def change(self, settings: Any, row: Any) -> None:
        if 0 <= self.number < len(row.sources):
            row.sources.remove(self.number)


class FACEANYTHING_OT_mirror_row(RowOperator, bpy.types.Operator):
    """Have the key of the face's other side driven likewise, by the other side's coefficients"""

    bl_idname = "face_anything.mapping_mirror_row"
    bl_label = "To Other Side"

    def change(self, settings: Any, row: Any) -> None:
        other = opposite_key(row.name, [each.name for each in settings.rows])
        if other is None:
            raise UserError(f"{row.name}: the character has no such key for the other side; set its row by hand")
        set_row(settings.rows[other], mirrored_target(row_target(row)))


class FACEANYTHING_UL_mapping(bpy.types.UIList):
    """Key, and what drives it."""

    def draw_item(  # type: ignore[override]
        self,
        context: Any,
        layout: Any,
        data: Any,
        item: Any,
        icon: Any,
        active_data: Any,
        active_property: Any,
        *_: Any,
    ) -> None:
        split = layout.split(factor=0.45)
        split.label(text=item.name, icon="SHAPEKEY_DATA" if item.sources else "BLANK1")
        split.label(text=", ".join(_spoken(source) for source in item.sources) or "-")


def _spoken(source: Any) -> str:
    return source.coefficient + (f" {source.weight:.2g}" if source.weight != 1 else "")


class FACEANYTHING_PT_mapping(bpy.types.Panel):
    bl_idname = "FACEANYTHING_PT_mapping"
    bl_label = "Mapping"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Face Anything"
    bl_parent_id = "FACEANYTHING_PT_retarget"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        settings, layout = retarget_settings(context), self.layout
        assert layout is not None
        layout.operator("face_anything.edit_mapping", icon="GREASEPENCIL")
        if not settings.rows:
            return
        if settings.naming != EDITED:
            draw_text(layout, "not in use; set Naming to Edited", "INFO", line_length(context))
        layout.template_list("FACEANYTHING_UL_mapping", "", settings, "rows", settings, "row", rows=6)
        row = active_row(settings)
        if row is not None:
            draw_row(layout.box(), row)
        draw_left_out(layout, settings.rows, line_length(context))


def draw_row(box: Any, row: Any) -> None:
    """Sources and numbers of one key."""
    for number, source in enumerate(row.sources):
        line = box.row(align=True)
        line.prop(source, "coefficient", text="")
        line.prop(source, "weight", text="")
        line.operator("face_anything.mapping_remove_source", text="", icon="X").number = number
    buttons = box.row(align=True)
    buttons.operator("face_anything.mapping_add_source", icon="ADD")
    buttons.operator("face_anything.mapping_mirror_row", icon="MOD_MIRROR")
    column = box.column(align=True)
    column.use_property_split, column.use_property_decorate = True, False
    for name in ("gain", "offset", "low", "high"):
        column.prop(row, name)


def draw_left_out(layout: Any, rows: Any, length: int) -> None:
    """Keys that nothing drives, coefficients that drive nothing."""
    still = [row.name for row in rows if not row.sources]
    used = {source.coefficient for row in rows for source in row.sources}
    unused = [name for name in arkit_names() if name not in used]
    for title, names in (("Keys at rest", still), ("Without a key", unused)):
        if names:
            draw_text(layout, f"{title} ({len(names)}): {', '.join(in_pairs(names))}", "INFO", length)


def in_pairs(names: list[str]) -> list[str]:
    """Shorter: mouthFrownLeft and mouthFrownRight as mouthFrown Left/Right."""
    there, out = set(names), []
    for name in names:
        base = name.removesuffix("Left")
        if base != name and f"{base}Right" in there:
            out.append(f"{base} Left/Right")
        elif not (name.endswith("Right") and f"{name.removesuffix('Right')}Left" in there):
            out.append(name)
    return out


CLASSES = (
    FACEANYTHING_OT_edit_mapping,
    FACEANYTHING_OT_add_source,
    FACEANYTHING_OT_remove_source,
    FACEANYTHING_OT_mirror_row,
    FACEANYTHING_UL_mapping,
    FACEANYTHING_PT_mapping,
)
