"""What an actor's profile does to a performance."""

# SPDX-License-Identifier: GPL-3.0-or-later
import json
from dataclasses import replace

import numpy as np
import pytest
from support.performance import make_performance, one_shape

from faceanything_addon import cli
from faceanything_addon.errors import UserError
from faceanything_addon.exchange.arkit_json import write_arkit_json
from faceanything_addon.retarget.calibration import (
    ActorProfile,
    calibrate,
    fit_gains,
    load_profile,
    neutral_of,
    parse_frames,
    save_profile,
)


def moving(**peaks):
    """A performance of 100 samples in which each named coefficient rises once to its peak and falls again."""
    played = one_shape("jawOpen", 0.0, 100)
    for name, peak in peaks.items():
        played.coefficients[:, played.names.index(name)] = peak * np.hanning(100)
    return played


def column(performance, name):
    return performance.coefficients[:, performance.names.index(name)]


def test_a_face_that_rests_above_zero_begins_at_zero_and_still_reaches_one():
    played = moving(browInnerUp=1.0)
    column(played, "browInnerUp")[:] = 0.2 + 0.8 * column(played, "browInnerUp")
    seen = calibrate(played, ActorProfile(neutral=neutral_of(played, range(3))))
    assert column(seen, "browInnerUp")[0] < 0.01 and column(seen, "browInnerUp").max() == pytest.approx(1, abs=1e-3)
    assert column(played, "browInnerUp")[0] == pytest.approx(0.2), "the performance itself is left alone"


def test_the_actors_utmost_becomes_one_and_a_crooked_smile_stays_crooked():
    played = moving(mouthSmileLeft=0.6, mouthSmileRight=0.45)
    seen = calibrate(played, ActorProfile(gains=fit_gains(played, {})))
    left, right = column(seen, "mouthSmileLeft").max(), column(seen, "mouthSmileRight").max()
    assert left == pytest.approx(1, abs=0.02) and right / left == pytest.approx(0.75, abs=0.01)


def test_what_did_not_move_keeps_its_gain_and_no_gain_is_extreme():
    gains = fit_gains(moving(jawOpen=0.3, cheekPuff=0.2, eyeLookUpLeft=0.4), {})
    assert gains["jawOpen"] == 2.5
    assert "cheekPuff" not in gains and "eyeLookUpLeft" not in gains


def test_closed_lips_stay_closed_as_the_jaw_gains():
    played = moving(jawOpen=0.5, mouthClose=0.3)
    gains = fit_gains(played, {})
    assert gains["mouthClose"] == gains["jawOpen"] == pytest.approx(2, abs=0.02)


def test_a_spike_of_one_sample_is_not_the_utmost():
    played = moving(mouthPucker=0.5)
    column(played, "mouthPucker")[90] = 1.0
    assert fit_gains(played, {})["mouthPucker"] == pytest.approx(2, abs=0.05)


def test_a_profile_comes_back_from_its_file(tmp_path):
    profile = ActorProfile("Ada", {"jawOpen": 0.1}, {"mouthSmileLeft": 1.4})
    assert load_profile(save_profile(profile, tmp_path / "ada.json")) == profile


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "x"}, "is no actor profile"),
        ({"version": 2}, "version 2"),
        ({"neutral": {"smile": 0.1}}, "'smile' in 'neutral', which is no ARKit coefficient"),
        ({"gains": {"jawOpen": "much"}}, "'much' for jawOpen"),
        ({"gains": {"jawOpen": -1}}, "-1 for jawOpen"),
        ({"gains": [1]}, "no table"),
        ({"gains": {"jawOpen": 10**400}}, "for jawOpen"),
    ],
)
def test_a_bad_profile_is_one_line_that_names_the_file(tmp_path, change, told):
    file = tmp_path / "actor.json"
    file.write_text(json.dumps({"format": "faceanything-actor", "version": 1, **change}))
    with pytest.raises(UserError, match="actor.json") as caught:
        load_profile(file)
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_frames_outside_the_performance_and_odd_ranges_are_told():
    with pytest.raises(UserError, match="has frames 0 to 29"):
        neutral_of(make_performance(30), range(20, 31))
    with pytest.raises(UserError, match="frames 0 to 99999999999: the performance has frames 0 to 29"):
        neutral_of(make_performance(30), parse_frames("0-99999999999"))
    assert list(parse_frames("3")) == [3] and parse_frames("0-15") == range(16)
    for text in ("a-b", "5-3", "-3", ""):
        with pytest.raises(UserError, match="is no range of frames"):
            parse_frames(text)


def test_the_command_makes_a_profile_from_a_range_of_motion(tmp_path, capsys):
    played = moving(mouthSmileLeft=0.5, mouthSmileRight=0.5)
    column(played, "browInnerUp")[:] = 0.1
    take, out = write_arkit_json(played, tmp_path / "rom.json"), tmp_path / "actor.json"
    assert cli.main(["calibrate", str(take), "--neutral", "0-5", "--out", str(out)]) == 0
    assert "mouthSmileLeft 2.0" in capsys.readouterr().out
    profile = load_profile(out)
    assert profile.neutral["browInnerUp"] == pytest.approx(0.1) and "browInnerUp" not in profile.gains
    assert cli.main(["calibrate", str(take), "--neutral", "x", "--out", str(out)]) == 2


def test_other_coefficients_than_apples_are_left_as_they_are():
    played = replace(one_shape("jawOpen", 0.5), names=("jawOpen",), coefficients=np.full((3, 1), 0.5, np.float32))
    assert calibrate(played, ActorProfile()).coefficients == pytest.approx(0.5)
