"""Folders that a take may be written to."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from .anew import HEADER_FILE, OWN
from .storage import TEMPORARY, read_json, write_errors

FORMAT = "faceanything-take"
CUT_OFF = HEADER_FILE + TEMPORARY  # all that is left where a take was stopped at its very start


def check_target(folder: Path, resume: bool = False, overwrite: bool = False) -> bool:
    """Whether a take is there already.

    Raises:
        UserError: the place holds something else, or a take that was not asked to be resumed or overwritten, or was
            asked to be both.
    """
    if resume and overwrite:
        raise UserError(f"{folder}: --resume keeps the take, --overwrite replaces it; choose one of them")
    with write_errors(folder):
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder}: is a file; give the name of a new folder")
        if not folder.is_dir() or all(inside.name == CUT_OFF for inside in folder.iterdir()):
            return False
    if not looks_like_take(folder):
        raise UserError(f"{folder}: the folder holds other files than a take; give the name of a new folder")
    if not (resume or overwrite):
        raise UserError(f"{folder}: already holds a take; add --resume to go on with it or --overwrite to replace it")
    return True


def looks_like_take(folder: Path) -> bool:
    """Also for a take.json that is cut off, so that --overwrite can replace it."""
    try:
        with open(folder / "take.json", "rb") as file:
            known = FORMAT.encode() in file.read(256)
        return known or {inside.name for inside in folder.iterdir()} <= OWN and _is_torn(folder)
    except OSError:
        return False


def _is_torn(folder: Path) -> bool:
    """Nothing can be made of take.json. Raises OSError."""
    try:
        read_json(folder / HEADER_FILE)
    except ValueError:
        return True
    return False
