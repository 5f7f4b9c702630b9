"""Folders of pictures, and single pictures, through OpenCV."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import UserError
from ..timecode import Timecode
from .footage import Frame

DAY = 86400  # seconds
MOST_DIGITS = 9  # of a number in a name
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}


CLOSED_UP = (
    "most of the numbers in the pictures' names are missing, or names differ elsewhere too: they are taken one after "
    "another, and Blender, which goes by the numbers, may show them at other frames behind the mesh"
)
NOT_LAST = (
    "the number that counts the pictures is not the last one in their names, by which Blender goes: it cannot show "
    "them behind the mesh; rename them so that it is"
)
SPARSEST = 0.5  # share of its numbers that a sequence has, with pictures missing; less: counted by other things


class ImageSource:
    """Pictures of one size, one per frame. Time is index / fps.

    Where numbers are missing in the names, those frames are: they count as broken, and the others keep their places.
    """

    def __init__(self, files: list[Path], fps: float, kind: Literal["sequence", "still"]) -> None:
        self.files, self.fps = files, fps
        self.kind: Literal["sequence", "still"] = kind
        self.places = places(files)
        self.note = naming_note(files)
        self.count, self.broken = self.places[-1] + 1, 0
        self.height, self.width = read_image(files[0]).shape[:2]
        self.focal_35mm = exif_focal(files[0])
        self.timecode = picture_number(files, fps) if kind == "sequence" else None

    @classmethod
    def from_folder(cls, folder: Path, fps: float) -> ImageSource:
        files = [f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith(".")]
        if not files:
            known = ", ".join(sorted(s[1:] for s in SUFFIXES))
            raise UserError(f"{folder}: the folder holds no pictures ({known}); give the folder that does")
        return cls(sorted(files, key=natural_key), fps, "sequence")

    def frames(self, start: int, first: int, end: int) -> Iterator[Frame]:
        there = [number for number, index in enumerate(self.places) if first <= index < end]
        begin = bisect_left(self.places, start)
        self.broken = end - start - (bisect_left(self.places, end) - begin)
        for number in there:
            file, index = self.files[number], self.places[number]
            image = read_image(file)
            if image.shape[:2] != (self.height, self.width):
                raise UserError(
                    f"{file}: is {image.shape[1]} x {image.shape[0]} pixels, the first picture is "
                    f"{self.width} x {self.height}; make all pictures of a sequence one size"
                )
            yield Frame(image, index, index / self.fps)


def places(files: list[Path]) -> list[int]:
    """(N,) frame of each picture in the order of their names: by number where most numbers are there, or one after
    another."""
    numbers = picture_numbers(files)
    return [number - numbers[0] for number in numbers] if is_by_number(files) else list(range(len(files)))


def is_by_number(files: list[Path]) -> bool:
    """Whether names tell the frames of pictures, in the order of their names."""
    numbers = picture_numbers(files)
    return bool(numbers) and len(files) >= SPARSEST * (numbers[-1] - numbers[0] + 1)


def naming_note(files: list[Path]) -> str:
    """What the user should know of how the names are read; empty where there is nothing."""
    if len(files) > 1 and not is_by_number(files):
        return CLOSED_UP
    last = [re.findall(r"\d+", file.stem)[-1:] for file in files]
    counted = len(files) == 1 or [int(digits[0]) for digits in last] == picture_numbers(files)
    return "" if counted else NOT_LAST


def picture_numbers(files: list[Path]) -> list[int]:
    """(N,) the one number, wherever it stands, in which names differ; empty where they differ in more or else."""
    if len(files) == 1:
        last = re.search(r"(\d{1,9})$", files[0].stem)
        return [int(last.group())] if last else []
    pieces = [re.split(r"(\d+)", file.stem) for file in files]
    if len({tuple(piece[::2]) for piece in pieces}) != 1:
        return []
    counting = [column for column in zip(*(piece[1::2] for piece in pieces), strict=True) if len(set(column)) > 1]
    if len(counting) != 1 or max(map(len, counting[0])) > MOST_DIGITS:
        return []
    numbers = [int(digits) for digits in counting[0]]
    return numbers if all(a < b for a, b in pairwise(numbers)) else []


def picture_number(files: list[Path], fps: float) -> str | None:
    """The number of the first picture as a time code; None where it has none, or one beyond a day."""
    numbers = picture_numbers(files)
    number = Timecode(numbers[0], fps) if numbers else None
    return str(number) if number is not None and number.seconds < DAY else None


def natural_key(path: Path) -> tuple:
    """Sort key by which frame2 comes before frame10; never the same for two names."""
    pieces = ((0, int(s), "") if s.isdecimal() else (1, 0, s.lower()) for s in re.split(r"([0-9]+)", path.name))
    return tuple(pieces), path.name


def read_image(path: Path) -> np.ndarray:
    """(H, W, 3) u1 RGB, EXIF rotation applied, alpha dropped, deeper pictures scaled to 8 bits.

    Raises:
        UserError: not a picture, or damaged.
    """
    import cv2

    try:
        # imdecode, as imread cannot open names beyond the code page on Windows.
        data = np.fromfile(path, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if len(data) else None
    except (OSError, cv2.error) as error:
        raise UserError(f"{path}: the picture cannot be read ({type(error).__name__}); replace it") from error
    if image is None:
        raise UserError(f"{path}: is not a picture that can be read; replace it or take it out of the folder")
    return np.ascontiguousarray(cv2.cvtColor(_to_8_bits(image), cv2.COLOR_BGR2RGB))


def _to_8_bits(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint8:
        return image
    top = 1.0 if image.dtype.kind == "f" else float(np.iinfo(image.dtype).max)
    scaled = np.nan_to_num(image.astype(np.float32)) * (255.0 / top)
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def exif_focal(path: Path) -> float | None:
    """Focal length in millimetres as 35 mm equivalent, where the picture's EXIF tells."""
    import av
    from av.error import FFmpegError

    try:
        options = {"protocol_whitelist": "file"}
        with av.open(str(path.absolute()), options=options, metadata_errors="replace") as container:
            metadata = next(container.decode(video=0)).metadata
    except (FFmpegError, StopIteration, IndexError, ValueError):
        return None
    texts = [v for k, v in metadata.items() if k.endswith("FocalLengthIn35mmFilm")]
    return parse_focal(texts[0]) if texts else None


def parse_focal(text: str) -> float | None:
    """A plausible focal length in millimetres from a metadata text, else None (0 means unknown in EXIF)."""
    match = re.search(r"\d+(\.\d+)?", text)
    value = float(match.group()) if match else 0.0
    return value if 4 <= value <= 2000 else None
