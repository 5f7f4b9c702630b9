"""Where a file goes: never onto what it is made from."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..errors import UserError
from ..take.anew import ANEW, HEADER_FILE, PARTS, RESULTS
from ..take.files import read_header
from ..take.moved import with_footage

TAKE_FILES = (HEADER_FILE, *RESULTS)
TAKE_FOLDERS = (*PARTS, ANEW, *(f"{ANEW}/{part}" for part in PARTS))


def refuse_own_file(file: str | Path, out: Path, what: str) -> None:
    """Raises UserError: `out` is the file `file`, by another path or a link too. what: that file is."""
    if _is_same(Path(file), out):
        raise UserError(f"{out}: is {what}; give another name, it would be overwritten")


def refuse_source(source: str | Path, out: str | Path) -> None:
    """Keep a file from being written over its source.

    Args:
        source: a take's folder, whose footage counts too, or a file.

    Raises:
        UserError: `out` is the source or belongs to it.
    """
    source, out = Path(source).expanduser(), Path(out).expanduser()
    try:
        header = read_header(source)
    except UserError:  # no take, or a bad one, which is told where it is read
        refuse_own_file(source, out, "what it is made from")
        return
    places = {out.parent, Path(os.path.realpath(out)).parent}
    inside = any(_is_same(source / name, place) for name in TAKE_FOLDERS for place in places)
    if inside or any(_is_same(source / name, out) for name in TAKE_FILES):
        raise UserError(f"{out}: is one of the take's own files; give another name, it would be overwritten")
    refuse_footage(with_footage(header.info, source).footage, out)


def refuse_footage(footage: str, out: Path) -> None:
    """Raises UserError: `out` is the footage, or one picture of it."""
    from ..footage.images import SUFFIXES

    if not footage:
        return
    files = [Path(footage)]
    with suppress(OSError):  # what cannot be looked at is told where it is read
        if files[0].is_dir():
            files = [file for file in files[0].iterdir() if file.suffix.lower() in SUFFIXES]
    for file in files:
        refuse_own_file(file, out, "the take's own footage")


def _is_same(file: Path, other: Path) -> bool:
    try:
        return file.samefile(other)
    except OSError:  # one of them is not there, so nothing can be overwritten
        return False
