"""Frames followed beside each other are those of one after the other."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from support.both import write_levels
from support.toy import ToyTracker

from faceanything_addon.errors import UserError
from faceanything_addon.model.follow import EmbeddedFollower

LEVELS = [60 + 2 * n for n in range(12)]


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return write_levels(tmp_path_factory.mktemp("levels") / "f", LEVELS)


def in_turn(footage):
    """Maps and state after each frame."""
    tracker = ToyTracker()
    return [(tracker.next(frame), tracker.state()) for frame in footage.frames()]


def test_maps_and_state_are_those_of_the_frame_handed_over(footage):
    follower = EmbeddedFollower(ToyTracker())
    for number, (frame, maps) in enumerate(follower.follow(footage, 0, lambda frames: None)):
        expected, state = in_turn(footage)[number]
        assert frame.index == number
        assert np.array_equal(maps.depth, expected.depth) and follower.state() == state


@pytest.mark.parametrize("stop", [1, 2, 5, 11])
def test_following_goes_on_from_a_state_as_if_never_stopped(footage, stop):
    first, second = EmbeddedFollower(ToyTracker()), EmbeddedFollower(ToyTracker())
    source = first.follow(footage, 0, lambda frames: None)
    for _ in range(stop):
        next(source)
    second.restore(first.state())
    source.close()
    rest = [maps.depth for _, maps in second.follow(footage, stop, lambda frames: None)]
    assert np.array_equal(rest, [maps.depth for maps, _ in in_turn(footage)[stop:]])


def test_a_single_look_after_following_tells_the_trackers_own_state(footage):
    tracker = ToyTracker()
    follower = EmbeddedFollower(tracker)
    frames = [frame for frame, _ in follower.follow(footage, 0, lambda frames: None)]
    follower.look(frames[0])
    assert follower.state() == tracker.state()


def test_a_missing_mask_stops_the_following_with_its_error(footage):
    def no_mask(frame):
        raise UserError(f"mask {frame.index} is missing")

    with pytest.raises(UserError, match="mask 0 is missing"):
        list(EmbeddedFollower(ToyTracker(), no_mask).follow(footage, 0, lambda frames: None))
