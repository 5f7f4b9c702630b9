"""The arguments of `faceanything retarget`, and what they mean."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import UserError

if TYPE_CHECKING:
    from .retarget import Mapping, NameTable
    from .retarget.bones import BoneMap
    from .retarget.placement import Start
    from .retarget.second import SecondTake
    from .solve.edit import Edit
    from .take.performance import Performance

RANGE = re.compile(r"(?P<source>.+):(?P<start>-?\d+)-(?P<end>\d+)(@(?P<first>-?\d+(\.\d+)?))?")


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
    parser.add_argument(
        "--character", required=True, metavar="FILE", help="character: .blend, .glb, .gltf, .fbx or .vrm"
    )
    parser.add_argument("--out", required=True, metavar="FILE.blend")
    parser.add_argument("--object", metavar="NAME", help="object of the character, where the file has several")
    parser.add_argument("--preset", metavar="NAME_OR_FILE", help="naming or preset, where the keys are not recognised")
    parser.add_argument(
        "--head", metavar="NAME", help="bone or object that receives the head's turn (of a .vrm its head)"
    )
    parser.add_argument("--mirror", action="store_true", help="the actor's left drives the character's right")
    parser.add_argument("--bones", action="store_true", help="animate bones, even where there are shape keys")
    parser.add_argument("--actor", metavar="FILE.json", help="actor's profile, made by calibrate")
    _add_timing(parser.add_argument_group("timing"))
    _add_editing(parser.add_argument_group("editing", "in layers; the captured one is never changed"))


def _add_timing(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--first", type=float, default=1.0, metavar="FRAME", help="scene frame of the start (1)")
    group.add_argument("--at-timecode", action="store_true", help="start at the frame of the take's time code instead")
    group.add_argument("--timecode", metavar="HH:MM:SS:FF", help="the take's time code, where it has none")
    group.add_argument(
        "--frame-zero", metavar="HH:MM:SS:FF", help="start by time code; this is scene frame 0 (midnight)"
    )
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
    from .retarget import chosen_mapping
    from .retarget.bones.tables import chosen_bones, is_bone_preset
    from .solve.edit import parse_edit

    if not 0.01 <= parsed.speed <= 100:
        raise UserError(f"--speed {parsed.speed:g}: is out of range; give a number from 0.01 to 100")
    edit = parse_edit(parsed.gain, parsed.mute, parsed.smooth, parsed.reduce, not parsed.no_head)
    read = _reader(parsed.actor)
    performance = read(parsed.take)
    seconds = tuple(_second_take(word, parsed.blend, read) for word in parsed.punch_in)
    _refuse_sources(parsed)
    by_bones = parsed.bones or is_bone_preset(parsed.preset)
    if by_bones:
        refuse_for_bones(parsed.layers, None)
    return Plan(
        performance,
        chosen_mapping(parsed.preset) if parsed.preset and not by_bones else None,
        _start(parsed, performance.rate),
        edit,
        seconds,
        by_bones,
        chosen_bones(parsed.preset) if parsed.preset and by_bones else None,
    )


def _start(parsed: argparse.Namespace, rate: float) -> Start:
    """Where it begins. Raises UserError: a time code is none at the performance's rate."""
    from .retarget.placement import Start, timecode_seconds

    given = [text for text in (parsed.timecode, parsed.frame_zero) if text is not None]
    for text in given:
        timecode_seconds(text, rate)
    return Start(parsed.first, parsed.at_timecode or bool(given), parsed.timecode or "", parsed.frame_zero or "")


def _refuse_sources(parsed: argparse.Namespace) -> None:
    """Raises UserError: the scene would replace a file that it is made from."""
    from .exchange.target import refuse_source

    seconds = [match["source"] for match in map(RANGE.fullmatch, parsed.punch_in) if match]
    for source in (parsed.take, *seconds, parsed.actor, parsed.preset):
        if source:
            refuse_source(source, parsed.out)


def refuse_for_bones(layers: bool, mapping: Mapping | NameTable | None) -> None:
    """Raises UserError: something was asked for that only shape keys can do."""
    if layers:
        raise UserError("--layers: bones have no layers, only shape keys do; leave it out, edits act on bones without")
    if mapping is not None:
        raise UserError(
            f"--preset {mapping.name}: is for shape keys, the character is moved by bones; give a bone preset"
        )


def _reader(actor: str | None) -> Callable[[str], Performance]:
    """Reads performances as the actor's profile sees them, if there is one."""
    from .exchange.sources import read_performance
    from .retarget.calibration import ActorProfile, calibrate, load_profile

    profile = load_profile(actor) if actor else ActorProfile()
    return lambda path: calibrate(read_performance(path), profile) if actor else read_performance(path)


def _second_take(word: str, blend: float, read: Callable[[str], Performance]) -> SecondTake:
    from .retarget.second import Punch, SecondTake

    match = RANGE.fullmatch(word)
    if match is None:
        raise UserError(f"--punch-in {word}: is not understood; write TAKE2:START-END, such as take2:100-160")
    if not 0 <= blend <= 60:
        raise UserError(f"--blend {blend:g}: is out of range; give seconds from 0 to 60")
    first = float(match["first"]) if match["first"] else None
    return SecondTake(read(match["source"]), Punch(int(match["start"]), int(match["end"]), blend, blend, first))
