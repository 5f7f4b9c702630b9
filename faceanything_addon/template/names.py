"""The names of the coefficients."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"


@lru_cache(maxsize=1)
def arkit_names() -> tuple[str, ...]:
    """The 52 ARKit coefficients in Apple's spelling and order: those of the template, without loading its bases."""
    return tuple(json.loads((DATA / "arkit.json").read_text("utf-8")))
