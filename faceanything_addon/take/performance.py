"""Coefficients over time, wherever they came from: a take, or a recording of another tool."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from ..template.names import arkit_names
from ..timecode import Timecode
from .files import TakeReader
from .take import Frames, TakeInfo

FACING = np.diag([1.0, -1.0, -1.0])  # camera-from-head of a head that looks straight into the camera


@dataclass(frozen=True)
class Performance:
    """F samples of C coefficients. Head space: +X to the subject's left, +Y up, +Z out of the face."""

    time: np.ndarray  # (F,) f8 seconds, rising; need not begin at 0
    names: tuple[str, ...]  # (C,) Apple's spelling
    coefficients: np.ndarray  # (F, C) f4, 0..1
    rate: float  # nominal samples per second; the truth is `time`
    head: np.ndarray | None = None  # (F, 3, 3) f8 turn of the head in head axes; identity faces the camera
    gaze: np.ndarray | None = None  # (F, 2, 3) f8 unit vectors in head space, subject's left eye first
    start: float | None = None  # seconds since midnight of the first sample, by the time code; None: there is none
    footage: str = ""  # what it was captured from, on the same clock as `time`; empty: not known

    def __len__(self) -> int:
        return len(self.time)


def storable(values: ArrayLike) -> np.ndarray:
    """Which numbers stay finite in a performance's single precision: 1e300 does not."""
    return np.abs(np.asarray(values, np.float64)) <= np.finfo(np.float32).max  # nor NaN


def take_performance(folder: str | Path) -> Performance:
    """What a take says of expression, head and gaze; one chunk of its meshes in memory at a time.

    Raises:
        UserError: not a take, not finished, or damaged.
    """
    reader = TakeReader(folder)
    parts = [_of_frames(frames) for frames in reader.chunks()]
    time, arkit, head, gaze = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Performance(
        time, arkit_names(), arkit, reader.info.fps, head, gaze, _start(reader.info), reader.info.footage
    )


def _start(info: TakeInfo) -> float | None:
    try:
        return Timecode.parse(info.timecode, info.fps).seconds
    except ValueError:
        return None


def _of_frames(frames: Frames) -> tuple[np.ndarray, ...]:
    rotation = frames.head_pose[:, :3, :3].astype(np.float64)
    gaze = np.einsum("fji,fej->fei", rotation, frames.gaze.astype(np.float64))
    return frames.time, frames.arkit, FACING @ rotation, gaze
