"""Filters, bounds and angles."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from faceanything_addon.solve.arkit import solve_arkit
from faceanything_addon.solve.bounded import bounded_quadratic
from faceanything_addon.solve.gaze import angles, direction, look_coefficients
from faceanything_addon.solve.smooth import noise_level, smooth, smooth_rotations
from faceanything_addon.template import load_template
from faceanything_addon.template.shape import expression_offset
from faceanything_addon.template.template import TEMPLATE_FILE

TIME = np.arange(200) / 30


def noisy(curve: np.ndarray, sigma: float) -> np.ndarray:
    return (curve + np.random.default_rng(0).normal(size=curve.shape) * sigma)[:, None]


def test_bounded_quadratic_agrees_with_scipy() -> None:
    random = np.random.default_rng(2)
    for _ in range(20):
        a, b = random.normal(size=(60, 30)), random.normal(size=60) * 3
        ours = bounded_quadratic(a.T @ a, a.T @ b, np.full(30, 0.5))
        assert np.allclose(ours, lsq_linear(a, b, (0, 1), tol=1e-14).x, atol=1e-4)


def test_a_programme_without_variables_has_an_answer() -> None:
    assert bounded_quadratic(np.zeros((0, 0)), np.zeros(0), np.zeros(0)).shape == (0,)


def test_a_variable_just_off_its_bound_does_not_stop_the_others() -> None:
    """Seen once in six hundred problems as large as a frame's."""
    random = np.random.default_rng(573)
    a = random.normal(size=(80, 52)) @ np.diag(10 ** random.uniform(-1, 1, 52))
    a = a @ (np.eye(52) + 0.9 * np.outer(random.normal(size=52), random.normal(size=52)) / 52)
    truth = np.clip(random.normal(0.2, 0.5, 52), 0, 1) * (random.random(52) < 0.6)
    b = a @ truth + 3 * random.normal(size=80)
    ours = bounded_quadratic(a.T @ a, a.T @ b, np.zeros(52))
    assert np.allclose(ours, lsq_linear(a, b, (0, 1), method="bvls", tol=1e-14).x, atol=1e-3)


@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_a_frame_without_a_face_is_filled_in_however_short_the_clip(count) -> None:
    values, weight = np.ones((count, 1)), np.ones(count)
    values[1], weight[1] = 0, 0
    assert smooth(np.arange(count) / 25, values, weight) == pytest.approx(np.ones((count, 1)))


def test_smoothing_keeps_a_blink_and_its_time() -> None:
    blink = np.zeros(200)
    blink[100:105] = [0.4, 1, 1, 0.6, 0.2]
    found = smooth(TIME, noisy(blink, 0.03), np.ones(200))[:, 0]
    assert found.max() > 0.95
    assert abs(int(np.argmax(found)) - 101.5) < 1


def test_smoothing_quiets_a_still_curve() -> None:
    still = noisy(np.zeros(200), 0.03)
    assert smooth(TIME, still, np.ones(200))[5:-5].std() < 0.4 * still.std()


def test_a_repeated_time_stamp_does_not_bend_the_motion_around_it() -> None:
    sway = 50 * np.sin(TIME * 3.7)
    time = TIME.copy()
    time[31] = time[30] + 0.01 / 30
    found = smooth(time, noisy(sway, 0.2), np.ones(200))[:, 0]
    assert np.abs(found - sway)[20:42].max() < 1.5


def test_smoothing_has_no_lag_and_no_damping() -> None:
    wave = 0.5 + 0.5 * np.sin(TIME * 2 * np.pi * 2)
    found = smooth(TIME, noisy(wave, 0.02), np.ones(200))[:, 0]
    assert np.polyfit(wave, found, 1)[0] == pytest.approx(1, abs=0.03)
    assert np.abs(found - wave).mean() < 0.03


def test_gaps_are_filled() -> None:
    ramp = noisy(TIME, 0.001)
    weight = np.ones(200)
    weight[50:60] = 0
    ramp[50:60] = 99
    assert np.abs(smooth(TIME, ramp, weight)[:, 0] - TIME).max() < 0.05


def test_noise_level() -> None:
    assert noise_level(noisy(np.sin(TIME), 0.05)[:, 0]) == pytest.approx(0.05, rel=0.25)


def test_gaze_angles_and_look() -> None:
    turn = np.radians([[15.0, -30.0], [15.0, -30.0]])
    assert np.allclose(angles(direction(turn)), turn)
    look = look_coefficients(turn)
    assert look["eyeLookOutLeft"] == pytest.approx(0.5)
    assert look["eyeLookInRight"] == pytest.approx(0.5)
    assert look["eyeLookDownLeft"] == pytest.approx(1)
    assert look["eyeLookUpLeft"] == 0


@pytest.mark.skipif(not TEMPLATE_FILE.exists(), reason="the face template is not built")
def test_arkit_from_a_mesh() -> None:
    template = load_template()
    truth = np.zeros((20, 52))
    names = template.expression_names
    for name, peak in (("jawOpen", 0.8), ("mouthSmileLeft", 0.6), ("jawLeft", 0.5), ("browInnerUp", 1.0)):
        truth[:, names.index(name)] = peak * np.linspace(0, 1, 20)
    vertices = template.vertices + expression_offset(template, truth)
    found = solve_arkit(vertices.astype(np.float32), template.vertices, template)
    assert np.abs(found - truth).max() < 0.12
    assert not (np.minimum(found[:, names.index("jawLeft")], found[:, names.index("jawRight")]) > 0).any()


def test_a_head_that_lies_does_not_spin_while_it_is_not_seen() -> None:
    from scipy.spatial.transform import Rotation

    roll = 176 + 8 * np.sin(np.arange(60) / 5)
    rotations = Rotation.from_euler("z", roll[:, None], degrees=True).as_matrix()
    rotations[20:35] = np.eye(3)  # what frames without a face hold
    weight = np.ones(60)
    weight[20:35] = 0
    found = Rotation.from_matrix(smooth_rotations(np.arange(60) / 30, rotations, weight))
    assert np.degrees((found[:-1].inv() * found[1:]).magnitude()).max() < 4
