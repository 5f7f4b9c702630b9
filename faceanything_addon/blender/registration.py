"""Everything that Blender is told about."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import bpy

from . import command, jobs, panel, preferences, properties
from .create import panel as create_panel
from .create import properties as create_properties
from .exchange import panel as exchange_panel
from .exchange import playback
from .exchange import properties as exchange_properties
from .retarget import panel as retarget_panel
from .retarget import properties as retarget_properties

CLASSES = (
    preferences.FACEANYTHING_Preferences,
    *panel.CLASSES,
    *retarget_panel.CLASSES,
    *create_panel.CLASSES,
    *exchange_panel.CLASSES,
)


def register() -> None:
    properties.register()
    retarget_properties.register()
    exchange_properties.register()
    create_properties.register()
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    command.register()


def unregister() -> None:
    jobs.stop_all()
    playback.stop()
    command.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
    exchange_properties.unregister()
    create_properties.unregister()
    retarget_properties.unregister()
    properties.unregister()
