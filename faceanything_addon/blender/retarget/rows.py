"""The mapping that is being edited: a row for each of the character's shape keys, stored with the scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
from bpy.props import CollectionProperty, EnumProperty, FloatProperty

from ...errors import UserError
from ...retarget import Mapping, Target
from ...retarget.mapping import NUMBERS
from ...template.names import arkit_names

COEFFICIENTS = tuple((name, name, "") for name in arkit_names())


class FACEANYTHING_PG_mapping_source(bpy.types.PropertyGroup):
    coefficient: EnumProperty(name="Coefficient", description="What drives the key", items=COEFFICIENTS)
    weight: FloatProperty(
        name="Weight", description="Part of the coefficient; may be negative", default=1.0, soft_min=-2.0, soft_max=2.0
    )


class FACEANYTHING_PG_mapping_row(bpy.types.PropertyGroup):
    """`name` is the shape key's."""

    sources: CollectionProperty(type=FACEANYTHING_PG_mapping_source)
    gain: FloatProperty(name="Gain", description="Times the sum of the sources", default=1.0, soft_min=0, soft_max=3)
    offset: FloatProperty(name="Offset", description="Added to it", default=0.0, soft_min=-1.0, soft_max=1.0)
    low: FloatProperty(name="Lowest", description="The key's value is not below", default=0.0, soft_min=-1, soft_max=1)
    high: FloatProperty(name="Highest", description="The key's value is not above", default=1.0, soft_min=0, soft_max=2)


ROWS = (FACEANYTHING_PG_mapping_source, FACEANYTHING_PG_mapping_row)


def fill_rows(rows: Any, targets: dict[str, Target], keys: Iterable[str]) -> None:
    """A row for each key, in the order of the keys; those that nothing drives have no sources."""
    rows.clear()
    for key in keys:
        row = rows.add()
        row.name = key
        if key in targets:
            set_row(row, targets[key])


def set_row(row: Any, target: Target) -> None:
    """Have a row say what the target says."""
    row.sources.clear()
    for name, weight in target.sources:
        source = row.sources.add()
        source.coefficient, source.weight = name, weight
    for name in NUMBERS:
        setattr(row, name, getattr(target, name))


def row_target(row: Any) -> Target:
    """What a row says; a coefficient named twice counts with the sum of its weights.

    Raises:
        UserError: its lowest value is above its highest.
    """
    if row.low > row.high:
        raise UserError(f"{row.name}: its lowest value is above its highest; correct them in the panel Mapping")
    sources: dict[str, float] = {}
    for source in row.sources:
        sources[source.coefficient] = sources.get(source.coefficient, 0.0) + source.weight
    numbers = {name: getattr(row, name) for name in NUMBERS}
    return Target(tuple((name, round(weight, 6)) for name, weight in sources.items()), **_rounded(numbers))


def _rounded(numbers: dict[str, float]) -> dict[str, float]:
    """Blender keeps single precision: 1.4 would be saved as 1.39999998."""
    return {name: round(value, 6) for name, value in numbers.items()}


def rows_mapping(rows: Any) -> Mapping:
    """The mapping of all rows that have sources.

    Raises:
        UserError: there is none, or one makes no sense.
    """
    targets = {row.name: row_target(row) for row in rows if row.sources}
    if not targets:
        raise UserError("nothing is mapped; press Edit Mapping in the panel Mapping, or set Naming to Detect")
    return Mapping("edited", targets)
