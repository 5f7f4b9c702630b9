"""Colours and light of the generator's shader, place by place."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from training.generator.grain import make_noise
from training.generator.lamps import Lamps, ambient, lamp_light, unshadowed
from training.generator.material import LINEAR, PLAIN, SKIN, Paints, eye_colour, painted, skin_colour

AHEAD, ASIDE = (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)  # towards the camera, and across
GREY = (0.5, 0.5, 0.5)


def paints(grain: float = 0.0) -> Paints:
    skin = np.zeros((4, 4, 3), np.uint8)
    skin[:2] = 255  # the upper half is white
    eye = np.array([0.5, 0.3, 0.2, 0.3, 0.4, 0.1, 0.1, 0.1, 0.8, 0.8, 0.8, 0.5])
    none = np.zeros((1, 1, 1, 4), np.uint8)
    return Paints(skin, np.ones(3, np.float32), LINEAR, make_noise(), np.array([grain, 900.0, 0.0, 0.0]), eye, none)


def lamps(size: int = 1, depth: float = np.inf) -> Lamps:
    """Even light, one lamp at the camera and the depth of what it meets first."""
    sh = np.zeros((9, 3))
    sh[0] = 1 / 0.2820948
    frame = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0]])
    shadow = np.full((size, size), depth)
    return Lamps(sh, 0 * sh, np.array([AHEAD]), np.ones((1, 3)), shadow, frame)


def test_the_skin_map_lies_with_its_first_row_at_the_top() -> None:
    assert skin_colour((1.0, 1.0, 1.0), 0.5, 0.9, 0.0, paints()) == pytest.approx((1, 1, 1))
    assert skin_colour((1.0, 1.0, 1.0), 0.5, 0.1, 0.0, paints()) == pytest.approx((0, 0, 0))
    assert skin_colour((1.0, 1.0, 1.0), 0.5, 0.9, -0.5, paints(grain=0.4)) == pytest.approx((0.8, 0.8, 0.8))


def test_an_eye_is_dark_in_its_middle_coloured_around_it_and_white_beyond() -> None:
    pupil, iris, sclera = (eye_colour((x, 0.0, 1.0), paints()) for x in (0.0, 0.3, 1.0))
    assert max(pupil) < 0.01 < min(iris) and max(iris) < min(sclera)
    assert sclera[0] > sclera[1] == pytest.approx(sclera[2]), "its blood is red"


def test_paint_covers_as_far_as_it_is_strong() -> None:
    red = (1.0, 0.0, 0.0)
    assert painted(GREY, red, 1.0, 0.7) == pytest.approx(red)
    assert painted(GREY, red, 0.5, 0.0) == pytest.approx((0.75, 0.25, 0.25))


def test_even_light_shows_a_colour_as_it_is_and_less_where_little_light_gets_to() -> None:
    assert ambient(GREY, AHEAD, AHEAD, PLAIN, 0.0, 1.0, lamps()) == pytest.approx(GREY)
    assert ambient(GREY, AHEAD, AHEAD, PLAIN, 0.0, 0.4, lamps()) == pytest.approx((0.2, 0.2, 0.2))


def test_a_lamp_lights_what_faces_it_and_on_skin_goes_a_little_beyond_in_red() -> None:
    def light(n: tuple[float, float, float], material: int) -> tuple[float, float, float]:
        return lamp_light(GREY, (0.0, 0.0, 0.5), n, AHEAD, material, (0.0, 10.0), 1.0, lamps(), 0)

    assert light(AHEAD, PLAIN) == pytest.approx(GREY) and max(light(ASIDE, PLAIN)) == 0
    r, g, b = light(ASIDE, SKIN)
    assert r > g > b > 0


def test_what_lies_behind_something_is_in_its_shadow() -> None:
    place = (0.0, 0.0, 0.5)  # depth 10.5 as the map counts it
    assert unshadowed(place, AHEAD, AHEAD, lamps(8, depth=10.6)) == pytest.approx(1)
    assert unshadowed(place, AHEAD, AHEAD, lamps(8, depth=10.3)) == pytest.approx(0)
    assert unshadowed((99.0, 0.0, 0.5), AHEAD, AHEAD, lamps(8, depth=10.3)) == pytest.approx(1), "beside the map"
