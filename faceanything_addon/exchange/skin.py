"""The skin's picture of a take on disk."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import UserError
from ..take.anew import SKIN_FILE
from ..take.files import TakeReader, join_frames
from ..take.take import Take
from ..template import Template
from .texture import write_texture

Tell = Callable[[str], None]  # hears a line for the user

MOST_FRAMES = 120  # from which the best views are chosen; every n-th frame of longer takes
PNG_BEGIN, PNG_END = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0IEND\xaeB`\x82"


def skin_picture(reader: TakeReader, template: Template, tell: Tell | None = None) -> Path | None:
    """The picture in the take's folder, made where it is missing, cut off or older than the take.

    Args:
        tell: hears why there is none.

    Returns:
        None where it cannot be made, as without footage, and no whole one is there.
    """
    return stored_picture(reader.folder, template, lambda: _thinned(reader), tell)


def stored_picture(folder: Path, template: Template, take: Callable[[], Take], tell: Tell | None = None) -> Path | None:
    """As `skin_picture`, of a take that is called for only where the picture has to be made."""
    file = folder / SKIN_FILE
    whole = _is_whole(file)
    if whole and file.stat().st_mtime >= (folder / "take.json").stat().st_mtime:
        return file
    try:
        write_texture(take(), template, file)
    except (UserError, ImportError) as error:
        if not whole and tell:
            tell(f"the skin has no picture: {error}")
        return file if whole else None
    return file


def _is_whole(file: Path) -> bool:
    """Whether it is a picture that can be read and was written to its end."""
    try:
        data = file.read_bytes()
    except OSError:
        return False
    return data.startswith(PNG_BEGIN) and PNG_END in data


def _thinned(reader: TakeReader) -> Take:
    step = -(-len(reader) // MOST_FRAMES)
    return Take(reader.info, reader.actor, join_frames([chunk[::step] for chunk in reader.chunks()]))
