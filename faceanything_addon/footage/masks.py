"""The user's masks: a folder with one picture a frame, white where the frame counts."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ..errors import UserError
from .footage import Footage, Frame
from .images import SUFFIXES, natural_key, read_image

HALF = 127.5  # of 255


class Masks:
    """Which picture belongs to which frame.

    As many pictures as the footage, the chosen part of it, or the clip itself has frames, or as there are pictures of
    the clip, are taken in natural order.
    Otherwise the last number in a picture's name is its frame's number, counted from 1 where the lowest is 1, else from
    0.
    """

    def __init__(self, folder: str | Path, footage: Footage) -> None:
        """Raises UserError: no folder, no pictures in it, or a frame without one."""
        self.folder = Path(folder).expanduser().absolute()
        files = _pictures(self.folder)
        start, end = footage.start, footage.end
        self.needed = footage.numbers
        wholes = (range(footage.frame_count), range(start, end), range(start, end, footage.step), self.needed)
        order = next((numbers for numbers in wholes if len(numbers) == len(files)), None)
        self.files = _numbered(files) if order is None else dict(zip(order, files, strict=True))
        self.size = footage.width, footage.height
        self._check(footage)

    @property
    def bytes(self) -> int:
        """Of all pictures: other masks in the same folder are noticed by it."""
        return sum(file.stat().st_size for file in self.files.values())

    def of(self, frame: Frame) -> np.ndarray:
        """(H, W) bool, False where the frame's pixels are left out. Raises UserError: the picture is damaged."""
        import cv2

        mask = read_image(self.files[frame.index]).mean(axis=2, dtype=np.float32)
        smaller = mask.shape[0] > self.size[1]
        return cv2.resize(mask, self.size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR) >= HALF

    def _check(self, footage: Footage) -> None:
        missing = next((n for n in self.needed if n not in self.files), None)
        if missing is not None:
            raise UserError(
                f"{self.folder}: has no mask for frame {missing} (its {len(self.files)} pictures do not cover the "
                f"{len(footage)} frames); add it, or number the masks as the frames, from 0"
            )


def _pictures(folder: Path) -> list[Path]:
    """In natural order."""
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        raise UserError(
            f"{folder}: is no folder of masks ({error.strerror}); give the folder that holds them"
        ) from error
    files = [f for f in inside if f.suffix.lower() in SUFFIXES and not f.name.startswith(".")]
    if not files:
        known = ", ".join(sorted(s[1:] for s in SUFFIXES))
        raise UserError(f"{folder}: the folder holds no masks ({known}); give the folder that does")
    return sorted(files, key=natural_key)


def _numbered(files: list[Path]) -> dict[int, Path]:
    """By the last number in the name; those without one are left out."""
    numbers = {file: re.findall(r"\d+", file.stem) for file in files}
    found = {int(digits[-1]): file for file, digits in numbers.items() if digits}
    return {number - 1: file for number, file in found.items()} if min(found, default=0) == 1 else found
