"""A fresh Blender for each test."""

# SPDX-License-Identifier: GPL-3.0-or-later
import os
import sys
import tempfile

import pytest

os.environ.setdefault("BLENDER_USER_RESOURCES", tempfile.mkdtemp(prefix="blender-user-"))
sys.path.insert(0, os.path.dirname(__file__))
bpy = pytest.importorskip("bpy")


@pytest.fixture(autouse=True)
def empty_scene():
    bpy.ops.wm.read_factory_settings(use_empty=True)
    yield bpy.context.scene
    bpy.ops.wm.read_factory_settings(use_empty=True)
