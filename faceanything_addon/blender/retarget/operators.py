"""Operators: each a thin wrapper over one call."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, StringProperty

from ...errors import UserError
from ...retarget import save_preset
from ..context import active_of, manager_of, scene_of
from ..edit import is_layered, refresh
from ..edit.properties import edit_settings, panel_edit
from ..jobs import state
from ..operators import fail
from .actor import panel_performance
from .apply import mapping_for, retarget
from .characters import Character, character_of, check_in_scene, checked
from .properties import FILE, panel_options, retarget_settings

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


def chosen_character(context: bpy.types.Context) -> Character:
    """The panel's character, else the active object's.

    Raises:
        UserError: none is chosen, it has no shape keys, or is in another scene.
    """
    item = retarget_settings(context).character or active_of(context)
    if item is None:
        raise UserError("no character is chosen; set Character in the Retarget panel")
    character = character_of(item, scene_of(context).objects)
    if not character.meshes:
        check_in_scene(item, scene_of(context))
    return checked(character)


class FACEANYTHING_OT_retarget(bpy.types.Operator):
    """Animate the character's shape keys by the performance. What animated it before is kept on NLA tracks"""

    bl_idname = "face_anything.retarget"
    bl_label = "Apply"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        state.error = state.note = ""
        try:
            options, character = panel_options(retarget_settings(context)), chosen_character(context)
            report = retarget(scene_of(context), panel_performance(context), character, options)
            if is_layered(character):
                refresh(scene_of(context), character, panel_edit(edit_settings(character)))
        except UserError as error:
            return fail(self, str(error))
        state.note = "; ".join(report.lines())
        return {"FINISHED"}


class FACEANYTHING_OT_save_preset(bpy.types.Operator):
    """Write what drives which of the character's shape keys into a file, to be edited and used again"""

    bl_idname = "face_anything.save_retarget_preset"
    bl_label = "Save Preset"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.json", options={"HIDDEN"})
    check_existing: BoolProperty(default=True, options={"HIDDEN"})  # the file browser warns of a file that is there

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        self.filepath = self.filepath or "preset.json"
        manager_of(context).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        state.error = state.note = ""
        settings = retarget_settings(context)
        try:
            mapping, _ = mapping_for(chosen_character(context), panel_options(settings))
            file = save_preset(mapping, bpy.path.ensure_ext(bpy.path.abspath(self.filepath), ".json"))
        except UserError as error:
            return fail(self, str(error))
        # The file says whether it mirrors; the switch would turn that round again.
        settings.preset, settings.naming, settings.mirror = str(file), FILE, False
        state.note = f"{file}: written"
        return {"FINISHED"}


CLASSES = (FACEANYTHING_OT_retarget, FACEANYTHING_OT_save_preset)
