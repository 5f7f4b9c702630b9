# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from faceanything_addon.model.merge import FullMaps
from faceanything_addon.model.windows import blend, log_scale_between, overlap_of, windows


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 32])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 8, 9, 31, 32, 33, 100])
def test_windows_cover_everything_and_share_what_they_should(count, size):
    overlap = overlap_of(size)
    assert 0 <= overlap < size
    seen: list[int] = []
    made = list(windows(range(count), size, overlap))
    for number, window in enumerate(made):
        assert window.items == list(range(window.items[0], window.items[0] + len(window.items)))
        assert len(window.items) == min(size, count) and window.last == (number == len(made) - 1)
        assert window.shared >= (overlap if number else 0) and window.shared == (0 if number == 0 else window.shared)
        assert window.items[: window.shared] == seen[len(seen) - window.shared :]
        seen += window.items[window.shared :]
    assert seen == list(range(count))


def test_a_window_keeps_no_more_than_it_needs_of_an_endless_clip():
    def endless():
        number = 0
        while True:
            yield number
            number += 1

    source = windows(endless(), 8, 2)
    assert [next(source).items[0] for _ in range(4)] == [0, 6, 12, 18]


def test_the_scale_between_two_windows_survives_wrong_pixels():
    random = np.random.default_rng(0)
    earlier = [random.uniform(0.5, 0.7, 3000) for _ in range(3)]
    later = [depth / 7.3 * np.exp(random.normal(0, 0.01, depth.shape)) for depth in earlier]
    for depth in later:
        depth[:800] = random.uniform(0, 100, 800)
        depth[800:900] = np.nan
        depth[900:950] = 0
    assert log_scale_between(earlier, later) == pytest.approx(np.log(7.3), abs=0.01)


def test_too_few_shared_pixels_tell_no_scale():
    assert log_scale_between([np.ones(20)], [np.ones(20)]) is None and log_scale_between([], []) is None


def maps(value: float, weight: np.ndarray) -> FullMaps:
    shape = weight.shape
    return FullMaps(np.full((*shape, 3), value, np.float32), np.full(shape, value, np.float32), weight, np.eye(2, 3))


def test_a_blend_takes_the_one_that_is_of_use():
    both, first, second = np.array([[1, 1, 0]], np.float32), 2.0, 4.0
    mixed = blend(maps(first, both), maps(second, np.array([[1, 0, 1]], np.float32)), 0.25)
    assert mixed.depth.tolist() == [[2.5, 2.0, 4.0]] and mixed.canonical[0, :, 0].tolist() == [2.5, 2.0, 4.0]
    assert mixed.weight.tolist() == [[1, 1, 1]]
