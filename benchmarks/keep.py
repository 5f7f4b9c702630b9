"""Where rendered material is kept: by what drew it, so that pictures of an earlier generator are never judged."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from faceanything_addon.template.template import TEMPLATE_FILE

ROOT = Path(__file__).parents[1]
DRAWING = (
    "training/generator/*.py",
    "training/template/*.py",
    "faceanything_addon/template/*.py",
    "faceanything_addon/reconstruct/li[dp]s.py",  # drawn faces have such lids and lips too
    "faceanything_addon/reconstruct/closure.py",
    "faceanything_addon/solve/gaze.py",
)


def kept_in(folder: Path) -> Path:
    """The subfolder of what the present generator draws; made."""
    place = folder / generator_key()
    place.mkdir(parents=True, exist_ok=True)
    return place


@cache
def generator_key() -> str:
    """Changes with the generator's code and with the template."""
    digest = hashlib.sha256(TEMPLATE_FILE.read_bytes())
    for file in sorted(file for pattern in DRAWING for file in ROOT.glob(pattern)):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
