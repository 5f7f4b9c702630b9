"""Mappings as files, to be edited and used again. docs/retargeting.md describes them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import UserError
from ..take.storage import read_errors, read_json, target_file, write_json
from .mapping import Mapping, describe_target, parse_target
from .tables import NameTable, load_table, table_names

FORMAT, VERSION = "faceanything-retarget", 1
CURE = "correct the file, or save a new preset"


def save_preset(mapping: Mapping, file: str | Path) -> Path:
    """Write a mapping.

    Raises:
        UserError: the file cannot be written.
    """
    file = target_file(file)
    write_json(file, {"format": FORMAT, "version": VERSION, **describe_mapping(mapping)})
    return file


def describe_mapping(mapping: Mapping) -> dict[str, Any]:
    """The JSON form."""
    targets = {key: describe_target(target) for key, target in mapping.targets.items()}
    return {"name": mapping.name, "mirror": mapping.mirror, "targets": targets}


def load_preset(file: str | Path) -> Mapping:
    """Read a mapping.

    Raises:
        UserError: not a preset, of a later version, or with an entry that makes no sense.
    """
    file = Path(file).expanduser()
    try:
        data = read_json(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from error
    except ValueError as error:
        raise UserError(f"{file}: is no preset ({' '.join(str(error).split())[:120]}); {CURE}") from error
    if data.get("format") != FORMAT:
        raise UserError(f"{file}: is no preset (its format is {data.get('format')!r}, not {FORMAT!r}); {CURE}")
    if data.get("version") != VERSION:
        version = data.get("version")
        raise UserError(f"{file}: is a preset of version {version!r}, not {VERSION}; use the newer program")
    return parse_mapping(file, data)


def parse_mapping(file: Path, data: dict[str, Any]) -> Mapping:
    """A mapping from its JSON form; `file` is named where it makes no sense. Raises UserError."""
    name, mirror, entries = data.get("name", file.stem), data.get("mirror", False), data.get("targets")
    if not isinstance(entries, dict) or not entries:
        raise UserError(f'{file}: the preset has no "targets"; {CURE}')
    if not isinstance(name, str) or not isinstance(mirror, bool):
        raise UserError(f"{file}: the preset's name must be a text and its mirror true or false; {CURE}")
    targets = {}
    for key, entry in entries.items():
        try:
            targets[key] = parse_target(entry)
        except ValueError as error:
            raise UserError(f"{file}: the preset's target {key!r} {error}; {CURE}") from error
    return Mapping(name, targets, mirror)


def chosen_mapping(preset: str) -> Mapping | NameTable:
    """A naming by its name, or a preset by its file.

    Raises:
        UserError: neither is there, or the file is bad.
    """
    if preset in table_names():
        return load_table(preset)
    file = Path(preset).expanduser()
    with read_errors(file):
        if not file.exists() and not file.suffix:
            raise UserError(f"{preset}: is no preset's file and no naming; the namings are {', '.join(table_names())}")
    return load_preset(file)
