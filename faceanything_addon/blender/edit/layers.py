"""From an applied performance to layers."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy

from ...errors import UserError
from ..retarget.actions import BONES, ActionWriter
from ..retarget.characters import Character
from ..retarget.layers import (
    CAPTURED,
    LAYER,
    OFFSETS,
    action_curves,
    assign,
    captured_strip,
    put_strip,
    slot_of,
    span_of,
)
from ..retarget.memory import recall
from ..scene.animation import OWN
from .parts import Part, parts_of


def is_layered(character: Character) -> bool:
    """Whether the character's performance lies in layers."""
    shapes: list[Any] = [mesh.data for mesh in character.meshes]
    return any(captured_strip(data.shape_keys.animation_data) for data in shapes)


def layered_parts(scene: bpy.types.Scene, character: Character) -> list[Part]:
    """The parts that have layers; makes the layers where there are none.

    Raises:
        UserError: no performance was ever applied.
    """
    add_layers(scene, character)
    return [p for p in parts_of(scene, character) if captured_strip(p.datablock.animation_data) is not None]


def layered_blocks(scene: bpy.types.Scene, character: Character) -> list[Any]:
    """The data-blocks of these parts, and the head's also where its bone is gone.

    Raises:
        UserError: no performance was ever applied.
    """
    blocks = [part.datablock for part in layered_parts(scene, character)]
    head = recall(character).head
    if head is not None and head not in blocks and captured_strip(head.animation_data) is not None:
        blocks.append(head)
    return blocks


def add_layers(scene: bpy.types.Scene, character: Character) -> None:
    """Lay the applied performance onto a locked track, below an empty action that takes hand keys as offsets.

    Parts that have their layers are left alone.

    Raises:
        UserError: no performance was ever applied.
    """
    parts = parts_of(scene, character)
    offsets = ActionWriter(f"{character.name} {OFFSETS}")
    for part in parts:
        if _is_applied(part.datablock.animation_data):
            _lay(part, offsets)
    if not any(captured_strip(part.datablock.animation_data) for part in parts):
        raise UserError(f"{character.name}: has no performance yet; apply one in the Retarget panel first")


def _is_applied(data: Any) -> bool:
    if data is None or data.action is None or captured_strip(data) is not None:
        return False
    # The bones of a face have no layers.
    return data.action.get(OWN, BONES) != BONES and len(action_curves(data.action, slot_of(data))) > 0


def _lay(part: Part, offsets: ActionWriter) -> None:
    data = part.datablock.animation_data
    data.use_tweak_mode = False
    action, slot = data.action, slot_of(data)
    span = span_of(action_curves(action, slot))
    data.action = None
    put_strip(data, CAPTURED, action, slot, span)
    empty, place = offsets.place(part.datablock)
    empty[LAYER] = OFFSETS
    empty.use_fake_user = True  # it has no keys yet, but it is there to get them
    empty.pop(OWN, None)  # it is the user's
    assign(data, empty, place)
    data.action_blend_type, data.action_extrapolation = part.addition, "HOLD"
