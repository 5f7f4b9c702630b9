"""`faceanything make-shapes` and `faceanything retarget --drive mesh`."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from typing import Any

from .cli_bar import stage_bar
from .cli_exchange import blender_needed
from .errors import UserError

# Of retarget, what a mesh that is driven has no use for, and its value when it is not given.
KEYS_ONLY: dict[str, Any] = {
    **dict.fromkeys(("preset", "actor", "reduce", "timecode", "frame_zero"), None),
    **dict.fromkeys(("mirror", "bones", "layers", "no_head", "at_timecode", "adopt_rate"), False),
    **dict.fromkeys(("gain", "mute", "punch_in"), []),
    "smooth": 0.0,
    "first": 1.0,
    "speed": 1.0,
}
MESH_ONLY = ("landmarks", "front")


def add_shape_arguments(parser: argparse.ArgumentParser) -> None:
    """Of make-shapes."""
    parser.add_argument("character", metavar="CHARACTER", help=".blend, .glb, .gltf, .fbx, .vrm or .obj")
    parser.add_argument("--out", required=True, metavar="FILE.blend")
    parser.add_argument("--object", metavar="NAME", help="mesh of the character, where the file has several")
    _add_face_arguments(parser)


def add_drive_arguments(parser: argparse.ArgumentParser) -> None:
    """Of retarget, beside its own."""
    parser.add_argument(
        "--drive",
        choices=["keys", "mesh"],
        default="keys",
        help="keys: the character's shape keys; mesh: a take's own motion on its vertices, no keys needed",
    )
    _add_face_arguments(parser)


def _add_face_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--landmarks", metavar="FILE.json", help="places of the face, where it is not recognised")
    parser.add_argument("--front", metavar="AXIS", help="where the character looks: -Y, +Y, -X, +X, +Z or -Z")


def make_shapes(parsed: argparse.Namespace) -> None:
    landmarks, front = _face_options(parsed)
    with blender_needed():
        from .blender.create.command import make_shapes_file
    with stage_bar("making shapes", "%") as report:
        lines = make_shapes_file(parsed.character, parsed.out, parsed.object, landmarks, front, report)
    for line in (*lines, f"{parsed.out}: written"):
        print(line)


def drive_mesh(parsed: argparse.Namespace) -> None:
    from .exchange.target import refuse_source
    from .take.files import TakeReader

    given = [name for name, usual in KEYS_ONLY.items() if getattr(parsed, name) != usual]
    if given:
        raise UserError(f"{_options(given)}: for shape keys and bones; leave that out with --drive mesh")
    TakeReader(parsed.take)  # a bad take is told before Blender is loaded
    refuse_source(parsed.take, parsed.out)
    landmarks, front = _face_options(parsed)
    with blender_needed():
        from .blender.create.drive import drive_file
    with stage_bar("driving the mesh", "%") as report:
        line = drive_file(
            parsed.take, parsed.character, parsed.out, parsed.object, landmarks, front, parsed.head, report
        )
    print(line)
    print(f"{parsed.out}: written")


def refuse_mesh_words(parsed: argparse.Namespace) -> None:
    """Raises UserError: an option was given that only a mesh that is driven itself has a use for."""
    given = [name for name in MESH_ONLY if getattr(parsed, name)]
    if given:
        raise UserError(f"{_options(given)}: only for --drive mesh; leave that out")


def _options(names: list[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)


def _face_options(parsed: argparse.Namespace) -> tuple[Any, Any]:
    """Landmarks and front of a character, each None where not given. Raises UserError."""
    from .exchange.target import refuse_source
    from .retarget.create import read_landmarks
    from .retarget.create.fronts import front_rotation

    landmarks = read_landmarks(parsed.landmarks) if parsed.landmarks else None
    if parsed.landmarks:
        refuse_source(parsed.landmarks, parsed.out)
    return landmarks, front_rotation(parsed.front) if parsed.front else None
