"""Paths as Blender keeps them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy


def stored_path(file: str | Path) -> str:
    """A path for a data-block: from the .blend file on, so that both can be moved together.

    As it is where nothing was saved yet (Blender changes it when that happens), where the file lies on another drive,
    and where the user's preferences want it so.
    """
    preferences: Any = bpy.context.preferences
    if not bpy.data.filepath or not preferences.filepaths.use_relative_paths:
        return str(file)
    try:
        return bpy.path.relpath(str(file))
    except ValueError:  # another drive
        return str(file)
