"""Frames as compact arrays on disk, and back. See docs/take-format.md."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import numpy as np

from .storage import damaged, read_npz
from .take import Actor, Frames

STEP = 5e-6  # metres: vertices are rounded to 0.0025 mm, below any visible motion
MAX_VERTICES = 1 << 20
MAX_CHUNK = 4096

# name -> (shape after the frame axis; "V" vertices, "B" bytes that hold V bits), types
LAYOUT: dict[str, tuple[tuple[int | str, ...], tuple[str, ...]]] = {
    "offset": (("V", 3), ("int16", "float32")),
    "confidence": (("V",), ("uint8",)),
    "visible": (("B",), ("uint8",)),
    "head_pose": ((4, 4), ("float32",)),
    "intrinsics": ((3, 3), ("float32",)),
    "arkit": ((52,), ("float32",)),
    "gaze": ((2, 3), ("float32",)),
    "found": ((), ("bool",)),
    "time": ((), ("float64",)),
}


def encode_frames(frames: Frames, neutral: np.ndarray) -> dict[str, np.ndarray]:
    """Frames -> arrays to store. Vertices become int16 steps from neutral (V, 3), float32 if out of that range."""
    offset = frames.vertices.astype(np.float64) - neutral
    steps = np.round(offset / STEP)
    fits = not steps.size or np.abs(steps).max() <= np.iinfo(np.int16).max
    return {
        "offset": steps.astype(np.int16) if fits else offset.astype(np.float32),
        "confidence": np.round(np.clip(frames.confidence, 0, 1) * 255).astype(np.uint8),
        "visible": np.packbits(frames.visible.astype(bool), axis=1),
        "head_pose": frames.head_pose.astype(np.float32),
        "intrinsics": frames.intrinsics.astype(np.float32),
        "arkit": frames.arkit.astype(np.float32),
        "gaze": frames.gaze.astype(np.float32),
        "found": frames.found.astype(bool),
        "time": frames.time.astype(np.float64),
    }


def decode_frames(arrays: dict[str, np.ndarray], neutral: np.ndarray) -> Frames:
    offset = arrays["offset"]
    if offset.dtype == np.int16:
        offset = offset * np.float32(STEP)
    return Frames(
        vertices=neutral + offset,
        head_pose=arrays["head_pose"],
        intrinsics=arrays["intrinsics"],
        arkit=arrays["arkit"],
        gaze=arrays["gaze"],
        confidence=arrays["confidence"].astype(np.float32) / np.float32(255),
        visible=np.unpackbits(arrays["visible"], axis=1, count=len(neutral)).astype(bool),
        found=arrays["found"],
        time=arrays["time"],
    )


def read_frames(path: Path, length: int, neutral: np.ndarray) -> Frames:
    """One chunk of `length` frames.

    Raises:
        UserError: damaged, or not of this take's shapes.
    """
    sizes = {"V": len(neutral), "B": (len(neutral) + 7) // 8}

    def check(name: str, shape: tuple[int, ...], dtype: np.dtype) -> bool:
        if name not in LAYOUT:
            return False
        axes, types = LAYOUT[name]
        expected = (length, *(sizes[a] if isinstance(a, str) else a for a in axes))
        return shape == expected and dtype.name in types

    arrays = read_npz(path, check)
    _check_values(path, arrays, set(LAYOUT))
    if not (np.diff(arrays["time"]) > 0).all():
        raise damaged(path, "its times do not rise")
    if not (arrays["intrinsics"][:, (0, 1), (0, 1)] > 0).all():
        raise damaged(path, "a focal length is not positive")
    return decode_frames(arrays, neutral)


def read_actor(path: Path) -> Actor:
    """Raises UserError: damaged."""

    def check(name: str, shape: tuple[int, ...], dtype: np.dtype) -> bool:
        match name:
            case "neutral":
                return len(shape) == 2 and 0 < shape[0] <= MAX_VERTICES and shape[1] == 3 and dtype == np.float32
            case "identity":
                return len(shape) == 1 and shape[0] <= 4096 and dtype == np.float32
            case "focal":
                return shape == () and dtype == np.float64
            case "rest":
                return shape in ((0,), (52,)) and dtype == np.float32
        return False

    arrays = read_npz(path, check)
    arrays.setdefault("rest", np.zeros(0, np.float32))
    _check_values(path, arrays, {"neutral", "identity", "focal", "rest"})
    if not np.ptp(arrays["neutral"], axis=0).all():
        raise damaged(path, "its neutral face is flat")
    if arrays["focal"] <= 0:
        raise damaged(path, "the focal length is not positive")
    if not ((arrays["rest"] >= 0) & (arrays["rest"] < 1)).all():
        raise damaged(path, "what is at rest is not within 0 and 1")
    return Actor(arrays["neutral"], arrays["identity"], float(arrays["focal"]), arrays["rest"])


def encode_actor(actor: Actor) -> dict[str, np.ndarray]:
    return {
        "neutral": actor.neutral.astype(np.float32),
        "identity": actor.identity.astype(np.float32),
        "focal": np.float64(actor.focal),  # type: ignore[dict-item]
        "rest": actor.rest.astype(np.float32),
    }


def _check_values(path: Path, arrays: dict[str, np.ndarray], names: set[str]) -> None:
    if set(arrays) != names:
        raise damaged(path, f"it lacks {', '.join(sorted(names - set(arrays)))}")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise damaged(path, f"{name} holds values that are not numbers")
