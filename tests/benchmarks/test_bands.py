# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from benchmarks.bands import ELSEWHERE, point_errors, steady_offset
from benchmarks.pictures import Truth

OFFSET = np.array([3.0, -2.0, 1.0])  # mm


def turned(count: int = 60) -> np.ndarray:
    """(N, 2, 3) heads to full profile."""
    yaw = np.radians(np.linspace(-90, 90, count))
    return Rotation.from_rotvec(yaw[:, None] * [0, 1, 0]).as_matrix()[:, :2]


def test_an_offset_in_the_heads_axes_is_found_through_turns_and_gross_errors() -> None:
    heads = turned()
    off = np.einsum("nij,j->ni", heads, OFFSET)
    off[::7] += 40
    off[3] = np.nan
    assert np.abs(steady_offset(off, heads) - OFFSET).max() < 0.2


def picture(head: np.ndarray) -> Truth:
    """A head at 1 m before a camera of 1000 pixels: a pixel is a millimetre."""
    pose = np.eye(4)
    pose[:2, :3], pose[2, 3] = head, 1.0
    nothing = np.zeros(0)
    fields = dict.fromkeys(("image", "canonical", "depth", "part", "points", "gaze", "principal"), nothing)
    return Truth(**fields, pose=pose, focal=1000.0, covered=0.0, tone=0.5, age="young")


def test_a_points_definition_is_no_error_in_profile_either_and_a_face_found_elsewhere_is_not_found() -> None:
    heads = turned()
    truth = np.random.default_rng(0).normal(size=(len(heads), 20, 2)) * 50
    guess = truth + np.einsum("nij,j->ni", heads, OFFSET)[:, None]
    guess[5] += 2 * ELSEWHERE
    guess[6] = np.nan
    errors = point_errors(guess, [picture(h) for h in heads], truth)
    lost = np.isnan(errors).all(axis=1)
    assert np.flatnonzero(lost).tolist() == [5, 6]
    assert errors[~lost].max() < 0.05
