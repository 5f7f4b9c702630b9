"""Edits of a performance itself."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.performance import make_performance, one_shape

from faceanything_addon.errors import UserError
from faceanything_addon.retarget.edited import edit_performance, performance_at, punch_performance
from faceanything_addon.retarget.mirror import mirrored
from faceanything_addon.retarget.second import Punch
from faceanything_addon.solve.edit import Edit
from faceanything_addon.solve.gaze import angles


def column(performance, name):
    return performance.coefficients[:, performance.names.index(name)]


def angle_of(head):
    return Rotation.from_matrix(head).magnitude()


def test_gains_and_mutes_act_on_their_regions_sides_head_and_eyes_only():
    played = make_performance(20)
    edit = Edit({"mouth": 0.5, "head": 0.5, "eyes": 0.5, "left": 0.5}, frozenset({"brows"}))
    shown = edit_performance(played, edit)
    assert column(shown, "mouthSmileRight") == pytest.approx(column(played, "mouthSmileRight") / 2)
    assert column(shown, "mouthSmileLeft") == pytest.approx(column(played, "mouthSmileLeft") / 4)
    assert column(shown, "jawOpen") == pytest.approx(column(played, "jawOpen"))
    assert not column(shown, "browInnerUp").any()
    assert angle_of(shown.head) == pytest.approx(angle_of(played.head) / 2)
    assert shown.gaze is not None and played.gaze is not None
    assert angles(shown.gaze) == pytest.approx(angles(played.gaze) * [[[0.25], [0.5]]], abs=1e-6)


def test_values_stay_between_0_and_1():
    shown = edit_performance(make_performance(20), Edit({"jaw": 10.0}))
    assert column(shown, "jawOpen").max() == 1 and column(shown, "jawOpen").min() >= 0


def test_sides_are_those_of_the_character_when_mirrored():
    played = one_shape("eyeBlinkLeft")
    shown = edit_performance(mirrored(played), Edit(muted=frozenset({"right"})))
    assert not column(shown, "eyeBlinkRight").any()


def test_smoothing_calms_what_trembles_and_keeps_a_blink():
    noise = np.random.default_rng(0)
    played = one_shape("jawOpen", 0.3, 90)
    column(played, "jawOpen")[:] += noise.normal(0, 0.01, 90)
    column(played, "eyeBlinkLeft")[40:46] = np.hanning(6)
    turns = Rotation.from_rotvec(noise.normal(0, 0.01, (90, 3)))
    shown = edit_performance(replace(played, head=turns.as_matrix()), Edit(smooth=0.5))
    assert np.diff(column(shown, "jawOpen")).std() < np.diff(column(played, "jawOpen")).std() / 4
    assert angle_of(shown.head).std() < turns.magnitude().std()
    assert column(shown, "eyeBlinkLeft").max() > 0.8 * column(played, "eyeBlinkLeft").max()


def test_an_edit_that_changes_nothing_leaves_the_performance():
    played = make_performance(20)
    shown = edit_performance(performance_at(played, played.time), Edit())
    for name in ("coefficients", "head", "gaze"):
        assert getattr(shown, name) == pytest.approx(getattr(played, name), abs=1e-6)


def test_a_second_take_is_seen_by_its_weight_and_head_and_gaze_stay_turns_and_directions():
    first, second = make_performance(20), make_performance(20, start=5.0)
    weight = np.linspace(0, 1, 20)
    shown = punch_performance(first, second, weight)
    assert shown.coefficients[0] == pytest.approx(first.coefficients[0])
    assert shown.coefficients[-1] == pytest.approx(second.coefficients[-1])
    assert shown.head is not None and second.head is not None and shown.gaze is not None
    assert shown.head[-1] == pytest.approx(second.head[-1])
    assert np.linalg.det(shown.head) == pytest.approx(1) and np.linalg.norm(shown.gaze, axis=2) == pytest.approx(1)


def test_what_a_second_take_does_not_speak_of_stays():
    first = make_performance(4)
    second = replace(one_shape("jawOpen", 1.0, 4), head=None)
    shown = punch_performance(
        first, replace(second, names=second.names[:30], coefficients=second.coefficients[:, :30]), np.ones(4)
    )
    assert shown.head is first.head
    assert shown.coefficients[:, 30:] == pytest.approx(first.coefficients[:, 30:])


def test_coefficients_of_a_second_take_are_found_by_name():
    first, second = one_shape("jawOpen", 0.0, 2), mirrored(one_shape("eyeBlinkLeft", 1.0, 2))
    shown = punch_performance(first, second, np.ones(2))
    assert column(shown, "eyeBlinkRight").all() and not column(shown, "eyeBlinkLeft").any()


def test_ranges_beyond_the_second_take_are_told_however_long():
    second = make_performance(30)
    assert len(Punch(5, 20).times(second, "Hero", 1.0, 1.0, 30.0)) == 16
    for punch in (Punch(5, 40), Punch(-5, 20), Punch(5, 10**12)):
        with pytest.raises(UserError, match="Hero: the second take does not cover frames"):
            punch.times(second, "Hero", 1.0, 1.0, 30.0)
    with pytest.raises(UserError, match="is no range"):
        Punch(5, 5).times(second, "Hero", 1.0, 1.0, 30.0)
    assert len(Punch(100, 110, first=95.0).times(second, "Hero", 1.0, 2.0, 30.0)) == 11


def test_fades_share_a_range_that_is_too_short_for_both():
    assert Punch(10, 16, 0.1, 1.0).fades(30.0) == pytest.approx((3.0, 3.0))
