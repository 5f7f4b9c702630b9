"""Figures from landmarks of two systems on the same frames."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

PAIRS = json.loads((Path(__file__).parent / "points20.json").read_text())["points"]
NAMES = [name for name, _, _ in PAIRS]
OUTER = (0, 3)
OPEN, SHUT, TOLD = 95, 0.2, 0.35  # percentile of a curve that is its open level; shares of it
# Standard deviation of a curve that counts as motion: of the outer-eye distance, the gaze's of the eye's width.
MOTION = {"mouth": 0.04, "lid": 0.03, "gaze": 0.03}
IRISES = ((33, 133, 468), (362, 263, 473))  # the peer's numbers: corners in the direction of the subject's left, iris


@dataclass(frozen=True)
class Follow:
    """How one curve follows another."""

    correlation: float
    slope: float


def ours20(landmarks: np.ndarray) -> np.ndarray:
    """(F, 68, C) -> (F, 20, C)."""
    return np.stack([landmarks[:, own].mean(axis=1) for _, own, _ in PAIRS], axis=1)


def peers20(points: np.ndarray, axes: int = 2) -> np.ndarray:
    """(F, 478, 3) -> (F, 20, axes)."""
    return np.stack([points[:, theirs, :axes].mean(axis=1) for _, _, theirs in PAIRS], axis=1)


def eye_distance(points: np.ndarray) -> np.ndarray:
    """(F,) pixels between the outer eye corners; at least half the clip's upper quartile, for profiles."""
    d = np.linalg.norm(points[:, OUTER[0]] - points[:, OUTER[1]], axis=1)
    return np.maximum(d, 0.5 * np.percentile(d, 75))


def disagreement(a: np.ndarray, b: np.ndarray, centred: bool = False) -> float:
    """Mean distance of (F, 20, 2) points over b's outer-eye distance, percent."""
    offset = (a - b) / eye_distance(b)[:, None, None]
    if centred:
        offset = offset - offset.mean(axis=0)
    return float(100 * np.linalg.norm(offset, axis=2).mean())


def mouth_opening(points: np.ndarray) -> np.ndarray:
    """(F,) gap between the inner lips over the outer-eye distance."""
    i, j = NAMES.index("upper lip inner"), NAMES.index("lower lip inner")
    return np.linalg.norm(points[:, i] - points[:, j], axis=1) / eye_distance(points)


def lid_aperture(points: np.ndarray) -> np.ndarray:
    """(F,) mean gap between upper and lower lids over the outer-eye distance."""
    gaps = [
        np.linalg.norm(points[:, NAMES.index(f"{s} upper lid")] - points[:, NAMES.index(f"{s} lower lid")], axis=1)
        for s in ("left", "right")
    ]
    return np.mean(gaps, axis=0) / eye_distance(points)


def brow_height(points: np.ndarray) -> np.ndarray:
    """(F,) mean distance of the brows from the eye corners' line over the outer-eye distance."""
    a, b = points[:, OUTER[0]], points[:, OUTER[1]]
    axis = (b - a) / np.linalg.norm(b - a, axis=1, keepdims=True)
    brows = points[:, [NAMES.index("right brow"), NAMES.index("left brow")]] - a[:, None]
    across = brows[..., 0] * axis[:, None, 1] - brows[..., 1] * axis[:, None, 0]
    return across.mean(axis=1) / eye_distance(points)


def gaze_yaw(gaze: np.ndarray, head_pose: np.ndarray) -> np.ndarray:
    """(F, 2, 3) unit vectors in camera space and (F, 4, 4) poses -> (F,) mean yaw in head space, degrees, to the
    subject's left."""
    own = np.einsum("fji,fej->fei", head_pose[:, :3, :3], gaze).mean(axis=1)
    return np.degrees(np.arctan2(own[:, 0], own[:, 2]))


def iris_offset(points: np.ndarray) -> np.ndarray:
    """(F, 478, 3) of the peer -> (F,) how far the irises are off the middle between the eye corners, in eye widths."""
    offsets = []
    for low, high, iris in IRISES:
        axis = points[:, high, :2] - points[:, low, :2]
        off = points[:, iris, :2] - (points[:, high, :2] + points[:, low, :2]) / 2
        offsets.append((off * axis).sum(axis=1) / (axis**2).sum(axis=1))
    return np.mean(offsets, axis=0)


class Closures(NamedTuple):
    """Of lids or lips in a clip."""

    seen: int
    all: int
    false: int  # seen where there is none


def closures(own: np.ndarray, truth: np.ndarray) -> Closures:
    """Which closures of an opening's true curve (F,) the own curve shows, and how many that there are not.

    A closure is a run of frames below SHUT of a curve's open level; the other curve has it where it falls below TOLD of
    its own open level, a frame early or late allowed.
    """
    seen, every = shared_closures(truth, own)
    right, own_every = shared_closures(own, truth)
    return Closures(seen, every, own_every - right)


def shared_closures(curve: np.ndarray, other: np.ndarray) -> tuple[int, int]:
    """How many closures of a curve (F,) the other one has, and how many there are."""
    shut = np.r_[False, curve < SHUT * np.percentile(curve, OPEN), False]
    starts, ends = np.flatnonzero(shut[1:] & ~shut[:-1]), np.flatnonzero(shut[:-1] & ~shut[1:])
    limit = TOLD * np.percentile(other, OPEN)
    seen = sum(bool((other[max(0, a - 1) : b + 1] < limit).any()) for a, b in zip(starts, ends, strict=True))
    return seen, len(starts)


def follow(curve: np.ndarray, reference: np.ndarray) -> Follow:
    """Correlation, and the slope of the curve against the reference."""
    x, y = reference - reference.mean(), curve - curve.mean()
    return Follow(float((x @ y) / np.sqrt((x @ x) * (y @ y) + 1e-18)), float((x @ y) / (x @ x + 1e-18)))


def jitter(points: np.ndarray, still: np.ndarray) -> float:
    """RMS second difference where `still` (F - 2,), percent of the outer-eye distance."""
    bend = (points[:-2] - 2 * points[1:-1] + points[2:]) / eye_distance(points)[1:-1, None, None]
    return float(100 * np.sqrt((bend[still] ** 2).sum(axis=2).mean())) if still.any() else float("nan")


def still_frames(points: np.ndarray) -> np.ndarray:
    """(F - 2,) frames in the calmer half of the clip."""
    step = np.linalg.norm(points[2:] - points[:-2], axis=2).mean(axis=1)
    return step <= np.median(step)


def similarity_align(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(N, 3) moved onto (N, 3) by the best rotation, scale and shift (S. Umeyama, PAMI 13(4), 1991)."""
    p, t = points - points.mean(0), target - target.mean(0)
    u, s, vt = np.linalg.svd(t.T @ p)
    d = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    scale = (s * np.diag(d)).sum() / (p**2).sum()
    return scale * p @ (u @ d @ vt).T + target.mean(0)


def yaw(poses: np.ndarray) -> np.ndarray:
    """(F, 4, 4) camera from head -> (F,) degrees between the face's direction and the camera, about the vertical."""
    return np.degrees(np.arctan2(np.abs(poses[:, 0, 2]), -poses[:, 2, 2]))
