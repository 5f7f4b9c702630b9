"""Fewer keys within a bound."""

# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.solve.reduce import Curve, Tolerance, reduce_keys


def performance(seed, frames):
    """Movements of different speeds from rest, cut off at 0 and 1, with a little noise."""
    chance = np.random.default_rng(seed)
    value = chance.normal(0, 0.002, len(frames))
    for middle in chance.uniform(frames[0], frames[-1], 25):
        value += chance.uniform(0.1, 0.9) * np.exp(-0.5 * ((frames - middle) / chance.uniform(1.5, 15)) ** 2)
    return np.clip(value, 0, 1)


@pytest.mark.parametrize("tolerance", [0.003, 0.01, 0.05])
@pytest.mark.parametrize("even", [True, False])
def test_no_frame_is_off_by_more_than_the_bound(tolerance, even):
    chance = np.random.default_rng(9)
    frames = np.cumsum(np.ones(600) if even else chance.uniform(0.4, 1.8, 600))
    for seed in range(12):
        values = performance(seed, frames)
        curve = reduce_keys(frames, values, tolerance)
        assert np.abs(curve.at(frames) - values).max() <= tolerance
        assert np.isin(curve.frames, frames).all()


def test_a_fifth_of_the_keys_says_it_within_a_hundredth():
    frames = np.arange(1000.0)
    kept = sum(len(reduce_keys(frames, performance(seed, frames), 0.01).frames) for seed in range(10))
    assert kept < 10 * 1000 / 5


def test_a_blink_keeps_its_depth_and_its_frame_with_level_handles():
    frames, values = np.arange(40.0), np.zeros(40)
    values[18:23] = 0.3, 0.92, 0.97, 0.5, 0.1
    curve = reduce_keys(frames, values, 0.05)
    at = list(curve.frames).index(20)
    assert curve.values[at] == 0.97 and curve.slopes[at] == 0
    assert curve.at(np.linspace(0, 39, 4000)).max() <= 0.97 + 1e-9


def test_what_hardly_moves_is_one_key():
    frames = np.arange(50.0)
    assert reduce_keys(frames, 0.004 * np.sin(frames), 0.01).values.tolist() == [0]
    level = reduce_keys(frames, 0.5 + 0.004 * np.sin(frames), 0.01)
    assert len(level.frames) == 1 and level.values[0] == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_takes_are_taken_too(count):
    frames, values = np.arange(float(count)), np.linspace(0.2, 0.9, count)
    assert np.abs(reduce_keys(frames, values, 0.01).at(frames) - values).max() < 0.01


def test_pieces_are_cubic_hermite():
    curve = Curve(np.array([0.0, 4.0]), np.array([0.0, 1.0]), np.array([0.0, 0.0]))
    assert curve.at(np.array([-1.0, 1.0, 2.0, 9.0])) == pytest.approx([0, 0.15625, 0.5, 1])


def test_a_bound_in_millimetres_is_of_the_shape():
    assert Tolerance.parse("0.5mm").of_shape(10) == pytest.approx(0.05)
    assert Tolerance.parse("0.02").of_shape(10) == 0.02
    assert Tolerance.parse("1.2mm").of_turn(120) == pytest.approx(0.01)
    for text in ("", "fine", "-1", "0mm", "nan"):
        with pytest.raises(UserError, match="is not understood; write 0.5mm"):
            Tolerance.parse(text)
