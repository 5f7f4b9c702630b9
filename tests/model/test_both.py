"""Both networks together, on a face that is known."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from support.both import HEIGHT, TELEPHOTO, WIDTH, KnownPredictor, KnownTracker, bent, face, write_levels

from faceanything_addon.errors import UserError
from faceanything_addon.model.both import SAMPLES, BothFollower, spread_passes
from faceanything_addon.model.bridge import Bridge, fit_bridge
from faceanything_addon.model.follow import EmbeddedFollower

LEVELS = [60 + 2 * n for n in range(50)]


def unlike(call: int, levels: list[float]) -> float:
    """Every call has a unit of its own."""
    return 10 ** np.random.default_rng(int(sum(levels))).uniform(-1, 2)


def follower(predictor: KnownPredictor, window: int, tracker: KnownTracker | None = None) -> BothFollower:
    both = BothFollower(EmbeddedFollower(tracker or KnownTracker()), predictor, window)
    both.bridge = the_bridge()  # learning it takes seconds
    return both


@cache
def the_bridge() -> Bridge:
    pairs = [face(level)[0].reshape(-1, 3) for level in LEVELS[::4]]
    numbers = np.repeat(np.arange(len(pairs)), [len(p) for p in pairs])
    target = np.concatenate(pairs)
    return fit_bridge(bent(target), target, np.ones(len(target)), numbers)


def run(footage, window, unit=unlike):
    both = follower(KnownPredictor(unit), window)
    return [maps for _, maps in both.follow(footage, footage.start, lambda frames: None)]


def fresh(footage, predictor: KnownPredictor, window: int) -> BothFollower:
    """With a bridge of its own."""
    both = BothFollower(EmbeddedFollower(KnownTracker()), predictor, window)
    both.prepare(footage, lambda frames: None)
    return both


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return write_levels(tmp_path_factory.mktemp("levels") / "f", LEVELS)


@pytest.mark.parametrize("window", [1, 2, 3, 8, 32, 50, 64])
def test_whatever_the_window_every_frame_comes_once_and_in_the_templates_space_and_metres(footage, window):
    maps = run(footage, window)
    assert len(maps) == len(LEVELS)
    for level, one in zip(LEVELS, maps, strict=True):
        canonical, depth = face(level)
        assert np.linalg.norm(one.canonical - canonical, axis=-1).mean() < 0.0005
        assert np.abs(one.depth - depth).max() < 0.0005


def test_one_frame_and_two_frames_are_clips_too(tmp_path):
    for count in (1, 2):
        clip = write_levels(tmp_path / str(count), LEVELS[:count])
        for window in (1, 8):
            maps = run(clip, window)
            assert len(maps) == count and all(
                np.abs(m.depth - face(v)[1]).max() < 0.0005 for m, v in zip(maps, LEVELS[:count], strict=True)
            )


def test_a_scale_from_many_frames_holds_where_one_frames_depth_errs(footage):
    """The embedded depth is wrong by a tenth now and then; joined windows keep one scale, single frames do not."""

    class Wavering(KnownTracker):
        def next(self, frame):
            maps = super().next(frame)
            maps.depth[:] *= 1.1 if int(frame.image.mean()) % 10 == 0 else 1.0
            return maps

    def scales(window):
        both = follower(KnownPredictor(unlike), window, Wavering())
        depths = [m.depth for _, m in both.follow(footage, 0, lambda frames: None)]
        return np.array([np.ptp(d) / np.ptp(face(v)[1]) for d, v in zip(depths, LEVELS, strict=True)])

    assert np.ptp(scales(1)) > 0.09 and np.ptp(scales(8)) < 0.005


@pytest.mark.parametrize("window", [1, 2, 8])
@pytest.mark.parametrize("stop", [1, 6, 7, 8, 42, 45, 50])
def test_going_on_from_a_state_gives_the_same_bits(footage, window, stop):
    whole = run(footage, window)
    both = follower(KnownPredictor(unlike), window)
    source = both.follow(footage, 0, lambda frames: None)
    begun = [next(source)[1] for _ in range(stop)]
    again = follower(KnownPredictor(unlike), window)
    again.bridge = None
    again.restore(json.loads(json.dumps(both.state())))
    assert again.samples(footage) == 0
    rest = [maps for _, maps in again.follow(footage, stop, lambda frames: None)]
    for one, other in zip(whole, begun + rest, strict=True):
        for name in ("canonical", "depth", "confidence"):
            assert np.array_equal(getattr(one, name), getattr(other, name))


def test_frames_without_a_face_break_nothing(tmp_path):
    levels = LEVELS[:12] + [0] * 12 + LEVELS[24:36]
    clip = write_levels(tmp_path / "f", levels)
    for window in (1, 4, 8):
        maps = run(clip, window)
        assert [m.found for m in maps] == [v > 0 for v in levels]
        assert all(np.abs(m.depth - face(v)[1]).max() < 0.0005 for m, v in zip(maps, levels, strict=True) if v)


def test_footage_without_a_face_is_told(tmp_path):
    with pytest.raises(UserError, match="no face was found"):
        fresh(write_levels(tmp_path / "f", [0] * 5), KnownPredictor(), 4)


def test_networks_that_do_not_agree_are_told_with_the_footages_name(footage):
    class Nonsense(KnownPredictor):
        def predict(self, images, pulse):
            found = super().predict(images, pulse)
            for number, one in enumerate(found):
                one.maps.canonical[:] = np.random.default_rng(number).normal(size=one.maps.canonical.shape)
            return found

    with pytest.raises(UserError, match=str(footage.path)):
        fresh(footage, Nonsense(), 8)


def test_single_sample_frames_are_not_predicted_twice(footage):
    predictor = KnownPredictor()
    both = fresh(footage, predictor, 1)
    list(both.follow(footage, 0, lambda frames: None))
    assert len(predictor.calls) == len(LEVELS)


def test_each_frame_has_the_focal_length_that_was_predicted(footage):
    maps = run(footage, 8)[3]
    assert maps.intrinsics is not None
    assert maps.intrinsics[0, 0] == TELEPHOTO + LEVELS[3]
    assert maps.intrinsics[:2, 2].tolist() == [(WIDTH - 1) / 2, (HEIGHT - 1) / 2]


def test_progress_within_a_window_never_tells_more_than_there_is(footage):
    both, told = BothFollower(EmbeddedFollower(KnownTracker()), KnownPredictor(), 8), []
    both.prepare(footage, told.append)
    assert told == sorted(told) and told[-1] == SAMPLES
    told.clear()
    list(both.follow(footage, 0, told.append))
    assert 0 < max(told) < 8 and min(told) == 0


@pytest.mark.parametrize("count", [1, 2, 19, 21, 119, 500])
def test_samples_are_spread_and_each_is_taken_once(count):
    first, later = spread_passes(count)
    order = first + later
    assert len(set(order)) == len(order) == min(count, 120)
    assert {0, count - 1} <= set(first) and len(first) <= SAMPLES and all(0 <= n < count for n in order)
    assert first == sorted(first) and later == sorted(later)


def test_samples_are_found_in_two_readings_of_the_footage_at_most(footage):
    both, read = BothFollower(EmbeddedFollower(KnownTracker()), KnownPredictor(), 8), []

    class Counted(type(footage.source)):
        def frames(self, *args):
            read.append(args)
            return super().frames(*args)

    footage.source.__class__ = Counted
    both.prepare(footage, lambda _: None)
    assert len(read) <= 2


def test_the_search_for_samples_can_be_stopped_where_there_is_no_face(footage):
    class Blind(KnownTracker):
        def begin(self, frame):
            rest = super().begin(frame)
            return lambda: replace(rest(), found=False)

    def stop(_done):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        BothFollower(EmbeddedFollower(Blind()), KnownPredictor(), 8).prepare(footage, stop)
