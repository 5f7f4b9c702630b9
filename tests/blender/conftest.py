"""A fresh Blender for each test."""

# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

bpy = pytest.importorskip("bpy")

import faceanything_addon  # noqa: E402
from faceanything_addon.blender.jobs import state  # noqa: E402


@pytest.fixture(autouse=True)
def empty_scene():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield bpy.context.scene
    bpy.ops.wm.read_factory_settings(use_empty=True)


@pytest.fixture
def registered():
    """The extension is turned on, and its panel has nothing to say afterwards."""
    faceanything_addon.register()
    yield
    faceanything_addon.unregister()
    state.error = state.note = ""
