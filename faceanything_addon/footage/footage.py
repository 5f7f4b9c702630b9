"""The door of this room: open_footage."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from ..errors import UserError
from ..timecode import exact

DEFAULT_FPS = 25.0
FULL_FRAME_DIAGONAL = 43.2666  # millimetres: 35 mm equivalents compare diagonals


@dataclass(frozen=True)
class Frame:
    """One picture of the footage."""

    image: np.ndarray  # (H, W, 3) u1 RGB, upright, contiguous
    index: int  # frame number in the footage, from 0
    time: float  # seconds, as the container's time stamp says (pictures: index / fps)


class Source(Protocol):
    """What a kind of footage must offer."""

    width: int
    height: int
    fps: float
    count: int
    focal_35mm: float | None  # millimetres, 35 mm equivalent, where the file tells
    broken: int  # frames that could not be decoded so far
    timecode: str | None  # of the first frame, HH:MM:SS:FF, where the file tells

    @property
    def kind(self) -> Literal["video", "sequence", "still"]: ...

    def frames(self, start: int, first: int, end: int) -> Iterator[Frame]:
        """Frames first..end of the clip that begins at start; broken ones are left out and counted."""
        ...


@dataclass
class Footage:
    """An opened clip. Frames start (inclusive) to end (exclusive) of `path` are the clip."""

    path: Path
    kind: Literal["video", "sequence", "still"]
    width: int  # pixels, upright
    height: int
    fps: float  # nominal
    focal: float | None  # pixels, where the file tells
    frame_count: int  # of the whole footage, as its index says; broken frames count
    start: int
    end: int
    source: Source = field(repr=False)
    step: int = 1  # every step-th frame from start on is of the clip

    def __len__(self) -> int:
        """Frames of the clip; broken ones count."""
        return len(range(self.start, self.end, self.step))

    @property
    def numbers(self) -> list[int]:
        """Frames of the clip that there are pictures of: all of a video's, those whose number is there of pictures."""
        there = getattr(self.source, "places", None)
        wanted = range(self.start, self.end, self.step)
        return list(wanted) if there is None else [number for number in there if number in wanted]

    @property
    def timecode(self) -> str | None:
        """Of the footage's first frame, whether or not the clip has it: HH:MM:SS:FF, where the file tells.

        For pictures their number: shot.1001.png is frame 1001 of the day.
        """
        return self.source.timecode

    @property
    def note(self) -> str:
        """What the user should know of how it is read; empty where there is nothing."""
        return getattr(self.source, "note", "")

    @property
    def broken(self) -> int:
        """Frames left out so far because they could not be decoded."""
        return self.source.broken

    def frames(self, first: int | None = None) -> Iterator[Frame]:
        """The clip's frames in order, from frame number `first` (default: start).

        A frame is the same picture, bit for bit, whatever `first` is.

        Raises:
            UserError: nothing in the clip can be decoded, or a picture of a sequence is damaged or of another size.
        """
        first = self.start if first is None else max(first, self.start)
        given = 0
        for frame in self.source.frames(self.start, first, self.end):
            given += 1
            if (frame.index - self.start) % self.step == 0:
                yield frame
        if not given and first == self.start:
            told = "holds none of the frames that were asked for; choose others with --start and --end"
            if self.kind == "video":
                told = "none of its frames can be decoded; convert it to H.264 MP4 and try again"
            raise UserError(f"{self.path}: {told}")


def open_footage(
    path: str | Path, start: int | None = None, end: int | None = None, fps: float | None = None
) -> Footage:
    """Open a video, a folder of pictures (natural order) or one picture.

    Args:
        path: file or folder.
        start: first frame number, inclusive; default the first.
        end: last frame number, exclusive; default, and at most, the end of the footage.
        fps: rate of a folder of pictures; default 25. Videos bring their own.

    Raises:
        UserError: missing, empty, unreadable, no pictures, no frame in the range, or a rate that is none.
    """
    path = Path(path).expanduser()
    if fps is not None and not 0 < fps < np.inf:
        raise UserError(f"{path}: {fps:g} is no frame rate; give one above 0")
    source = _source(path, exact(fps or DEFAULT_FPS))
    start, end = _range(path, source.count, start, end)
    focal = None
    if source.focal_35mm:
        focal = source.focal_35mm / FULL_FRAME_DIAGONAL * float(np.hypot(source.width, source.height))
    return Footage(
        path.absolute(), source.kind, source.width, source.height, source.fps, focal, source.count, start, end, source
    )


def _source(path: Path, fps: float) -> Source:
    from .images import SUFFIXES, ImageSource
    from .video import VideoSource

    try:
        if path.is_dir():
            return ImageSource.from_folder(path, fps)
        if not path.exists():
            raise UserError(f"{path}: no such file or folder; check the path")
        if not path.is_file():
            raise UserError(f"{path}: is not a file; give a video, a picture or a folder of pictures")
        if path.stat().st_size == 0:
            raise UserError(f"{path}: the file is empty; copy or record it again")
        if path.suffix.lower() in SUFFIXES:
            return ImageSource([path], fps, "still")
        return VideoSource(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); check the file and its rights") from error


def _range(path: Path, count: int, start: int | None, end: int | None) -> tuple[int, int]:
    first, last = start or 0, count if end is None else end
    if first < 0 or last < 0:
        raise UserError(f"{path}: frame numbers count from 0; give a start and an end that are not negative")
    if first >= count:
        raise UserError(f"{path}: has {count} frames (0 to {count - 1}); start {first} lies outside")
    if last <= first:
        raise UserError(f"{path}: no frame lies from start {first} to end {last}; give an end greater than the start")
    return first, min(last, count)
