"""The names of the coefficients."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import lru_cache

from .packaged import DATA, packaged_json


@lru_cache(maxsize=1)
def arkit_names() -> tuple[str, ...]:
    """The 52 ARKit coefficients in Apple's spelling and order: those of the template, without loading its bases."""
    return tuple(packaged_json(DATA / "arkit.json"))
