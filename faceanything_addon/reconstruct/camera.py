"""Rotations and poses. Camera axes are OpenCV's; a pose maps head space to camera space."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np


def cross_matrix(vector: np.ndarray) -> np.ndarray:
    """(..., 3) -> (..., 3, 3): cross_matrix(a) @ b = a x b."""
    x, y, z = np.moveaxis(np.asarray(vector), -1, 0)
    zero = np.zeros_like(x)
    rows = [np.stack([zero, -z, y], -1), np.stack([z, zero, -x], -1), np.stack([-y, x, zero], -1)]
    return np.stack(rows, axis=-2)


def rotation_matrix(vector: np.ndarray) -> np.ndarray:
    """Rotation vectors (..., 3), radians -> (..., 3, 3). Rodrigues."""
    from scipy.spatial.transform import Rotation

    flat = np.asarray(vector, np.float64).reshape(-1, 3)
    return Rotation.from_rotvec(flat).as_matrix().reshape(*np.shape(vector)[:-1], 3, 3)


def image_center(width: int, height: int) -> np.ndarray:
    """Principal point, pixels; (0, 0) is the centre of the first pixel."""
    return np.array([(width - 1) / 2, (height - 1) / 2])


def intrinsics(focal: float, width: int, height: int) -> np.ndarray:
    """(3, 3) f4, square pixels."""
    cx, cy = image_center(width, height)
    return np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1]], np.float32)


def weak_perspective_pose(
    shape: np.ndarray, pixels: np.ndarray, weight: np.ndarray, focal: float, center: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A first pose from points whose shape is roughly known.

    The affine camera is a linear least-squares problem; its two rows, made orthonormal (Procrustes), are the
    rotation, and their length is focal / distance.

    Args:
        shape: (N, 3) metres, head space.
        pixels: (N, 2).
        weight: (N,) >= 0.

    Returns:
        Rotation (3, 3), translation (3,) metres.
    """
    root = np.sqrt(weight)[:, None]
    design = np.concatenate([shape, np.ones((len(shape), 1))], axis=1)
    affine = np.linalg.lstsq(design * root, (pixels - center) * root, rcond=None)[0].T  # (2, 4)
    left, size, right = np.linalg.svd(affine[:, :3], full_matrices=False)
    rows = left @ right
    rotation = np.stack([rows[0], rows[1], np.cross(rows[0], rows[1])])
    distance = focal / max(float(size.mean()), 1e-6)
    return rotation, np.append(affine[:, 3] * distance / focal, distance)
