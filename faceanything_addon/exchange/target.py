"""Where an export goes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from ..errors import UserError


def target_file(out: str | Path) -> Path:
    """The file to write.

    Raises:
        UserError: it is a folder, or lies in one that is not there.
    """
    out = Path(out).expanduser()
    if out.is_dir() or not out.parent.is_dir():
        raise UserError(f"{out}: give the name of a file in a folder that exists")
    return out
