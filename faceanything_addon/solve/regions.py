"""Which part of the face a coefficient moves: data/regions.json."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import cache

from ..template.packaged import DATA, packaged_json

HEAD, EYES = "head", "eyes"
SIDES = ("left", "right")
DIRECTIONS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")  # where to, not on which side


@cache
def regions() -> dict[str, str]:
    """Region by coefficient. mouthClose goes with the jaw, whose opening it undoes: lips that touch go on touching."""
    table = packaged_json(DATA / "regions.json")
    return {coefficient: region for region, coefficients in table.items() for coefficient in coefficients}


@cache
def region_names() -> tuple[str, ...]:
    """All regions in the file's order, then the head's motion."""
    return (*dict.fromkeys(regions().values()), HEAD)


def side_of(coefficient: str) -> str | None:
    """`left`, `right`, or None for what moves both sides."""
    if coefficient in DIRECTIONS:
        return None
    return next((side for side in SIDES if coefficient.endswith(side.capitalize())), None)
