"""Everything that Blender is told about."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import bpy

from . import command, jobs, news, panel, preferences, properties
from .create import panel as create_panel
from .create import properties as create_properties
from .edit import panel as edit_panel
from .edit import properties as edit_properties
from .exchange import panel as exchange_panel
from .exchange import playback
from .exchange import properties as exchange_properties
from .retarget import actor, editor, vrm_menu
from .retarget import panel as retarget_panel
from .retarget import properties as retarget_properties
from .retarget.bones import panel as bones_panel
from .retarget.bones import properties as bones_properties

CLASSES = (
    preferences.FACEANYTHING_Preferences,
    *panel.CLASSES,
    *retarget_panel.CLASSES,
    *editor.CLASSES,
    *vrm_menu.CLASSES,
    *edit_panel.CLASSES,
    *bones_panel.CLASSES,
    *actor.CLASSES,
    *create_panel.CLASSES,
    *exchange_panel.CLASSES,
)


def register() -> None:
    properties.register()
    retarget_properties.register()
    edit_properties.register()
    exchange_properties.register()
    bones_properties.register()
    actor.register()
    create_properties.register()
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    vrm_menu.register()
    command.register()
    news.register()


def unregister() -> None:
    jobs.stop_all()
    playback.stop()
    news.unregister()
    command.unregister()
    vrm_menu.unregister()
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
    exchange_properties.unregister()
    edit_properties.unregister()
    actor.unregister()
    bones_properties.unregister()
    create_properties.unregister()
    retarget_properties.unregister()
    properties.unregister()
