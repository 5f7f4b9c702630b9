# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from benchmarks.measures import yaw
from benchmarks.tracks import errors
from benchmarks.turned import canonical_errors, canonical_map, summary
from faceanything_addon.template import Part, load_template

SIZE = 96
CAMERA = np.array([[220.0, 0, 47.5], [0, 220.0, 47.5], [0, 0, 1]])


def head(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The template before a camera, turned: vertices (V, 3) and pose (4, 4)."""
    a, pose = np.radians(degrees), np.eye(4)
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    pose[:3, :3], pose[:3, 3] = np.diag([1.0, -1, -1]) @ turn, (0, 0, 0.5)
    return (load_template().vertices @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32), pose


def test_yaw_is_told_to_either_side_and_beyond_profile() -> None:
    poses = np.stack([head(a)[1] for a in (0, 30, -60, 100)])
    assert yaw(poses) == pytest.approx([0, 30, 60, 100], abs=1e-6)


def test_a_map_of_the_mesh_shows_its_own_skin_and_a_shifted_one_is_off_by_the_shift() -> None:
    vertices, _ = head(50)
    shown = canonical_map(vertices, CAMERA, SIZE)
    seen = np.isfinite(shown[..., 0])
    assert 0.02 < seen.mean() < 0.5
    error, wrong = canonical_errors(shown, shown)
    assert error.max() == 0 and not wrong.any()
    error, _ = canonical_errors(canonical_map(vertices + np.array([0.003, 0, 0], np.float32), CAMERA, SIZE), shown)
    assert 2 < np.median(error) < 8


def test_a_mirrored_face_is_on_the_wrong_side() -> None:
    shown = canonical_map(head(0)[0], CAMERA, SIZE)
    error, wrong = canonical_errors(shown * (-1, 1, 1), shown)
    assert wrong.all() and error.max() > 50


def test_points_are_looked_for_in_the_frames_that_are_asked_for() -> None:
    (vertices, _), count = head(0), 3
    skin = np.flatnonzero(load_template().part == Part.SKIN)[::40]
    truth = {
        "vertices": np.stack([vertices] * count),
        "intrinsics": CAMERA,
        "visible": np.ones((count, len(vertices)), bool),
    }
    pixels = vertices[skin] @ CAMERA.T
    tracks = np.stack([pixels[:, :2] / pixels[:, 2:]] * count)
    tracks[2] += 4
    apart = errors(tracks, skin, truth, np.array([False, True, False]))
    assert len(apart) and apart.max() < 1.0
    assert errors(tracks, skin, truth, np.array([False, False, True])).min() > 8


def test_the_last_row_counts_frames_alike() -> None:
    assert summary([[10, 1.0, 2.0], [30, 3.0, 6.0]]) == pytest.approx([40, 2.5, 5.0])
