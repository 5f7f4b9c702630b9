"""Gain, mute, smoothing and second takes."""

# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.solve.edit import (
    Edit,
    calmed,
    editable,
    edited,
    parse_edit,
    punch_weight,
    punched,
    scaled_turns,
)
from faceanything_addon.solve.regions import regions, side_of
from faceanything_addon.template.names import arkit_names


def test_every_coefficient_lies_in_one_region():
    assert set(regions()) == set(arkit_names())
    assert editable() == ("brows", "lids", "eyes", "cheeks", "jaw", "mouth", "head", "left", "right")


def test_sides_are_where_a_coefficient_is_not_where_it_goes():
    sides = {name: side_of(name) for name in ("eyeBlinkLeft", "mouthSmileRight", "jawOpen", "mouthLeft", "jawRight")}
    assert list(sides.values()) == ["left", "right", None, None, None]


def test_a_keys_gain_is_that_of_what_drives_it():
    edit = Edit({"mouth": 2.0, "jaw": 0.5, "left": 0.5}, frozenset({"brows"}))
    assert edit.key_gain([("mouthSmileRight", 1.0)]) == 2
    assert edit.key_gain([("mouthSmileLeft", 0.7)]) == 1
    assert edit.key_gain([("browInnerUp", 1.0)]) == 0
    assert edit.key_gain([("mouthFunnel", -1.0), ("jawOpen", 2.0)]) == pytest.approx(1)
    assert edit.key_gain([("tongueOut", 0.0)]) == 1
    assert edit.changes and not Edit().changes and not Edit({"mouth": 1.0}).changes


def test_lips_that_touch_go_on_touching_when_the_jaw_is_amplified():
    edit = Edit({"jaw": 1.5})
    assert edit.key_gain([("jawOpen", 1.0)]) == edit.key_gain([("mouthClose", 1.0)]) == 1.5


def test_values_stay_within_the_keys_range():
    values = np.array([[0.2, 0.8], [0.5, -0.4]])
    out = edited(np.arange(2.0), values, np.array([2.0, 2.0]), np.array([0.0, -0.5]), np.array([1.0, 1.0]))
    assert out.tolist() == [[0.4, 1.0], [1.0, -0.5]]


@pytest.mark.parametrize("rate", [24.0, 60.0])
def test_smoothing_calms_a_still_face_and_leaves_a_blink(rate):
    chance, time = np.random.default_rng(0), np.arange(int(4 * rate)) / rate
    blink = np.exp(-0.5 * ((time - 2) / 0.05) ** 2)
    noisy = (blink + chance.normal(0, 0.004, len(time)))[:, None]
    still, depths = [], []
    for strength in (0.0, 0.3, 1.0):
        out = calmed(time, noisy, strength)[:, 0]
        still.append(out[time < 1.5].std())
        depths.append(out.max())
    assert still[0] > 1.5 * still[1] > 1.5 * still[2]
    assert min(depths) > 0.93


def test_a_turn_is_scaled_about_its_rest():
    rest = np.array([np.cos(0.3), 0, 0, np.sin(0.3)])
    turn = np.array([[np.cos(0.5), 0, 0, np.sin(0.5)]])
    assert np.abs(scaled_turns(turn, rest, 0.5) @ [np.cos(0.4), 0, 0, np.sin(0.4)]) == pytest.approx([1])
    assert np.abs(scaled_turns(turn, rest, 0.0) @ rest) == pytest.approx([1])


def test_a_second_take_fades_in_and_out():
    weight = punch_weight(np.arange(9.0), 2, 7, 2, 1)
    assert weight.tolist() == [0, 0, 0, 0.5, 1, 1, 1, 0, 0]
    assert punch_weight(np.arange(4.0), 1, 2, 0, 0).tolist() == [0, 1, 1, 0]
    assert punch_weight(np.arange(4.0), 2, 2, 1, 1).tolist() == [0, 0, 1, 0]
    assert punch_weight(np.arange(10.0), 2, 6, 8, 8).tolist() == [0, 0, 0, 0.5, 1, 0.5, 0, 0, 0, 0]
    assert punched(np.zeros((9, 1)), np.ones((9, 1)), weight)[:, 0].tolist() == weight.tolist()


def test_words_of_the_command_line():
    edit = parse_edit(["mouth=1.2", "left=0.5"], ["brows"], 0.3, "0.5mm", head=False)
    assert edit.gains == {"mouth": 1.2, "left": 0.5} and edit.muted == {"brows", "head"} and edit.smooth == 0.3
    assert edit.tolerance is not None and edit.tolerance.millimetres == 0.5
    for gains, muted, smooth, told in (
        (["mouth"], [], 0, "gain 'mouth': is not understood"),
        (["mouth=-1"], [], 0, "gain 'mouth=-1'"),
        (["nose=1"], [], 0, "'nose': there is no such region; choose one of brows"),
        ([], ["chin"], 0, "'chin': there is no such region"),
        ([], [], 2, "smooth 2: is out of range"),
    ):
        with pytest.raises(UserError, match=told):
            parse_edit(gains, muted, smooth)
