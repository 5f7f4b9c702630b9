"""Depth along the line of sight is what a crop shows, whichever way the camera is turned."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from faceanything_addon.model.sight import along_axis, along_sight, rays

CAMERA = np.array([[500.0, 0, 319.5], [0, 500, 239.5], [0, 0, 1]])
POINTS = np.random.default_rng(4).normal(size=(50, 3)) * 0.08 + [0, 0, 0.7]
ORIGIN = np.array([0.01, -0.02, 0.72])


def seen_by(turn: Rotation) -> np.ndarray:
    """(50,) depth along the line of sight, of a camera that is turned about its centre."""
    points, origin = turn.apply(POINTS), turn.apply(ORIGIN)
    pixels = (points @ CAMERA.T)[:, :2] / points[:, 2:]
    return along_sight(points[:, 2] - origin[2], rays(pixels, CAMERA), origin)


def test_turning_the_camera_changes_nothing() -> None:
    turned = seen_by(Rotation.from_euler("xyz", [8, -20, 35], degrees=True))
    assert np.abs(turned - seen_by(Rotation.identity())).max() < 1e-9


def test_a_head_on_the_axis_has_depth_along_it() -> None:
    points = POINTS + [0, 0, 0.1]
    origin = np.array([0, 0, 0.8])
    ray = points / points[:, 2:]
    assert np.abs(along_sight(points[:, 2] - 0.8, ray, origin) - (points[:, 2] - 0.8)).max() < 1e-9


def test_there_and_back_is_the_same() -> None:
    ray, depth = POINTS / POINTS[:, 2:], POINTS[:, 2] - ORIGIN[2]
    assert np.abs(along_axis(along_sight(depth, ray, ORIGIN), ray, ORIGIN) - depth).max() < 1e-9
