"""What the user sets in the Make Shape Keys panel, stored with the scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, PointerProperty

from ...retarget.create.fronts import FRONTS
from ..context import scene_of

SCENE: Any = bpy.types.Scene  # the stubs know no add-on's properties
AUTO = "AUTO"


class FACEANYTHING_PG_create(bpy.types.PropertyGroup):
    front: EnumProperty(
        name="Front",
        description="Where the character looks",
        items=[(AUTO, "Detect", "Tried out on pictures of it"), *((name, name, "") for name in FRONTS)],
    )
    use_landmarks: BoolProperty(
        name="Use Landmarks",
        description="Go by the scene's landmark empties, where there are any",
        default=True,
    )


def create_settings(context: Any) -> FACEANYTHING_PG_create:
    """The panel's settings of the current scene."""
    scene: Any = scene_of(context)  # the stubs know no add-on's properties
    return scene.face_anything_create


def register() -> None:
    bpy.utils.register_class(FACEANYTHING_PG_create)
    SCENE.face_anything_create = PointerProperty(type=FACEANYTHING_PG_create)


def unregister() -> None:
    del SCENE.face_anything_create
    bpy.utils.unregister_class(FACEANYTHING_PG_create)
