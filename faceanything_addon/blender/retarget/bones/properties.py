"""What the user sets in the Bones panel, stored with the scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, PointerProperty

from ....errors import UserError
from ....retarget.bones import Bone
from ....retarget.bones.anchors import EYES, anchor_names
from ....retarget.bones.bonemap import BOTH, PLACE, TURN
from ....retarget.second import SecondTake
from ...context import active_of, scene_of
from ...edit.properties import panel_edit, panel_punch
from ..actor import as_actor
from ..properties import panel_start, retarget_settings
from .options import SHARE_OF_NECK, BoneOptions
from .rigs import armature_of

SCENE: Any = bpy.types.Scene  # the stubs know no add-on's properties
NOWHERE = "NOWHERE"
PARTS = ("head", "neck", *EYES)
POINTS = (
    (NOWHERE, "Where It Lies", "Moves as the skin nearest to it; the jaw, too"),
    *((part, part.replace("_", " ").title(), "") for part in PARTS),
    *((name, name.replace("_", " ").title(), "") for name in anchor_names() if name not in EYES),
)


class FACEANYTHING_PG_bones(bpy.types.PropertyGroup):
    use_head: BoolProperty(name="Head and Neck", description="Turn neck and head as the head turns", default=True)
    use_eyes: BoolProperty(name="Eyes", description="Turn the eyes as the gaze does", default=True)
    neck_share: FloatProperty(
        name="Neck's Share",
        description="How much of the head's turn the neck makes",
        default=SHARE_OF_NECK,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    point: EnumProperty(name="Point", description="What of the face the bone lies on", items=POINTS)
    tail: BoolProperty(name="By Its Tail", description="The bone's tail, not its head, lies on the point")
    moves: EnumProperty(
        name="Moves",
        description="What of the bone is keyed",
        items=((PLACE, "Location", ""), (TURN, "Rotation", ""), (BOTH, "Both", "For the jaw")),
    )
    show_edits: BoolProperty(name="Edits", description="Change the performance as it is applied")
    show_poses: BoolProperty(name="Poses", description="Record poses of your own")


def bone_settings(context: Any) -> Any:
    """The Bones panel's settings of the current scene."""
    scene: Any = scene_of(context)
    return scene.face_anything_bones


def bone_edits(rig: Any) -> Any:
    """How a performance is changed before it moves the bones: settings of the armature itself."""
    return rig.face_anything_edit


def panel_rig(context: Any) -> Any:
    """The armature of the Retarget panel's character, else of the active object.

    Raises:
        UserError: none is chosen, or it hangs on no armature.
    """
    item = retarget_settings(context).character or active_of(context)
    if item is None:
        raise UserError("no character is chosen; set Character in the Retarget panel")
    return armature_of(item)


def panel_bone_options(context: Any) -> BoneOptions:
    """The panels Retarget and Bones as options, with the rig's own edits.

    Raises:
        UserError: no rig is chosen, or the second take cannot be read.
    """
    settings, common = bone_settings(context), retarget_settings(context)
    edits = bone_edits(panel_rig(context))
    return BoneOptions(
        mirror=common.mirror,
        first=panel_start(common),
        speed=common.speed,
        head=settings.use_head,
        eyes=settings.use_eyes,
        neck_share=settings.neck_share,
        adopt_rate=common.adopt_rate,
        sound=common.sound,
        edit=panel_edit(edits),
        seconds=_second(context, edits),
    )


def _second(context: Any, edits: Any) -> tuple[SecondTake, ...]:
    if not edits.second:
        return ()
    return (SecondTake(as_actor(context, bpy.path.abspath(edits.second)), panel_punch(edits)),)


def panel_bone(settings: Any) -> Bone:
    """How the active bone is to be assigned."""
    return Bone(None if settings.point == NOWHERE else settings.point, settings.tail, settings.moves)


def register() -> None:
    bpy.utils.register_class(FACEANYTHING_PG_bones)
    SCENE.face_anything_bones = PointerProperty(type=FACEANYTHING_PG_bones)


def unregister() -> None:
    del SCENE.face_anything_bones
    bpy.utils.unregister_class(FACEANYTHING_PG_bones)
