"""From OpenCV's and the template's axes to Blender's. Pure numpy: the one place where axes change.

Blender's world: Z up, the camera stands at `CAMERA_HEIGHT` and looks along +Y.
A Blender character faces -Y with its left at +X, so meshes turn from the template's (x, y, z) to (x, -z, y).
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

CAMERA_HEIGHT = 1.6  # metres above the ground, eye level of a standing person

WORLD_FROM_CAMERA = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], dtype=np.float64)
OBJECT_FROM_HEAD = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=np.float64)


def object_vertices(head: np.ndarray) -> np.ndarray:
    """(..., 3) head space -> (..., 3) Blender object space, float32, C order."""
    return np.ascontiguousarray(head @ OBJECT_FROM_HEAD.T, dtype=np.float32)


def object_rotations(head: np.ndarray) -> np.ndarray:
    """(..., 3, 3) rotations in head axes -> the same rotations in Blender object axes."""
    return OBJECT_FROM_HEAD @ head @ OBJECT_FROM_HEAD.T


def world_poses(head_pose: np.ndarray, height: float = CAMERA_HEIGHT) -> np.ndarray:
    """(F, 4, 4) camera-from-head, OpenCV -> (F, 4, 4) world-from-object, Blender; the camera at `height`."""
    world = np.tile(np.eye(4), (len(head_pose), 1, 1))
    world[:, :3, :3] = WORLD_FROM_CAMERA @ head_pose[:, :3, :3] @ OBJECT_FROM_HEAD.T
    world[:, :3, 3] = head_pose[:, :3, 3] @ WORLD_FROM_CAMERA.T
    world[:, 2, 3] += height
    return world


def head_gaze(gaze: np.ndarray, head_pose: np.ndarray) -> np.ndarray:
    """(F, 2, 3) directions in camera space -> (F, 2, 3) in head space."""
    return np.einsum("fji,fej->fei", head_pose[:, :3, :3], gaze)


def quaternions(rotations: np.ndarray) -> np.ndarray:
    """(F, 3, 3) rotations -> (F, 4) quaternions w, x, y, z that never jump to the other hemisphere."""
    m = np.asarray(rotations, dtype=np.float64)
    diagonal = m[:, [0, 1, 2], [0, 1, 2]]
    squares = np.stack(
        [
            1 + diagonal.sum(axis=1),
            1 + diagonal @ [1, -1, -1],
            1 + diagonal @ [-1, 1, -1],
            1 + diagonal @ [-1, -1, 1],
        ],
        axis=1,
    )
    return continuous(_from_largest(m, squares))


def _from_largest(m: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Quaternions by the numerically best of the four formulas. squares (F, 4) = 4 w2, 4 x2, 4 y2, 4 z2."""
    a, b, c = m[:, 2, 1], m[:, 0, 2], m[:, 1, 0]
    at, bt, ct = m[:, 1, 2], m[:, 2, 0], m[:, 0, 1]
    w2, x2, y2, z2 = squares.T
    products = np.stack(  # row i: 4 q_i q
        [
            np.stack([w2, a - at, b - bt, c - ct], axis=1),
            np.stack([a - at, x2, c + ct, b + bt], axis=1),
            np.stack([b - bt, c + ct, y2, a + at], axis=1),
            np.stack([c - ct, b + bt, a + at, z2], axis=1),
        ],
        axis=1,
    )
    best = products[np.arange(len(m)), squares.argmax(axis=1)]
    return best / np.linalg.norm(best, axis=1, keepdims=True)


def continuous(q: np.ndarray) -> np.ndarray:
    """Flip the sign of quaternions so that each lies in the hemisphere of the one before. (F, 4) -> (F, 4)"""
    turns = np.sign(np.einsum("fi,fi->f", q[1:], q[:-1]))
    turns[turns == 0] = 1
    return q * np.concatenate([[1.0], np.cumprod(turns)])[:, None]
