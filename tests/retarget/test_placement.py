"""When a performance is seen in a scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest
from support.performance import one_shape

from faceanything_addon.errors import UserError
from faceanything_addon.retarget.placement import Start
from faceanything_addon.retarget.resample import resample, scene_frames

RATES = (24.0, 25.0, 30000 / 1001, 30.0, 60000 / 1001, 60.0)
MINUTES = 600.0  # seconds of a long take


@pytest.mark.parametrize("scene", RATES)
@pytest.mark.parametrize("rate", [24000 / 1001, *RATES])
def test_ten_minutes_drift_by_less_than_a_millisecond(rate, scene):
    time = 17.25 + np.arange(int(MINUTES * rate)) / rate
    frames, at = scene_frames(time, scene, 101)
    seen = resample(time, time[:, None], at)[:, 0]  # what is shown is the moment itself
    assert np.abs(seen - (17.25 + (frames - 101) / scene)).max() < 1e-6
    assert (frames[-1] - 101) / scene == pytest.approx(time[-1] - time[0], abs=1 / scene)


def test_uneven_time_stamps_do_not_drift_either():
    steps = np.random.default_rng(1).choice([1 / 30, 1 / 24, 1 / 60], 15000)
    time = np.cumsum(steps)
    frames, at = scene_frames(time, 24.0, 1)
    seen = resample(time, time[:, None], at)[:, 0]
    assert np.abs(seen - time[0] - (frames - 1) / 24).max() < 1e-6


def test_a_start_between_frames_is_kept():
    time = np.arange(31) / 30
    frames, at = scene_frames(time, 24.0, 33.25)
    assert frames[0] == 34 and at[0] == pytest.approx(0.75 / 24) and frames[-1] == 57


@pytest.mark.parametrize(("speed", "last"), [(1.0, 61), (2.0, 31), (0.5, 121)])
def test_speed_is_changed_only_when_asked_for(speed, last):
    time = 5 + np.arange(61) / 30
    frames, at = scene_frames(time, 30.0, 1, speed)
    assert (frames[0], frames[-1]) == (1, last) and (at[0], at[-1]) == pytest.approx((5, 7))


@pytest.mark.parametrize(
    ("rate", "text", "scene", "frame"),
    [
        (25.0, "01:00:00:00", 25.0, 90000),
        (25.0, "01:00:00:12", 50.0, 180024),
        (24000 / 1001, "01:00:00:00", 24000 / 1001, 86400),
        (30000 / 1001, "01:00:00;00", 30000 / 1001, 107892),
        (30000 / 1001, "00:00:10:00", 24.0, 240.24),
    ],
)
def test_a_time_code_says_the_frame(rate, text, scene, frame):
    played = replace(one_shape("jawOpen"), rate=rate)
    assert Start(by_timecode=True, timecode=text).of(played, scene) == pytest.approx(frame, abs=1e-3)


def test_the_performances_own_time_code_counts_from_a_frame_zero():
    played = replace(one_shape("jawOpen"), rate=25.0, start=36010.0)
    assert Start(by_timecode=True, zero="10:00:00:00").of(played, 25.0) == 250
    assert Start(7.0).of(played, 25.0) == 7


def test_what_has_no_place_is_one_line():
    played = replace(one_shape("jawOpen"), rate=30.0)
    with pytest.raises(UserError, match="has no time code"):
        Start(by_timecode=True).of(played, 30.0)
    with pytest.raises(UserError, match="time code 'ten' is no time code"):
        Start(by_timecode=True, timecode="ten").of(played, 30.0)
    with pytest.raises(UserError, match="frame 1,080,000 by its time code, where Blender has no frames"):
        Start(by_timecode=True, timecode="10:00:00:00").of(played, 30.0)


def test_a_performance_that_would_end_beyond_blenders_frames_is_told_not_built():
    with pytest.raises(UserError, match="would end at frame 29,9"):
        scene_frames(np.array([0.0, 1e30]), 30.0, 1)
    with pytest.raises(UserError, match="Blender has frames to 1,048,574"):
        scene_frames(np.array([0.0, 60.0]), 30.0, 1_048_000)
