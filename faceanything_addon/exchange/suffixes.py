"""How names of files end: a file whose name promises another kind is not written."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from ..errors import UserError

EXPORTS = {"npz": ".npz", "livelink": ".csv", "arkit-json": ".json", "pc2": ".pc2", "mdd": ".mdd", "obj": ".obj"}
# What else is read or written here, or shown: scenes, characters, videos, pictures.
SCENES = (".blend", ".abc", ".usd", ".usda", ".usdc", ".usdz", ".glb", ".gltf", ".fbx", ".vrm", ".mtl")
VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".avi", ".webm", ".mxf", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts")
VIDEOS += (".wmv", ".flv", ".ogv", ".dv", ".gif", ".3gp")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".exr", ".tga", ".heic")
KNOWN = {*EXPORTS.values(), *SCENES, *VIDEOS, *PICTURES}


def refuse_other_suffix(kind: str, out: Path) -> None:
    """Names without an ending or with an unknown one are the user's own affair.

    Args:
        kind: of EXPORTS.

    Raises:
        UserError: the name ends as files of another kind do.
    """
    _refuse_other(kind, EXPORTS[kind], out)


def refuse_other_scene(out: Path) -> None:
    """Raises UserError: the name of a Blender scene ends as files of another kind do."""
    _refuse_other("a Blender scene", ".blend", out)


def _refuse_other(what: str, suffix: str, out: Path) -> None:
    if out.suffix.lower() in KNOWN - {suffix}:
        raise UserError(f"{out}: {what} needs a name that ends with {suffix}")
