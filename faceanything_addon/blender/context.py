"""Parts of the context with their types.

In the type stubs `Context` has a member called `property`, which hides the decorator of that name from the members
below it, so type checkers take them for methods.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy


def scene_of(context: Any) -> bpy.types.Scene:
    """The current scene."""
    return context.scene


def view_layer_of(context: Any) -> bpy.types.ViewLayer:
    """The current view layer."""
    return context.view_layer


def active_of(context: Any) -> bpy.types.Object | None:
    """The active object."""
    return context.view_layer.objects.active


def manager_of(context: Any) -> bpy.types.WindowManager:
    """The window manager; there is one without an interface too."""
    return context.window_manager


def window_of(context: Any) -> bpy.types.Window | None:
    """The current window; None in timers and without an interface."""
    return context.window


def addons_of(context: Any) -> bpy.types.Addons:
    """The add-ons that are turned on."""
    return context.preferences.addons
