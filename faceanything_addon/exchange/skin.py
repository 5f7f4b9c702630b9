"""The skin's picture of a take on disk."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import UserError
from ..take.files import TakeReader, join_frames
from ..take.take import Take
from ..template import Template
from .texture import write_texture

NAME = "texture.png"
MOST_FRAMES = 120  # from which the best views are chosen; every n-th frame of longer takes


def skin_picture(reader: TakeReader, template: Template) -> Path | None:
    """The picture in the take's folder, made where it is missing or older than the take; None without footage."""
    return stored_picture(reader.folder, template, lambda: _thinned(reader))


def stored_picture(folder: Path, template: Template, take: Callable[[], Take]) -> Path | None:
    """As `skin_picture`, of a take that is called for only where the picture has to be made."""
    file = folder / NAME
    if file.is_file() and file.stat().st_mtime >= (folder / "take.json").stat().st_mtime:
        return file
    try:
        write_texture(take(), template, file)
    except (UserError, ImportError):
        return None
    return file


def _thinned(reader: TakeReader) -> Take:
    step = -(-len(reader) // MOST_FRAMES)
    return Take(reader.info, reader.actor, join_frames([chunk[::step] for chunk in reader.chunks()]))
