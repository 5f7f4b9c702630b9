# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.performance import make_performance, one_shape

from faceanything_addon.retarget import Mapping, Target, opposite_key
from faceanything_addon.retarget.resample import resample, scene_frames
from faceanything_addon.template import load_template
from faceanything_addon.template.names import arkit_names


def test_the_names_are_those_of_the_template():
    assert arkit_names() == load_template().expression_names


def test_a_key_is_the_clamped_weighted_sum_of_its_sources():
    played = make_performance(120)
    mapping = Mapping(
        "hand made",
        {
            "Open": Target((("jawOpen", 1.5), ("mouthClose", -1.0)), gain=1.8, offset=0.1, low=-0.2, high=0.9),
            "Wink": Target((("eyeBlinkLeft", 1.0),)),
        },
    )
    column = {n: played.coefficients[:, i].astype(float) for i, n in enumerate(played.names)}
    values = mapping.evaluate(played.names, played.coefficients)
    expected = np.clip(1.8 * (1.5 * column["jawOpen"] - column["mouthClose"]) + 0.1, -0.2, 0.9)
    assert values.shape == (120, 2)
    assert np.allclose(values[:, 0], expected) and np.allclose(values[:, 1], column["eyeBlinkLeft"])
    assert (values[:, 0].min(), values[:, 0].max()) == (-0.2, 0.9)


def test_mirrored_the_left_drives_the_right():
    played = one_shape("eyeBlinkLeft")
    targets = {"L": Target((("eyeBlinkLeft", 1.0),)), "R": Target((("eyeBlinkRight", 1.0),))}
    mapping = Mapping("", targets)
    assert mapping.evaluate(played.names, played.coefficients)[0].tolist() == [1, 0]
    assert replace(mapping, mirror=True).evaluate(played.names, played.coefficients)[0].tolist() == [0, 1]


def test_coefficients_that_drive_nothing_are_listed():
    mapping = Mapping("", {"Open": Target((("jawOpen", 1.0),))})
    assert mapping.unused(("jawOpen", "tongueOut")) == ("tongueOut",)


def test_a_performance_may_lack_coefficients_and_order_them_otherwise():
    mapping = Mapping("", {"Open": Target((("jawOpen", 1.0), ("mouthClose", -1.0)))})
    assert mapping.evaluate(("tongueOut", "jawOpen"), np.array([[1.0, 0.4]])).tolist() == [[0.4]]


def test_scene_frames_keep_the_performances_time():
    time = 5 + np.arange(61) / 60  # one second at 60 a second
    frames, at = scene_frames(time, 24.0, 10)
    assert frames.tolist() == list(range(10, 35)) and at[0] == 5 and at[-1] == pytest.approx(6)
    values = resample(time, (time * 3)[:, None], at)
    assert np.allclose(values[:, 0], at * 3)


def test_uneven_time_stamps_are_met_between_samples():
    time = np.array([0, 0.05, 0.2, 0.3])
    values = resample(time, np.array([[0.0], [1.0], [0.0], [2.0]]), np.array([0.025, 0.125, 0.3, 0.4]))
    assert np.allclose(values[:, 0], [0.5, 0.5, 2, 2])


def test_a_single_picture_is_a_single_frame():
    frames, at = scene_frames(np.array([3.0]), 25.0, 1)
    assert frames.tolist() == [1] and resample(np.array([3.0]), np.array([[0.7]]), at).tolist() == [[0.7]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Smile_L", "Smile_R"),
        ("leftBrowUp", "rightBrowUp"),
        ("MouthSmileRight", "MouthSmileLeft"),
        ("BROW_LEFT", "BROW_RIGHT"),
        ("l_lid_close", "r_lid_close"),
        ("eyeBlinkL", "eyeBlinkR"),
        ("head_lod0_mesh__browLateralL", "head_lod0_mesh__browLateralR"),
    ],
)
def test_the_key_of_the_other_side_is_found_by_its_name(one, other):
    assert opposite_key(one, [one, other, "jawOpen"]) == other and opposite_key(other, [one, other]) == one
    assert opposite_key(one, [one, "jawOpen"]) is None and opposite_key("lipsRoll", ["ripsRoll"]) is None
