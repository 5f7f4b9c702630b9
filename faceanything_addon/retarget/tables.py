"""Name tables: data/names/*.json, one a naming. docs/names.md says where each comes from."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..errors import UserError
from ..template.packaged import DATA, reading
from .mapping import Target, parse_target

FOLDER = DATA / "names"
FORMAT, VERSION = "faceanything-names", 1


@dataclass(frozen=True)
class NameTable:
    """The keys of one naming and what drives each."""

    name: str  # of the file
    label: str  # for people
    used_by: tuple[str, ...]  # other tools with the same keys
    targets: dict[str, Target]
    unless: dict[str, tuple[str, ...]]  # a key is left at rest where one of these keys is there too


def table_names() -> tuple[str, ...]:
    """Names of all tables; apple comes first."""
    names = sorted(file.stem for file in FOLDER.glob("*.json"))
    return tuple(sorted(names, key=lambda name: name != "apple"))


@cache
def load_table(name: str) -> NameTable:
    """Read a table.

    Raises:
        UserError: there is none of this name, or its file is damaged.
    """
    file = FOLDER / f"{name}.json"
    if name not in table_names():
        raise UserError(f"{name}: there is no such naming; choose one of {', '.join(table_names())}")
    with reading(file, "name table"):
        return _parse(name, json.loads(file.read_text("utf-8")))


def _parse(name: str, data: dict[str, Any]) -> NameTable:
    if data["format"] != FORMAT or data["version"] != VERSION:
        raise ValueError("not a name table of this version")
    targets, unless = {}, {}
    for key, entry in data["keys"].items():
        unless[key] = tuple(entry.pop("unless", ()))
        targets[key] = parse_target(entry)
    return NameTable(name, data["label"], tuple(data.get("used_by", ())), targets, unless)
