"""Rigs that have a jaw and hardly any other bone of the face."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from .bonemap import BOTH, TURN, Bone, BoneMap

CHIN, OPEN = "chin", "jawOpen"
# What a lone jaw shows: it must not open for what lips and cheeks do, but shut lips close it.
LONE = (OPEN, "jawLeft", "jawRight", "mouthClose")


def lone_jaw(bones: BoneMap) -> dict[str, Bone]:
    """The jaw, as a bone that only turns, by its name; empty where none or several may be it, or poses open it.

    A jaw lies on the chin, or moves by both location and rotation. To go along with the skin it would also shift, as no
    lips and cheeks take their share.
    """
    jaws = {name: bone for name, bone in bones.bones.items() if _may_be_jaw(bone)}
    if len(jaws) != 1 or OPEN in bones.poses:
        return {}
    return {name: replace(bone, moves=TURN) for name, bone in jaws.items()}


def _may_be_jaw(bone: Bone) -> bool:
    return bone.moves == BOTH or (bone.moves == TURN and bone.anchor == CHIN)
