"""Gauss-Newton normal equations of one frame: pose, shape coefficients and focal length against observations."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import cross_matrix, rotation_matrix
from .linear_model import Samples
from .observations import DEPTH_SIGMA, GAP_SHARPNESS, Observations

POSE = 6  # rotation (3, radians, head axes), shift across the view (2, radians), log distance (1)


@dataclass(frozen=True)
class Pose:
    """Camera-from-head."""

    rotation: np.ndarray  # (3, 3)
    shift: np.ndarray  # (3,) metres

    def moved(self, step: np.ndarray) -> Pose:
        """Apply (6,) increments in the parametrisation of POSE."""
        rotation = self.rotation @ rotation_matrix(step[:3])
        distance = self.shift[2]
        across = np.array([step[3], step[4], 0.0]) * distance
        return Pose(rotation, (self.shift + across) * np.exp(np.clip(step[5], -0.5, 0.5)))


@dataclass(frozen=True)
class Normal:
    """H x = g about the present state; columns: pose (6), coefficients (C), dolly zoom (1).

    Dolly zoom: log focal length and log distance together. Either alone is nearly the same change of the picture, so
    that their small difference, the perspective, would drown in rounding.
    """

    hessian: np.ndarray  # (7 + C, 7 + C) f8
    gradient: np.ndarray  # (7 + C,) f8: minus the slope of half the squared error
    weight: np.ndarray  # (M,) f4 robust weight of each observation, 0..1
    residual: np.ndarray  # (M, 2) f4 frame pixels, observed minus predicted


def normal_equations(
    samples: Samples,
    coefficients: np.ndarray,
    pose: Pose,
    focal: float,
    center: np.ndarray,
    seen: Observations,
    gaps: np.ndarray,
    tolerance: float,
) -> Normal:
    """Linearise one frame.

    Args:
        samples: the model at the observed surface points.
        coefficients: (C,).
        center: (2,) principal point.
        gaps: (G, 2) pairs of observations whose difference is observed more sharply.
        tolerance: standard deviations at which an observation's pull begins to fade (Geman-McClure).
    """
    local = samples.positions(coefficients)
    camera = local @ pose.rotation.T.astype(np.float32) + pose.shift.astype(np.float32)
    columns = _camera_columns(samples, local, pose)
    ratio = camera[:, :2] / camera[:, 2:]
    residual = (seen.xy - center - focal * ratio).astype(np.float32)
    weight = 1 / (1 + (residual**2).sum(axis=1) / (seen.sigma * tolerance) ** 2) ** 2
    rows = _image_rows(columns, ratio, camera[:, 2], focal)
    scale = np.sqrt(weight * seen.share) / seen.sigma
    blocks = [rows[0] * scale[:, None], rows[1] * scale[:, None]]
    targets = [residual[:, 0] * scale, residual[:, 1] * scale]
    _add_gaps(blocks, targets, rows, residual, seen, gaps)
    _add_depth(blocks, targets, columns, camera, pose, seen, weight)
    design, target = np.concatenate(blocks), np.concatenate(targets)
    return Normal((design.T @ design).astype(np.float64), (target @ design).astype(np.float64), weight, residual)


def _camera_columns(samples: Samples, local: np.ndarray, pose: Pose) -> np.ndarray:
    """(3, M, 6 + C) f4: how camera-space positions change with pose and coefficients."""
    count = samples.modes.shape[1]
    out = np.empty((3, count, POSE + samples.modes.shape[2]), np.float32)
    rotation = pose.rotation.astype(np.float32)
    out[:, :, POSE:] = np.dot(rotation, samples.modes.reshape(3, -1)).reshape(samples.modes.shape)
    out[:, :, :3] = (-rotation @ cross_matrix(local)).transpose(1, 0, 2)
    out[:, :, 3:5] = (np.eye(3, 2) * pose.shift[2])[:, None]
    out[:, :, 5] = pose.shift[:, None]
    return out


def _image_rows(columns: np.ndarray, ratio: np.ndarray, distance: np.ndarray, focal: float) -> np.ndarray:
    """(2, M, 7 + C) f4: how pixels change; the last column is the dolly zoom."""
    rows = np.empty((2, columns.shape[1], columns.shape[2] + 1), np.float32)
    magnify = (focal / distance).astype(np.float32)[:, None]
    for axis in range(2):
        rows[axis, :, :-1] = magnify * (columns[axis] - ratio[:, axis, None].astype(np.float32) * columns[2])
        rows[axis, :, -1] = focal * ratio[:, axis] + rows[axis, :, 5]
    return rows


def _add_gaps(
    blocks: list[np.ndarray],
    targets: list[np.ndarray],
    rows: np.ndarray,
    residual: np.ndarray,
    seen: Observations,
    gaps: np.ndarray,
) -> None:
    """Openings of lids and lips: differences of two points, in which their common error drops out."""
    upper, lower = gaps[:, 0], gaps[:, 1]
    scale = 1 / (GAP_SHARPNESS * np.hypot(seen.sigma[upper], seen.sigma[lower]))
    difference = residual[upper] - residual[lower]
    # Far-off differences fade too, but late: a blink missed by the start must still pull.
    scale = scale / (1 + (difference**2).sum(axis=1) * (scale / 30) ** 2)
    for axis in range(2):
        blocks.append((rows[axis][upper] - rows[axis][lower]) * scale[:, None])
        targets.append(difference[:, axis] * scale)


def _add_depth(
    blocks: list[np.ndarray],
    targets: list[np.ndarray],
    columns: np.ndarray,
    camera: np.ndarray,
    pose: Pose,
    seen: Observations,
    weight: np.ndarray,
) -> None:
    """Depth along the line of sight to the head's origin, from there: moving the head hardly changes it."""
    sight = (pose.shift / np.linalg.norm(pose.shift)).astype(np.float32)
    chosen = np.flatnonzero(seen.depth_share)[::3]
    scale = np.sqrt(weight[chosen] * seen.depth_share[chosen] * 3) / DEPTH_SIGMA
    off = seen.depth[chosen] - (camera[chosen] - pose.shift.astype(np.float32)) @ sight
    scale = scale / (1 + (off / (3 * DEPTH_SIGMA)) ** 2)
    rows = np.zeros((len(chosen), columns.shape[2] + 1), np.float32)
    rows[:, :-1] = np.tensordot(sight, columns[:, chosen], 1)
    rows[:, 3:POSE] = 0
    blocks.append(rows * scale[:, None].astype(np.float32))
    targets.append((off * scale).astype(np.float32))
