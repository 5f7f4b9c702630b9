"""From what the network saw to where it should look: head axes from the sparse points, boxes from the mask."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math

import numpy as np

from .crop import Crop, apply

FACE_SHARE = 0.78  # of the crop's side that the box of the points takes, as in training


def affine_camera(model: np.ndarray, points: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Weighted affine camera (2, 4) that projects model points (P, 3) onto picture points (P, 2)."""
    weight = 1 / np.maximum(sigma, 1e-3)
    homogeneous = np.column_stack([model, np.ones(len(model))])
    camera, *_ = np.linalg.lstsq(homogeneous * weight[:, None], points * weight[:, None], rcond=None)
    return camera.T


def camera_scale(camera: np.ndarray) -> float:
    """Pixels per metre of an affine camera (2, 4)."""
    return float(np.linalg.norm(camera[:, :3])) / math.sqrt(2)


def head_roll(camera: np.ndarray) -> float:
    """Clockwise turn of the head in the picture, radians, 0 when upright.

    The head's x axis and its y axis both tell; a turn to profile hides the first, a nod the second, so they are added.
    """
    right = complex(camera[0, 0], camera[1, 0])  # upright: +X of the head points right in the picture
    up = complex(camera[0, 1], camera[1, 1])  # upright: 0 - 1j
    total = right + up * 1j
    return math.atan2(total.imag, total.real) if abs(total) > 1e-9 else 0.0


def crop_from_points(points: np.ndarray, roll: float) -> Crop:
    """Upright square around the box of the points (P, 2), which then takes FACE_SHARE of the side."""
    cos, sin = math.cos(roll), math.sin(roll)
    turn = np.array([[cos, -sin], [sin, cos]])
    upright = points @ turn  # frame -> the square's axes
    low, high = upright.min(axis=0), upright.max(axis=0)
    x, y = turn @ ((low + high) / 2)
    return Crop(float(x), float(y), float((high - low).max()) / FACE_SHARE, roll)


def crop_from_mask(mask: np.ndarray, to_frame: np.ndarray, roll: float = 0.0) -> tuple[Crop, float] | None:
    """Square, turned by roll, around the best blob of a face mask (h, w) and its score; None without a blob.

    The best is large and central: area times a bell over the distance from the middle.
    """
    import cv2

    count, _, stats, centers = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    h, w = mask.shape
    distance = np.hypot((centers[1:, 0] + 0.5) / w - 0.5, (centers[1:, 1] + 0.5) / h - 0.5)
    score = stats[1:, cv2.CC_STAT_AREA] * np.exp(-2 * distance**2)
    best = int(score.argmax())
    x, y, bw, bh = stats[best + 1, :4].astype(float)
    center = apply(to_frame, np.array([x + (bw - 1) / 2, y + (bh - 1) / 2]))
    scale = math.sqrt(abs(np.linalg.det(to_frame[:, :2])))
    return Crop(float(center[0]), float(center[1]), max(bw, bh) * scale / FACE_SHARE, roll), float(score[best])


def misplaced(camera: np.ndarray, canonical: np.ndarray, mask: np.ndarray, step: float) -> np.ndarray:
    """Map pixels that claim a place of the head far from where the points put it: another face.

    Args:
        camera: (2, 4) affine camera into the network's picture.
        canonical: (h, w, 3) metres.
        mask: (h, w) face pixels.
        step: pixels of the network's picture per map pixel.
    """
    h, w = mask.shape
    x, y = np.meshgrid(np.arange(w), np.arange(h))
    here = np.stack([x, y], axis=-1) * step + (step - 1) / 2
    there = canonical @ camera[:, :3].T + camera[:, 3]
    return mask & (np.linalg.norm(here - there, axis=-1) > 0.06 * camera_scale(camera))
