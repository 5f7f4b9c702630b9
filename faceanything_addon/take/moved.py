"""Footage that was moved together with its take."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from .take import TakeInfo


def with_footage(info: TakeInfo, folder: Path) -> TakeInfo:
    """A take's info with the footage where it is now: under its own name beside the take, or within the take's folder,
    where it is no longer where it was."""
    name = re.split(r"[\\/]", info.footage.rstrip("\\/"))[-1]
    if name in ("", ".", "..") or os.path.exists(info.footage):
        return info
    absolute = folder.absolute()
    places = (place / name for place in (absolute.parent, absolute))
    found = next((place for place in places if os.path.exists(place)), None)
    return info if found is None else replace(info, footage=str(found))
