"""The extension's preferences."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from dataclasses import dataclass

import bpy
from bpy.props import BoolProperty, IntProperty, StringProperty

from ..errors import UserError
from ..jobs.predictors import FULL
from .context import addons_of
from .requirements import package_folders
from .takes import DEFAULT_KEY_LIMIT

# bl_ext.<repository>.face_anything as an extension, faceanything_addon when registered from a script.
ROOT = (__package__ or "").removesuffix(".faceanything_addon.blender").removesuffix(".blender")

LICENCE = (
    "Its weights are their authors' and come under CC BY-NC 4.0:",
    "no commercial use of them, nor of what is made with them.",
)


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

    checkpoint: StringProperty(
        name="Weights",
        description="File made from the released checkpoint: faceanything convert checkpoint.pt --out FILE.safetensors",
        subtype="FILE_PATH",
    )
    full_python: StringProperty(
        name="Python with PyTorch",
        description="Python that runs the full-size network; it needs torch, safetensors, and what the worker's Python "
        "needs. Empty: the worker's Python",
        subtype="FILE_PATH",
    )
    licence_accepted: BoolProperty(
        name="I use it for no commercial purpose",
        description="The licence of the full-size network's weights, CC BY-NC 4.0, demands it",
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        for name in ("python", "threads", "key_limit"):
            layout.prop(self, name)
        box = layout.box()
        words = box.column(align=True)
        for line in ("Full-Size Network (optional)", *LICENCE):
            words.label(text=line)
        box.prop(self, "licence_accepted")
        for name in ("checkpoint", "full_python"):
            box.prop(self, name)


@dataclass(frozen=True)
class Choices:
    """The preferences as plain values."""

    python: str
    sites: list[str]
    threads: int | None
    key_limit: int
    checkpoint: str = ""
    full_python: str = ""
    licence_accepted: bool = False

    def worker(self, predictor: str) -> tuple[str, list[str]]:
        """The Python that does the work, and the folders of its packages where they are not its own.

        Raises:
            UserError: the full-size network is chosen, but not set up.
        """
        if predictor != FULL:
            return self.python, self.sites
        if not self.licence_accepted:
            raise UserError(
                "the full-size network's weights are for no commercial use (CC BY-NC 4.0); confirm that in the "
                "preferences"
            )
        if not self.checkpoint:
            raise UserError("the full-size network's weights are not chosen; set Weights in the preferences")
        return (self.full_python, []) if self.full_python else (self.python, self.sites)


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
        checkpoint=bpy.path.abspath(saved.checkpoint),
        full_python=bpy.path.abspath(saved.full_python),
        licence_accepted=saved.licence_accepted,
    )
