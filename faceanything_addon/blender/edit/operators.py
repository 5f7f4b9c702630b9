"""Operators: each a thin wrapper over one call."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import bpy

from ...errors import UserError
from ..context import active_of, scene_of
from ..jobs import state
from ..operators import fail
from ..retarget.actor import as_actor
from ..retarget.characters import Character, character_of
from ..retarget.operators import chosen_character
from .layers import add_layers
from .properties import edit_settings, panel_punch, remake_edited
from .punch import punch_in, remove_punch_ins

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


def edited_character(context: Any) -> Character:
    """The active object's character, else the Retarget panel's.

    Raises:
        UserError: neither has shape keys.
    """
    active = active_of(context)
    if active is not None:
        character = character_of(active, scene_of(context).objects)
        if character.meshes:
            return character
    return chosen_character(context)


def run(
    operator: bpy.types.Operator, context: Any, work: Callable[[bpy.types.Scene, Character], None]
) -> set[OperatorReturnItems]:
    """Do the work on the character, then make its edited layer anew."""
    scene = scene_of(context)
    try:
        character = edited_character(context)
        work(scene, character)
    except UserError as error:
        return fail(operator, str(error))
    remake_edited(scene, character)
    if state.error:
        fail(operator, state.error)
    return {"FINISHED"}  # the work is done whatever became of the layer, and an undo must find it


class FACEANYTHING_OT_add_layers(bpy.types.Operator):
    """Keep the captured performance on a locked NLA track; keys set by hand from now on go on top of it"""

    bl_idname = "face_anything.add_layers"
    bl_label = "Add Layers"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        return run(self, context, add_layers)


class FACEANYTHING_OT_update_edit(bpy.types.Operator):
    """Make the edited layer anew, after the strip of a second take was moved in the NLA editor"""

    bl_idname = "face_anything.update_edit"
    bl_label = "Update"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        return run(self, context, add_layers)


class FACEANYTHING_OT_punch_in(bpy.types.Operator):
    """Show the second take over the range of frames"""

    bl_idname = "face_anything.punch_in"
    bl_label = "Punch In"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        def work(scene: bpy.types.Scene, character: Character) -> None:
            settings = edit_settings(character)
            if not settings.second:
                raise UserError("no second take is chosen; set Second Take in the Edit panel")
            second = as_actor(context, bpy.path.abspath(settings.second))
            punch_in(scene, character, second, panel_punch(settings))

        return run(self, context, work)


class FACEANYTHING_OT_remove_punch_ins(bpy.types.Operator):
    """Take all second takes away"""

    bl_idname = "face_anything.remove_punch_ins"
    bl_label = "Remove"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        def work(scene: bpy.types.Scene, character: Character) -> None:
            remove_punch_ins(scene, character)

        return run(self, context, work)


CLASSES = (
    FACEANYTHING_OT_add_layers,
    FACEANYTHING_OT_update_edit,
    FACEANYTHING_OT_punch_in,
    FACEANYTHING_OT_remove_punch_ins,
)
