"""What the user sets in the Exchange panel, stored with the scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, FloatProperty, PointerProperty, StringProperty

from ...errors import UserError
from ...exchange.export import MESH_FORMATS
from ...exchange.protocols import PORTS
from ...exchange.suffixes import EXPORTS
from ..context import scene_of
from ..properties import settings_of, take_folder
from .formats import FORMATS

SUFFIXES = {**{kind: chosen.suffixes[0] for kind, chosen in FORMATS.items()}, **EXPORTS}
LABELS = {"pc2": "PC2 Cache", "mdd": "MDD Cache", "obj": "OBJ Sequence", "npz": "NumPy Archive"}
LABELS |= {"livelink": "Live Link Face CSV", "arkit-json": "ARKit JSON"}
LABELS |= {kind: chosen.label for kind, chosen in FORMATS.items()}
KINDS = tuple((kind, LABELS[kind], "") for kind in SUFFIXES)
CONTENTS = (
    ("AUTO", "As Usual", "What suits the format"),
    ("mesh", "Meshes", "The exact mesh of each frame"),
    ("rig", "Shape Keys", "The neutral face with the 52 ARKit shapes, animated"),
)
SPACES = (
    ("camera", "Before the Camera", "The head moves; the camera stands at the origin"),
    ("head", "Head Still", "Expression without head motion"),
)
PROTOCOL_ITEMS = (
    ("livelink", "Live Link Face", f"Unreal Engine; port {PORTS['livelink']}"),
    ("osc", "OSC", f"Addresses such as /face/jawOpen; port {PORTS['osc']}"),
    ("vmc", "VMC", f"VRM avatars with Perfect Sync; port {PORTS['vmc']}"),
)

SCENE: Any = bpy.types.Scene  # the stubs know no add-on's properties


class FACEANYTHING_PG_exchange(bpy.types.PropertyGroup):
    source: StringProperty(
        name="Performance",
        description="Folder of a take, or a recording (.csv, .json, .txt). Empty: the take above",
        subtype="FILE_PATH",
    )
    kind: EnumProperty(name="Format", items=KINDS)
    content: EnumProperty(name="Content", items=CONTENTS)
    space: EnumProperty(name="Space", items=SPACES)
    rate: FloatProperty(name="Frame Rate", description="Frames a second. 0: the take's own", min=0.0, max=1000.0)
    host: StringProperty(
        name="Send To", description="HOST or HOST:PORT. Nothing is sent anywhere else", default="127.0.0.1"
    )
    protocol: EnumProperty(name="Protocol", items=PROTOCOL_ITEMS)


def exchange_settings(context: Any) -> FACEANYTHING_PG_exchange:
    """The Exchange panel's settings of the current scene."""
    scene: Any = scene_of(context)  # the stubs know no add-on's properties
    return scene.face_anything_exchange


def source_path(context: Any) -> Path:
    """Where the performance lies.

    Raises:
        UserError: neither a performance nor a take is chosen.
    """
    settings = exchange_settings(context)
    folder = Path(bpy.path.abspath(settings.source)) if settings.source else take_folder(settings_of(context))
    if folder is None:
        raise UserError("no take is chosen; set Performance, or Take in the Face Anything panel")
    return folder


def meshes_wanted(settings: Any) -> bool:
    """Whether space and rate matter to the chosen format."""
    return settings.kind in FORMATS or settings.kind in MESH_FORMATS


def suffixes_of(kind: str) -> tuple[str, ...]:
    """All suffixes that a format's files may have, the usual one first."""
    return FORMATS[kind].suffixes if kind in FORMATS else (SUFFIXES[kind],)


def with_suffix(kind: str, path: str) -> Path:
    """The path, with the format's usual suffix added where it has none of the format's."""
    return Path(path if path.lower().endswith(suffixes_of(kind)) else path + SUFFIXES[kind])


def file_filter(kind: str) -> str:
    """What the file browser shows."""
    return ";".join(f"*{suffix}" for suffix in suffixes_of(kind))


def register() -> None:
    bpy.utils.register_class(FACEANYTHING_PG_exchange)
    SCENE.face_anything_exchange = PointerProperty(type=FACEANYTHING_PG_exchange)


def unregister() -> None:
    del SCENE.face_anything_exchange
    bpy.utils.unregister_class(FACEANYTHING_PG_exchange)
