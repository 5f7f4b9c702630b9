"""Cameras: from the camera decoder's encoding, and between pixels and space.

World-to-camera extrinsics, OpenCV axes. Intrinsics count pixels from the picture's edge: the centre of the first pixel
is at 0.5, and a centred principal point is at (W / 2, H / 2). Take off half a pixel for this project's convention.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SMALLEST_TANGENT = 1e-6


@dataclass(frozen=True)
class Cameras:
    """N pinhole cameras."""

    extrinsics: np.ndarray  # (N, 3, 4) float32 world-to-camera
    intrinsics: np.ndarray  # (N, 3, 3) float32 pixels


def decode_pose(pose: np.ndarray, height: int, width: int) -> Cameras:
    """Cameras from (N, 9) of the camera decoder: camera-to-world translation, quaternion x y z w, fields of view.

    The quaternion may have any length; the fields of view are vertical, horizontal, in radians.
    """
    pose = pose.astype(np.float64)
    camera_to_world = np.concatenate([rotations(pose[:, 3:7]), pose[:, :3, None]], axis=2)
    focal = np.array([height, width]) / 2 / np.maximum(np.tan(pose[:, 7:9] / 2), SMALLEST_TANGENT)  # (N, 2) y, x
    return Cameras(invert(camera_to_world).astype(np.float32), intrinsics(focal[:, 1], focal[:, 0], height, width))


def rotations(quaternions: np.ndarray) -> np.ndarray:
    """(N, 4) quaternions x y z w of any length but 0 -> (N, 3, 3)"""
    x, y, z, w = quaternions.T
    s = 2 / (quaternions**2).sum(1)
    rows = [
        [1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)],
        [s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)],
        [s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def invert(rigid: np.ndarray) -> np.ndarray:
    """(N, 3, 4) rigid motions, turned round."""
    turned = rigid[:, :, :3].transpose(0, 2, 1)
    return np.concatenate([turned, -turned @ rigid[:, :, 3:]], axis=2)


def intrinsics(fx: np.ndarray, fy: np.ndarray, height: int, width: int) -> np.ndarray:
    """(N, 3, 3) float32 with the principal point in the middle."""
    matrices = np.zeros((len(fx), 3, 3), np.float32)
    matrices[:, 0, 0], matrices[:, 1, 1], matrices[:, 2, 2] = fx, fy, 1
    matrices[:, 0, 2], matrices[:, 1, 2] = width / 2, height / 2
    return matrices


def unproject(depth: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Camera-space point of every pixel.

    As the released tool does it: whole numbers are pixel centres, though its intrinsics count from the edge. Pass
    intrinsics whose principal point is half a pixel less for points that are not shifted.

    Args:
        depth: (h, w) along the optical axis; what is not `usable` gives a point that means nothing.
        k: (3, 3) intrinsics.

    Returns:
        (h, w, 3) float32
    """
    v, u = np.mgrid[: depth.shape[0], : depth.shape[1]].astype(np.float32)
    x, y = (u - k[0, 2]) * depth / k[0, 0], (v - k[1, 2]) * depth / k[1, 1]
    return np.stack([x, y, depth], axis=-1).astype(np.float32)


def to_world(points: np.ndarray, world_to_camera: np.ndarray) -> np.ndarray:
    """Camera-space (..., 3) points in the world; the camera is (4, 4) or (3, 4)."""
    rotation, shift = world_to_camera[:3, :3], world_to_camera[:3, 3]
    return ((points - shift) @ rotation).astype(np.float32)  # the inverse of a rotation is its transpose


def usable(depth: np.ndarray) -> np.ndarray:
    """(h, w) bool: where there is a depth."""
    return np.isfinite(depth) & (np.nan_to_num(depth) > 0)


def normals(points: np.ndarray) -> np.ndarray:
    """Unit normals towards the camera from (h, w, 3) camera-space points; the last row and column hold zeros."""
    right, down = np.zeros_like(points), np.zeros_like(points)
    right[:, :-1] = np.diff(points, axis=1)
    down[:-1] = np.diff(points, axis=0)
    normal = np.cross(down, right)
    return normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-8)
