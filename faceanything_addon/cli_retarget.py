"""The arguments of `faceanything retarget`, and what they mean."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UserError

if TYPE_CHECKING:
    from .retarget import Mapping, NameTable
    from .retarget.bones import BoneMap
    from .retarget.placement import Start
    from .solve.edit import Edit
    from .take.performance import Performance

RANGE = re.compile(r"(?P<source>.+):(?P<start>-?\d+)-(?P<end>\d+)(@(?P<first>-?\d+(\.\d+)?))?")


@dataclass(frozen=True)
class SecondTake:
    """A performance to be seen over a range of scene frames, see `blender.edit.Punch`."""

    performance: Performance
    start: int
    end: int
    blend: float  # seconds, on both sides
    first: float | None  # scene frame of its own start; None: that of the first take


@dataclass(frozen=True)
class Plan:
    """What `faceanything retarget` is to do."""

    performance: Performance
    mapping: Mapping | NameTable | None
    start: Start
    edit: Edit
    seconds: tuple[SecondTake, ...]
    by_bones: bool = False  # bones, even where there are shape keys
    bones: BoneMap | None = None  # None: what the armature keeps, else what is recognised


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of them."""
    parser.add_argument("take", metavar="TAKE", help="folder of the take, or a recording (.csv, .json, .txt)")
    parser.add_argument("--character", required=True, metavar="FILE", help="character: .blend, .glb, .gltf or .fbx")
    parser.add_argument("--out", required=True, metavar="FILE.blend")
    parser.add_argument("--object", metavar="NAME", help="object of the character, where the file has several")
    parser.add_argument("--preset", metavar="NAME_OR_FILE", help="naming or preset, where the keys are not recognised")
    parser.add_argument("--head", metavar="NAME", help="bone or object that receives the head's turn")
    parser.add_argument("--mirror", action="store_true", help="the actor's left drives the character's right")
    parser.add_argument("--bones", action="store_true", help="animate bones, even where there are shape keys")
    parser.add_argument("--actor", metavar="FILE.json", help="actor's profile, made by calibrate")
    _add_timing(parser.add_argument_group("timing"))
    _add_editing(parser.add_argument_group("editing", "in layers; the captured one is never changed"))


def _add_timing(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--first", type=float, default=1.0, metavar="FRAME", help="scene frame of the start (1)")
    group.add_argument("--at-timecode", action="store_true", help="start at the frame of the take's time code instead")
    group.add_argument("--timecode", metavar="HH:MM:SS:FF", help="the take's time code, where it has none")
    group.add_argument("--frame-zero", metavar="HH:MM:SS:FF", help="time code of scene frame 0 (midnight)")
    group.add_argument("--adopt-rate", action="store_true", help="the scene takes over the take's frame rate")
    group.add_argument("--speed", type=float, default=1.0, metavar="X", help="2 plays twice as fast; sound stays as is")
    group.add_argument("--no-sound", action="store_true", help="leave the footage's sound out")


def _add_editing(group: argparse._ArgumentGroup) -> None:
    names = "brows, lids, eyes, cheeks, jaw, mouth, head, left, right"
    group.add_argument("--layers", action="store_true", help="lay out the layers even where nothing is edited")
    group.add_argument("--gain", action="append", default=[], metavar="REGION=X", help=f"amplify one of {names}")
    group.add_argument("--mute", action="append", default=[], metavar="REGION", help="leave a region at rest")
    group.add_argument("--smooth", type=float, default=0.0, metavar="S", help="0 to 1")
    group.add_argument("--reduce", metavar="ERROR", help="fewer keys: off by at most 0.5mm, or 0.01 of a key's value")
    group.add_argument("--no-head", action="store_true", help="leave the head at rest")
    group.add_argument(
        "--punch-in",
        action="append",
        default=[],
        metavar="TAKE2:START-END[@FIRST]",
        help="show a second take over these scene frames; FIRST is the frame at which it would begin",
    )
    group.add_argument("--blend", type=float, default=0.2, metavar="SECONDS", help="fade of second takes (0.2)")


def plan(parsed: argparse.Namespace) -> Plan:
    """Read everything that can be wrong before Blender is loaded.

    Raises:
        UserError: a file cannot be read, or a word is not understood.
    """
    from .exchange.sources import read_performance
    from .retarget import chosen_mapping
    from .retarget.bones.tables import chosen_bones, is_bone_preset
    from .retarget.calibration import calibrate, load_profile
    from .retarget.placement import Start
    from .solve.edit import parse_edit

    if not 0.01 <= parsed.speed <= 100:
        raise UserError(f"--speed {parsed.speed:g}: is out of range; give a number from 0.01 to 100")
    edit = parse_edit(parsed.gain, parsed.mute, parsed.smooth, parsed.reduce, not parsed.no_head)
    performance = read_performance(parsed.take)
    if parsed.actor:
        performance = calibrate(performance, load_profile(parsed.actor))
    by_bones = parsed.bones or is_bone_preset(parsed.preset)
    by_timecode = parsed.at_timecode or parsed.timecode is not None
    return Plan(
        performance,
        chosen_mapping(parsed.preset) if parsed.preset and not by_bones else None,
        Start(parsed.first, by_timecode, parsed.timecode or "", parsed.frame_zero or ""),
        edit,
        tuple(_second_take(word, parsed.blend) for word in parsed.punch_in),
        by_bones,
        chosen_bones(parsed.preset) if parsed.preset and by_bones else None,
    )


def _second_take(word: str, blend: float) -> SecondTake:
    from .exchange.sources import read_performance

    match = RANGE.fullmatch(word)
    if match is None:
        raise UserError(f"--punch-in {word}: is not understood; write TAKE2:START-END, such as take2:100-160")
    if not 0 <= blend <= 60:
        raise UserError(f"--blend {blend:g}: is out of range; give seconds from 0 to 60")
    first = float(match["first"]) if match["first"] else None
    return SecondTake(read_performance(Path(match["source"])), int(match["start"]), int(match["end"]), blend, first)
