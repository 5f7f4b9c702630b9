"""Gaze: directions, angles and the eyeLook coefficients."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ..template.shape import LID_FOLLOW, shown_gaze

FULL_LOOK = np.radians(30.0)  # the eye's turn that ARKit calls 1
SIDES = ("Left", "Right")


def angles(direction: np.ndarray) -> np.ndarray:
    """Unit vectors (..., 3) in head space -> yaw (to the subject's left) and pitch (up), radians (..., 2)."""
    direction = np.asarray(direction, np.float64)
    yaw = np.arctan2(direction[..., 0], direction[..., 2])
    return np.stack([yaw, np.arcsin(np.clip(direction[..., 1], -1, 1))], axis=-1)


def direction(yaw_pitch: np.ndarray) -> np.ndarray:
    """Inverse of `angles`."""
    yaw, pitch = yaw_pitch[..., 0], yaw_pitch[..., 1]
    return np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], axis=-1)


def camera_toward(place: np.ndarray) -> np.ndarray:
    """(3, 3) rotation whose columns are the axes of a camera turned, without roll, towards a place (3,).

    Rodrigues' formula for the shortest turn of +Z onto the direction.
    """
    x, y, z = place / np.linalg.norm(place)
    cross = np.array([[0, 0, x], [0, 0, y], [-x, -y, 0]])
    return np.eye(3) + cross + cross @ cross / max(1 + z, 1e-9)


def look_coefficients(yaw_pitch: np.ndarray) -> dict[str, np.ndarray]:
    """Angles (..., 2, 2) of both eyes (subject's left first) -> eyeLook coefficients by name, each (...,) 0..1."""
    return _looks(yaw_pitch, {name: float(FULL_LOOK) for name in LID_FOLLOW})


def lid_coefficients(yaw_pitch: np.ndarray) -> dict[str, np.ndarray]:
    """The same, but those with which the template's own lids follow its eyeballs."""
    shown = angles(shown_gaze(direction(np.asarray(yaw_pitch))))
    return _looks(shown, {name: float(np.radians(degrees)) for name, degrees in LID_FOLLOW.items()})


def _looks(yaw_pitch: np.ndarray, full: dict[str, float]) -> dict[str, np.ndarray]:
    """Angles (..., 2, 2) in shares of those that are `full` each way."""
    turn = np.asarray(yaw_pitch)
    out = {}
    for eye, side in enumerate(SIDES):
        outward = turn[..., eye, 0] * (1 if side == "Left" else -1)
        upward = turn[..., eye, 1]
        for name, value in (("Out", outward), ("In", -outward), ("Up", upward), ("Down", -upward)):
            out[f"eyeLook{name}{side}"] = np.clip(value / full[name], 0, 1)
    return out


def sphere(vertices: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius of an eyeball's vertices (N, 3); the centre agrees with `shape.rotate_eyes`."""
    center = (vertices.max(axis=0) + vertices.min(axis=0)) / 2
    return center, float(np.median(np.linalg.norm(vertices - center, axis=1)))


def best_rotation(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) that carries unit vectors source to target (N, 3) best, weighted.

    W. Kabsch, A solution for the best rotation to relate two sets of vectors, Acta Cryst. A32, 1976.
    """
    left, _, right = np.linalg.svd((target * weight[:, None]).T @ source)
    flip = np.sign(np.linalg.det(left @ right))
    return left @ np.diag([1.0, 1.0, flip]) @ right
