"""Tracking by depth alone, as if there were no canonical coordinates: the paper's ablation.

Depth maps become clouds of points; each cloud is laid rigidly on the next (P. Besl and N. McKay, A method for
registration of 3-D shapes, PAMI 14(2), 1992), and a tracked point goes on as the nearest places of the next cloud.
Camera and the head's place are taken from the finished take, which depth alone would not know.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.sight import along_axis, rays
from faceanything_addon.template import Part

from . import measures as m

LEAST_CONFIDENCE = 0.3
ROUNDS = 15
KEPT = 0.8  # share of the pairs, the nearest, that each round of the registration uses
NEAREST = 4
LEAST_POINTS = 50


@dataclass(frozen=True)
class Cloud:
    """Skin of one frame."""

    points: np.ndarray  # (M, 3) camera space
    pixels: np.ndarray  # (M, 2)


def cloud(maps: FaceMaps, camera: np.ndarray, origin: np.ndarray) -> Cloud:
    """Args: camera: (3, 3). origin: (3,) the head's place."""
    skin = (maps.part == Part.SKIN) & (maps.confidence > LEAST_CONFIDENCE)
    y, x = np.nonzero(skin)
    pixels = np.column_stack([x, y, np.ones(len(x))]) @ maps.to_frame.T
    ray = rays(pixels, camera)
    z = along_axis(maps.depth[skin], ray, origin) + origin[2]
    return Cloud(ray * z[:, None], pixels)


def laid_on(source: np.ndarray, target: Cloud) -> np.ndarray:
    """(M, 3) points moved rigidly, and scaled, onto another cloud."""
    tree, moved = KDTree(target.points), source + target.points.mean(0) - source.mean(0)
    for _ in range(ROUNDS):
        distance, index = tree.query(moved)
        near = distance <= np.quantile(distance, KEPT)
        moved = carried(moved[near], target.points[index[near]], moved)
    return moved


def carried(points: np.ndarray, target: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The similarity that lays points (N, 3) on target (N, 3), applied to others (M, 3)."""
    aligned = m.similarity_align(points, target)
    design = np.column_stack([points, np.ones(len(points))])
    return np.column_stack([others, np.ones(len(others))]) @ np.linalg.lstsq(design, aligned, rcond=None)[0]


def depth_tracks(maps: list[FaceMaps], first: np.ndarray, cameras: np.ndarray, origins: np.ndarray) -> np.ndarray:
    """Follow points through a clip.

    Args:
        maps: of all frames; the first shows the face.
        first: (N, 2) pixels of the first frame, NaN where there is none.
        cameras: (F, 3, 3); origins: (F, 3).

    Returns:
        (F, N, 2) pixels.
    """
    tracks = np.full((len(maps), *first.shape), np.nan)
    known = np.flatnonzero(np.isfinite(first[:, 0]))
    tracks[0, known] = first[known]
    before = cloud(maps[0], cameras[0], origins[0])
    places = before.points[KDTree(before.pixels).query(first[known])[1]]
    for k in range(1, len(maps)):
        after = cloud(maps[k], cameras[k], origins[k])
        if len(after.points) < LEAST_POINTS:  # the face is out of sight
            continue
        moved = carried(before.points, laid_on(before.points, after), places)
        distance, index = KDTree(after.points).query(moved, NEAREST)
        share = 1 / np.maximum(distance, 1e-4)
        share /= share.sum(axis=1, keepdims=True)
        places = (share[..., None] * after.points[index]).sum(axis=1)
        tracks[k, known] = (share[..., None] * after.pixels[index]).sum(axis=1)
        before = after
    return tracks
