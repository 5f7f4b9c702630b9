"""The extension's preferences."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from dataclasses import dataclass

import bpy
from bpy.props import IntProperty, StringProperty

from .context import addons_of
from .requirements import package_folders
from .takes import DEFAULT_KEY_LIMIT

# bl_ext.<repository>.face_anything as an extension, faceanything_addon when registered from a script.
ROOT = (__package__ or "").removesuffix(".faceanything_addon.blender").removesuffix(".blender")


class FACEANYTHING_Preferences(bpy.types.AddonPreferences):
    bl_idname = ROOT

    python: StringProperty(
        name="Worker's Python",
        description="Python that does the work; it needs onnxruntime, opencv, av and scipy. Empty: Blender's own",
        subtype="FILE_PATH",
    )
    threads: IntProperty(
        name="Threads",
        description="Processor threads for a capture; 0: as many as there are",
        default=0,
        min=0,
        max=256,
    )
    key_limit: IntProperty(
        name="Frames as Shape Keys",
        description="Longer takes play from a cache file in the take's folder",
        default=DEFAULT_KEY_LIMIT,
        min=1,
        max=10000,
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        for name in ("python", "threads", "key_limit"):
            layout.prop(self, name)


@dataclass(frozen=True)
class Choices:
    """The preferences as plain values."""

    python: str
    sites: list[str]
    threads: int | None
    key_limit: int


def choices(context: bpy.types.Context) -> Choices:
    """The user's preferences, or the defaults where the extension was registered by a script."""
    addon = addons_of(context).get(ROOT)
    saved = addon.preferences if addon else None
    if not isinstance(saved, FACEANYTHING_Preferences):
        return Choices(sys.executable, package_folders(), None, DEFAULT_KEY_LIMIT)
    own = not saved.python
    return Choices(
        python=sys.executable if own else bpy.path.abspath(saved.python),
        sites=package_folders() if own else [],
        threads=saved.threads or None,
        key_limit=saved.key_limit,
    )
