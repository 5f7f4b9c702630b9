"""Depth along the line of sight to the head, and along the optical axis.

A network sees a crop and cannot tell how far from the frame's middle it was cut out, so it cannot know the optical
axis: a face five degrees off it looks like one that is turned by as much. `FaceMaps.depth` is therefore measured along
the ray from the camera to the head's origin. Training and benchmarks, which have depth along the axis, use these.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np


def rays(pixels: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """(..., 2) frame pixels, (3, 3) intrinsics -> (..., 3) directions with unit z."""
    across = (pixels - camera[:2, 2]) / camera[[0, 1], [0, 1]]
    return np.concatenate([across, np.ones_like(across[..., :1])], axis=-1)


def along_sight(depth: np.ndarray, ray: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Metres along the optical axis from the head's origin -> along the line of sight to it.

    Args:
        depth: (...).
        ray: (..., 3) with unit z, of each pixel.
        origin: (3,) the head's, camera space.
    """
    far = float(np.linalg.norm(origin))
    return ray @ (origin / far) * (depth + origin[2]) - far


def along_axis(depth: np.ndarray, ray: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """Inverse of `along_sight`."""
    far = float(np.linalg.norm(origin))
    return (depth + far) / (ray @ (origin / far)) - origin[2]
