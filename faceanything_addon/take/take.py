"""The take in memory. Its files: see files.py and docs/take-format.md."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np


@dataclass(frozen=True)
class TakeInfo:
    """What a take was made from. JSON on disk."""

    footage: str  # path as the user gave it, made absolute
    width: int  # of the footage, upright, pixels
    height: int
    start: int  # first frame number of the footage, inclusive
    end: int  # last, exclusive
    fps: float  # nominal rate, for the scene; the truth is `time`
    predictor: str  # "embedded" or "full"
    template_version: str
    timecode: str = ""  # of the first frame, HH:MM:SS:FF; empty where the footage has none


@dataclass(frozen=True)
class Actor:
    """What stays the same through a take."""

    neutral: np.ndarray  # (V, 3) f4 head space (canonical axes), metres
    identity: np.ndarray  # (K,) f4 standard deviations
    focal: float  # pixels of the footage
    rest: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # (52,) see shape.own_shapes; (0,): none


@dataclass(frozen=True)
class Frames:
    """F consecutive frames of a take. Frames without a face are filled in between others, found False."""

    vertices: np.ndarray  # (F, V, 3) f4 head space (canonical axes), metres: expression, no head motion
    head_pose: np.ndarray  # (F, 4, 4) f4 camera-from-head; camera axes OpenCV (x right, y down, z forward)
    intrinsics: np.ndarray  # (F, 3, 3) f4 footage pixels
    arkit: np.ndarray  # (F, 52) f4 0..1
    gaze: np.ndarray  # (F, 2, 3) f4 unit vectors in camera space, subject's left eye first
    confidence: np.ndarray  # (F, V) f4 0..1
    visible: np.ndarray  # (F, V) bool
    found: np.ndarray  # (F,) bool
    time: np.ndarray  # (F,) f8 seconds from the container's time stamps

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, part: slice) -> Frames:
        return Frames(**{f.name: getattr(self, f.name)[part] for f in fields(self)})


@dataclass(frozen=True)
class Take:
    info: TakeInfo
    actor: Actor
    frames: Frames


def camera_vertices(frames: Frames) -> np.ndarray:
    """(F, V, 3) camera space, metres, OpenCV axes."""
    rotation, shift = frames.head_pose[:, :3, :3], frames.head_pose[:, :3, 3]
    return np.einsum("fij,fvj->fvi", rotation, frames.vertices) + shift[:, None]


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Camera-space points (F, N, 3) -> footage pixels (F, N, 2)."""
    image = np.einsum("fij,fnj->fni", intrinsics, points)
    return image[..., :2] / image[..., 2:]
