"""Known rigs, data/bones/*.json, and which of them a rig is; presets of users are files of the same form."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...take.storage import parse_json, read_errors, read_json, target_file, write_json
from ...template.packaged import DATA, reading
from .bonemap import BoneMap, Eyes, describe_map, parse_map

FOLDER = DATA / "bones"
FORMAT, VERSION = "faceanything-bones", 1
SEPARATORS = re.compile(r"[\W_]+")
SURE_ENOUGH, BONES_ENOUGH = 0.25, 5  # share of a table's bones found; their number
CURE = "correct the file, or save a new bone preset"


@dataclass(frozen=True)
class Match:
    """A map under a rig's own names."""

    bones: BoneMap
    missing: tuple[str, ...]  # bones of the map that the rig lacks
    confidence: float  # 0..1: share of the map's face bones that the rig has

    @property
    def sure(self) -> bool:
        return self.confidence >= SURE_ENOUGH and len(self.bones.bones) >= BONES_ENOUGH


def rig_names() -> tuple[str, ...]:
    """Names of the known rigs."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.json")))


@cache
def known_rig(name: str) -> BoneMap:
    """The map of a known rig.

    Raises:
        UserError: there is none of this name, or its file is damaged.
    """
    file = FOLDER / f"{name}.json"
    if name not in rig_names():
        raise UserError(f"{name}: there is no such rig; choose one of {', '.join(rig_names())}")
    with reading(file, "bone table"):
        return parse_map(json.loads(file.read_text("utf-8")), name)


def recognise_rig(names: Iterable[str]) -> Match:
    """The known rig that most of these bones belong to; look at `sure` before it is used."""
    there = tuple(names)
    return max((fit_map(known_rig(name), there) for name in rig_names()), key=lambda match: match.confidence)


def fit_map(wanted: BoneMap, names: Iterable[str]) -> Match:
    """A map under a rig's own names, which may differ in case and separators and stand behind a namespace."""
    exact = dict.fromkeys(names)  # in the rig's order: of those that look alike the first counts
    index: dict[str, str] = {}
    for name in exact:
        index.setdefault(_plain(name), name)
    own = {name: name if name in exact else index.get(_plain(name), "") for name in wanted.names()}
    found = {own[name]: bone for name, bone in wanted.bones.items() if own[name]}
    eyes: dict[str, Any] = {name: own.get(value, value) for name, value in vars(wanted.eyes).items()}
    bones = replace(
        wanted,
        bones=found,
        head=own.get(wanted.head, ""),
        neck=tuple(own[name] for name in wanted.neck if own[name]),
        eyes=Eyes(**eyes),
        poses={shape: _own_pose(pose, own) for shape, pose in wanted.poses.items()},
        neutral=_own_pose(wanted.neutral, own),
    )
    missing = tuple(name for name, at in own.items() if not at)
    return Match(bones, missing, len(found) / max(len(wanted.bones), 1))


def _own_pose(pose: dict, own: dict[str, str]) -> dict:
    return {own.get(name, name): delta for name, delta in pose.items() if own.get(name, name)}


def _plain(name: str) -> str:
    return SEPARATORS.sub("", name.rpartition(":")[2].lower())


def load_bones(file: str | Path) -> BoneMap:
    """Read a bone preset.

    Raises:
        UserError: not a bone preset, of a later version, or with an entry that makes no sense.
    """
    file = Path(file).expanduser()
    try:
        data = read_json(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from error
    except ValueError as error:
        raise UserError(f"{file}: is no bone preset ({' '.join(str(error).split())[:120]}); {CURE}") from error
    if data.get("format") != FORMAT:
        raise UserError(f"{file}: is no bone preset (its format is {data.get('format')!r}, not {FORMAT!r}); {CURE}")
    if data.get("version") != VERSION:
        version = data.get("version")
        raise UserError(f"{file}: is a bone preset of version {version!r}, not {VERSION}; use the newer program")
    try:
        return parse_map(data, file.stem)
    except ValueError as error:
        raise UserError(f"{file}: the bone preset {error}; {CURE}") from error


def save_bones(bones: BoneMap, file: str | Path) -> Path:
    """Write a bone preset.

    Raises:
        UserError: the file cannot be written.
    """
    file = target_file(file)
    write_json(file, {"format": FORMAT, "version": VERSION, **describe_map(bones)})
    return file


def bones_text(bones: BoneMap) -> str:
    """A map as text, to be kept in a .blend file."""
    return json.dumps({"format": FORMAT, "version": VERSION, **describe_map(bones)})


def bones_from_text(text: str, name: str) -> BoneMap:
    """Inverse of `bones_text`. Raises ValueError: says what is wrong."""
    data = parse_json(text)
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("version") != VERSION:
        raise ValueError("is no bone preset of this version")
    return parse_map(data, name)


def chosen_bones(preset: str) -> BoneMap:
    """A known rig by its name, or a bone preset by its file.

    Raises:
        UserError: neither is there, or the file is bad.
    """
    if preset in rig_names():
        return known_rig(preset)
    file = Path(preset).expanduser()
    with read_errors(file):
        if not file.exists() and not file.suffix:
            rigs = ", ".join(rig_names())
            raise UserError(f"{preset}: is no bone preset's file and no known rig; the rigs are {rigs}")
    return load_bones(file)


def is_bone_preset(preset: str | None) -> bool:
    """Whether this is a file that says that it is a bone preset."""
    try:
        return bool(preset) and read_json(Path(str(preset)).expanduser()).get("format") == FORMAT
    except (OSError, ValueError):
        return False
