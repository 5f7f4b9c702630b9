"""Tables that ship with the extension."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ..errors import UserError

DATA = Path(__file__).resolve().parent.parent / "data"
UNREADABLE = (OSError, EOFError, BadZipFile, zlib.error, ValueError, KeyError, AttributeError, TypeError)


@contextmanager
def reading(file: Path, what: str = "table") -> Iterator[None]:
    """Whatever is wrong with a file of the extension, as one line.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        yield
    except UNREADABLE as error:
        raise UserError(f"{file}: the {what} cannot be read ({error}); reinstall the extension") from error


def packaged_json(file: Path) -> Any:
    """What a JSON file says. Raises UserError."""
    with reading(file):
        return json.loads(file.read_text("utf-8"))


def packaged_array(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    """A .npy file's array in float64. Raises UserError: missing, damaged, or not of that shape."""
    with reading(file):
        array = np.load(file, allow_pickle=False).astype(np.float64)
        if array.shape != shape:
            raise ValueError(f"shape {array.shape} instead of {shape}")
        return array
