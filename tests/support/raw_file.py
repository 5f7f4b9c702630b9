"""A raw_predictions.npz as the released tool would write it, from what the embedded network sees."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from faceanything_addon.footage import open_footage
from faceanything_addon.model.full.preprocess import plan_fit
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.tracker import FaceTracker
from faceanything_addon.reconstruct.actor import default_focal
from faceanything_addon.reconstruct.camera import intrinsics
from faceanything_addon.template import load_template

from .simulated import along_axis

TURN = np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])  # axes swapped
SCALE, SHIFT = 7.3, np.array([0.4, -2.0, 1.0])


def foreign(canonical: np.ndarray) -> np.ndarray:
    """(..., 3) metres on the template -> another canonical space: bent by some millimetres, turned, in another unit."""
    bend = 0.004 * np.sin(canonical[..., [1, 2, 0]] * 40 + [0.3, 1.0, 2.0])
    return (canonical + bend) @ TURN.T * SCALE + SHIFT


def write_raw(
    path: Path, footage: Path, start: int | None = None, end: int | None = None, step: int = 1, size: int = 252
) -> Path:
    """Predictions of every step-th frame, maps of `size` pixels at most; each frame's depth scale differs."""
    clip, tracker = open_footage(footage, start, end), FaceTracker(load_template(), threads=1)
    width, height = plan_fit(clip.width, clip.height, size).final
    frames = [f.image for f in clip.frames() if (f.index - clip.start) % step == 0]
    arrays = [_whole_frame(tracker.next(image), image.shape[:2], (width, height)) for image in frames]
    depth, canonical, valid = (np.stack(part) for part in zip(*arrays, strict=True))
    depth *= 3 * np.exp(0.1 * np.sin(np.arange(len(depth))))[:, None, None]
    np.savez_compressed(
        path,
        depth=depth.astype(np.float32),
        intrinsics=np.tile(np.eye(3, dtype=np.float32), (len(depth), 1, 1)),
        extrinsics=np.tile(np.eye(4, dtype=np.float32), (len(depth), 1, 1)),
        valid=valid,
        canonical=canonical.astype(np.float32),
        conf=np.where(valid, 3.0, 1.1).astype(np.float32),
    )
    return path


def _along_axis(maps: FaceMaps, frame: tuple[int, ...]) -> np.ndarray:
    """(h, w) f4 distances along the optical axis of a head 0.6 m away, under the lens that is taken for granted."""
    height, width = frame[:2]
    camera = intrinsics(default_focal(width, height), width, height)
    return along_axis(maps, camera)


def _whole_frame(
    maps: FaceMaps, frame: tuple[int, ...], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Depth, canonical coordinates and validity of one frame on a map over all of it."""
    step = np.array(frame[::-1]) / size
    to_frame = np.column_stack([np.diag(step), (step - 1) / 2])
    chain = np.vstack([maps.to_frame, [0, 0, 1]])
    to_map = (np.linalg.inv(chain) @ np.vstack([to_frame, [0, 0, 1]]))[:2]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    canonical = cv2.warpAffine(foreign(maps.canonical).astype(np.float32), to_map, size, flags=flags)
    depth = cv2.warpAffine(_along_axis(maps, frame), to_map, size, flags=flags)
    inside = cv2.warpAffine((maps.part > 0).astype(np.float32), to_map, size, flags=flags)
    return np.where(inside > 0.999, depth, 0), canonical, inside > 0.999
