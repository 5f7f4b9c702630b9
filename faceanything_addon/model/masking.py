"""Leave out what the user has masked."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from ..template import Part
from .crop import apply
from .maps import FaceMaps, Inside, MouthMap

DOUBT = 10.0  # a sparse point on a left-out pixel is only guessed: its standard deviation grows by this


def exclude(maps: FaceMaps, keep: np.ndarray) -> FaceMaps:
    """The maps without the pixels that a mask leaves out; not found where it leaves out the whole face.

    Args:
        keep: (H, W) bool over the frame; beyond it everything is kept.
    """
    if not maps.found:
        return maps
    out = _left_out(keep, maps.to_frame, maps.part.shape)
    if not ((maps.part > 0) & ~out).any():
        return _nothing(maps)
    return replace(
        maps,
        part=np.where(out, Part.BACKGROUND, maps.part).astype(np.uint8),
        confidence=np.where(out, 0, maps.confidence).astype(np.float32),
        point_sigma=np.where(_at(keep, maps.points), maps.point_sigma, DOUBT * maps.point_sigma).astype(np.float32),
        mouth=None if maps.mouth is None else _mouth_without(maps.mouth, keep),
    )


def _mouth_without(mouth: MouthMap, keep: np.ndarray) -> MouthMap:
    """Left-out pixels show nothing of the mouth's inside."""
    out = _left_out(keep, mouth.to_frame, mouth.shares.shape[1:])
    other = np.eye(len(mouth.shares), dtype=np.float32)[Inside.OTHER]
    return replace(mouth, shares=np.where(out, other[:, None, None], mouth.shares))


def _left_out(keep: np.ndarray, to_frame: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """(h, w) bool: map pixels that the mask leaves out."""
    x, y = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    return ~_at(keep, apply(to_frame, np.stack([x, y], axis=-1)))


def _at(keep: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """(...,) bool: the mask at frame pixels (..., 2)."""
    limit = np.array(keep.shape[::-1])
    near = np.rint(pixels).astype(np.int64)
    inside = ((near >= 0) & (near < limit)).all(axis=-1)
    near = near.clip(0, limit - 1)
    return ~inside | keep[near[..., 1], near[..., 0]]


def _nothing(maps: FaceMaps) -> FaceMaps:
    """No face: zeros, in the same grid."""
    zeros = {
        field.name: np.zeros_like(getattr(maps, field.name))
        for field in fields(FaceMaps)
        if field.name in ("canonical", "depth", "part", "confidence", "points", "point_sigma")
    }
    return replace(
        maps, found=False, intrinsics=None, extrinsics=None, arkit=None, gaze=None, gaze_sigma=None, mouth=None, **zeros
    )
