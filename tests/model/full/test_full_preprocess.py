"""Pictures before the full-size network, and the colours of its results."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from faceanything_addon.model.full import colours
from faceanything_addon.model.full.preprocess import METHODS, denormalise, normalise, plan_fit, preprocess


@pytest.mark.parametrize(
    ("source", "final"),
    [
        ((1920, 1080), (504, 280)),
        ((640, 480), (504, 378)),
        ((802, 550), (504, 350)),
        ((504, 371), (504, 378)),  # a tie between multiples goes up
        ((1008, 713), (504, 350)),  # 356.5 rounds to even
        ((1008, 715), (504, 364)),
        ((123, 456), (140, 504)),
    ],
)
def test_sides_become_the_nearest_multiples_of_14(source, final) -> None:
    assert plan_fit(*source).final == final


def test_a_crop_keeps_the_middle_and_a_lower_bound_the_short_side() -> None:
    fit = plan_fit(1000, 750, 504, "upper_bound_crop")
    assert (fit.scaled, fit.final) == ((504, 378), (504, 378))
    fit = plan_fit(802, 550, 504, "upper_bound_crop")
    assert (fit.scaled, fit.final, fit.offset()) == ((504, 346), (504, 336), (0, 5))
    assert plan_fit(1000, 750, 504, "lower_bound_resize").final == (672, 504)


@pytest.mark.parametrize("method", METHODS)
def test_the_matrix_says_where_a_pixel_went(method) -> None:
    picture = np.zeros((300, 500, 3), np.uint8)
    picture[140:160, 320:340] = 255
    result = preprocess([picture], 252, method)
    y, x = np.nonzero(result.images[0, 0] > 0)
    found = np.array([x.mean() + 0.5, y.mean() + 0.5, 1])
    assert np.abs(result.matrices[0] @ [330, 150, 1] - found).max() < 0.6


def test_pictures_of_several_sizes_are_cropped_to_the_smallest() -> None:
    result = preprocess([np.zeros((h, w, 3), np.uint8) for w, h in ((120, 90), (90, 120))], 112)
    assert result.images.shape == (2, 3, 84, 84)
    assert np.allclose(result.matrices[0] @ [60, 45, 1], [42, 42, 1])


def test_a_picture_that_is_too_narrow_is_refused() -> None:
    with pytest.raises(ValueError, match="too narrow"):
        preprocess([np.zeros((1000, 10, 3), np.uint8)])


def test_levels_come_back_at_most_one_lower() -> None:
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    lost = levels.astype(int) - denormalise(normalise(levels))
    assert set(np.unique(lost)) == {0, 1}


def test_tracks_colour_near_points_and_only_those() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (200, 3))
    chosen, hues = colours.choose_seeds(200, 4), colours.palette(4)
    matches = colours.match_seeds(points[chosen], points, 3)
    assert np.array_equal(matches.index[:, 0], chosen)
    painted = matches.colours(200, 1e-6, hues)
    assert np.array_equal(painted[chosen], hues)
    assert (painted == colours.BASE_COLOUR).all(axis=1).sum() == 196
    assert [list(c) for c in hues] == [[255, 0, 0], [127, 255, 0], [0, 255, 255], [127, 0, 255]]


def test_canonical_colours_stretch_the_middle_of_each_axis() -> None:
    points = np.linspace([0, 10, -5], [1, 20, 5], 101)
    ranges = colours.canonical_ranges(points)
    assert np.allclose(ranges, [[0.02, 0.98], [10.2, 19.8], [-4.8, 4.8]])
    assert colours.canonical_colours(points, ranges)[[0, 50, 100]].tolist() == [[0] * 3, [127] * 3, [255] * 3]


def test_a_mask_is_averaged_down() -> None:
    mask = np.zeros((40, 40), np.uint8)
    mask[:, 18:] = 255
    assert colours.foreground(mask, 4, 4).tolist() == [[False, False, True, True]] * 4
    assert np.array_equal(colours.foreground(np.dstack([mask] * 3), 4, 4), colours.foreground(mask, 4, 4))
