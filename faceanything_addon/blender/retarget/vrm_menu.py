"""File > Import > VRM, and the chosen character it makes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import StringProperty

from ...errors import UserError
from ..context import manager_of
from ..jobs import state
from ..operators import fail
from .characters import character_of, key_names
from .properties import retarget_settings
from .vrm import import_vrm, known_head

if TYPE_CHECKING:
    from bpy.stub_internal.rna_enums import OperatorReturnItems


class FACEANYTHING_OT_import_vrm(bpy.types.Operator):
    """Import a VRM character; its expressions and looks become shape keys, and the Retarget panel is set to it"""

    bl_idname = "face_anything.import_vrm"
    bl_label = "Import VRM for Retargeting"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.vrm", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[OperatorReturnItems]:
        manager_of(context).fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[OperatorReturnItems]:
        state.error = state.note = ""
        try:
            items = import_vrm(Path(bpy.path.abspath(self.filepath)))
        except UserError as error:
            return fail(self, str(error))
        state.note = choose(retarget_settings(context), items)
        return {"FINISHED"}


def choose(settings: Any, items: list[Any]) -> str:
    """Set the panel to an imported character; says what it has."""
    keyed = [item for item in items if key_names(item)]
    if not keyed:
        return "the character has no expressions; make shape keys for it below"
    settings.character = max(keyed, key=lambda item: len(item.data.vertices))
    character = character_of(settings.character, items)
    head = known_head(character.meshes)
    if head is not None:
        settings.use_head, settings.head, settings.bone = True, *head
    return f"{len(character.keys)} shape keys on {len(character.meshes)} meshes"


def draw_menu(menu: Any, _context: bpy.types.Context) -> None:
    menu.layout.operator("face_anything.import_vrm", text="VRM for Face Anything (.vrm)")


def register() -> None:
    bpy.types.TOPBAR_MT_file_import.append(draw_menu)


def unregister() -> None:
    bpy.types.TOPBAR_MT_file_import.remove(draw_menu)


CLASSES = (FACEANYTHING_OT_import_vrm,)
