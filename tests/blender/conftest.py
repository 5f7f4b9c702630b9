"""A fresh Blender for each test."""

# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

bpy = pytest.importorskip("bpy")


@pytest.fixture(autouse=True)
def empty_scene():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield bpy.context.scene
    bpy.ops.wm.read_factory_settings(use_empty=True)
