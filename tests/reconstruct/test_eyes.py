"""Gaze of both eyes from what the networks say."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from faceanything_addon.reconstruct.evidence import PIXELS
from faceanything_addon.reconstruct.eyes import APART, GazeFitter, together
from faceanything_addon.reconstruct.normal import Pose
from faceanything_addon.solve.gaze import camera_toward, direction
from faceanything_addon.template import load_template

TEMPLATE = load_template()
DEGREE = np.pi / 180


def evidence(gaze: np.ndarray, sigma: float = 2 * DEGREE) -> dict[str, np.ndarray]:
    """A frame in which only the second look at the eyes says something."""
    return {
        "weight": np.zeros(PIXELS, np.float32),
        "triangle": np.zeros(PIXELS, np.int32),
        "bary": np.zeros((PIXELS, 2), np.float32),
        "xy": np.zeros((PIXELS, 2), np.float32),
        "points": np.zeros((len(TEMPLATE.points), 2), np.float32),
        "point_sigma": np.full(len(TEMPLATE.points), 1e6, np.float32),
        "gaze": gaze.astype(np.float32),
        "gaze_sigma": np.full(2, sigma, np.float32),
    }


@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.6), (0.25, -0.1, 0.6)])
def test_an_eye_that_looks_into_the_camera_is_told_so_wherever_it_is_in_the_frame(shift) -> None:
    pose = Pose(np.diag([1.0, -1.0, -1.0]), np.array(shift))
    fitter = GazeFitter(TEMPLATE, TEMPLATE.vertices.astype(np.float64), 1000.0, np.array([500.0, 500.0]))
    angles, weight = fitter.fit(evidence(np.tile([0.0, 0, -1], (2, 1))), pose)
    seen = np.einsum("ij,ej->ei", pose.rotation, direction(angles))
    for eye, gaze in zip(fitter.eyes, seen, strict=True):
        center = pose.rotation @ eye.center + pose.shift
        assert np.degrees(np.arccos(-gaze @ center / np.linalg.norm(center))) < 4  # the pair is drawn together a little
    assert (weight > 0).all()


def test_what_a_camera_turned_to_a_place_sees_straight_ahead_is_that_place() -> None:
    place = np.array([0.3, -0.2, 0.8])
    turn = camera_toward(place)
    assert np.allclose(turn @ turn.T, np.eye(3)) and np.linalg.det(turn) == pytest.approx(1)
    assert np.allclose(turn[:, 2], place / np.linalg.norm(place))


def test_a_hidden_eye_looks_where_the_other_does() -> None:
    angles, weight = together(np.array([[0.0, 0.0], [10.0, -5.0]]) * DEGREE, np.array([0.0, 500.0]))
    assert np.allclose(angles[0], np.array([10.0, -5.0]) * DEGREE + APART)
    assert np.allclose(angles[1], np.array([10.0, -5.0]) * DEGREE)
    assert 0 < weight[0] < weight[1]


def test_two_unsure_eyes_are_drawn_together_and_two_sure_ones_keep_their_squint() -> None:
    apart = np.array([[15.0, 0.0], [0.0, 0.0]]) * DEGREE
    unsure, _ = together(apart, np.full(2, (8 * DEGREE) ** -2))
    sure, _ = together(apart, np.full(2, (0.5 * DEGREE) ** -2))
    assert unsure[0, 0] - unsure[1, 0] < 5 * DEGREE
    assert unsure[:, 0].mean() == pytest.approx(7.5 * DEGREE)
    assert sure[0, 0] - sure[1, 0] > 14 * DEGREE


def test_closed_eyes_say_nothing() -> None:
    frame = evidence(np.full((2, 3), np.nan))
    fitter = GazeFitter(TEMPLATE, TEMPLATE.vertices.astype(np.float64), 1000.0, np.zeros(2))
    _, weight = fitter.fit(frame, Pose(np.diag([1.0, -1.0, -1.0]), np.array([0, 0, 0.6])))
    assert not weight.any()
