"""Training asks for what a crop can show."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from training.sight import as_seen, map_rays

FOCAL, PRINCIPAL, SIDE = 300.0, np.array([95.5, 95.5]), 96
EYES = np.array([[0.03, 0.0, 0.01], [-0.03, 0.0, 0.01]])
LOOK = np.array([[0.1, 0.2, 0.9], [0.0, 0.1, 0.95]])


def rows(turn: Rotation) -> dict[str, np.ndarray]:
    """A ball of 9 cm in front of a camera that is turned about its centre."""
    origin = turn.apply([0.0, 0.0, 0.7])
    ray = map_rays((SIDE, SIDE), FOCAL, PRINCIPAL)
    along, size = ray @ origin, (ray**2).sum(-1)
    inside = along**2 - size * (origin @ origin - 0.09**2)
    z = np.where(inside > 0, (along - np.sqrt(np.maximum(inside, 0))) / size, origin[2])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn.as_matrix() @ np.diag([1.0, -1, -1]), origin
    one = {
        "depth": (z - origin[2]).astype(np.float16),
        "part": (inside > 0).astype(np.uint8),
        "pose": pose,
        "principal": PRINCIPAL,
    }
    one |= {"gaze": LOOK @ pose[:3, :3].T, "focal": np.float32(FOCAL), "face": np.bool_(True)}
    return {k: np.asarray(v)[None] for k, v in one.items()}


def test_turning_the_camera_moves_the_picture_but_not_depth_and_gaze() -> None:
    straight, turned = (as_seen(rows(Rotation.from_euler("y", a, degrees=True)), EYES) for a in (0, 12))
    for seen in (straight, turned):
        inside = seen["depth"][0][seen["part"][0] > 0]
        assert abs(inside.min() + 0.09) < 0.001  # the nearest point lies on the line of sight
    assert np.abs(straight["gaze"] - turned["gaze"]).max() < 0.01


def test_pictures_without_a_face_stay() -> None:
    empty = rows(Rotation.identity()) | {"face": np.array([False])}
    assert np.array_equal(as_seen(empty, EYES)["depth"], empty["depth"])
