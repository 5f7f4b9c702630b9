"""What was applied to a character, kept with it in the .blend file: a second take is put on in the same way."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from ...errors import UserError
from ...retarget import Mapping, describe_mapping, parse_mapping, recognise
from ...take.storage import parse_json
from .characters import Character

APPLIED, HEAD = "face_anything_applied", "face_anything_head"


@dataclass(frozen=True)
class Applied:
    """A mapping under the character's own names, and where the rest went."""

    mapping: Mapping
    first: float | None = None  # scene frame of the performance's start, where it is known
    head: Any = None  # object that receives the head's turn
    bone: str = ""
    speed: float = 1.0


def remember(character: Character, applied: Applied) -> None:
    """Keep it on the character's first mesh, and on no other: which one is first may change."""
    item: Any = character.meshes[0]
    for other in character.meshes[1:]:
        for name in (APPLIED, HEAD):
            other.pop(name, None)
    plain = {
        "first": applied.first,
        "bone": applied.bone,
        "speed": applied.speed,
        "mapping": describe_mapping(applied.mapping),
    }
    item[APPLIED] = json.dumps(plain)
    if applied.head is not None:
        item[HEAD] = applied.head
    elif HEAD in item:
        del item[HEAD]


def remembered_by_others(character: Character, head: Any) -> bool:
    """Whether another character's head turns by this object too: a duplicated mesh remembers that of its original."""
    return any(item.get(HEAD) == head for item in bpy.data.objects if item not in character.meshes)


def recall(character: Character) -> Applied:
    """What was applied; for a take's own rig, and where it cannot be read, what the keys' names say."""
    for mesh in character.meshes:
        item: Any = mesh
        try:
            plain = parse_json(item[APPLIED])
            mapping = parse_mapping(Path(item.name), plain["mapping"])
            first = float(plain["first"])
            return Applied(mapping, first, item.get(HEAD), str(plain["bone"]), float(plain["speed"]))
        except (KeyError, TypeError, ValueError, OverflowError, UserError):
            continue
    return Applied(recognise(character.keys).mapping())
