"""Lids of the generator's people, and their lashes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.template import load_template
from training.generator import people
from training.generator.cards import Lashes, between, bind_lashes
from training.generator.lids import BLINKS, full_closure, opening, with_full_closure

MM = 1000.0
PEOPLE = 40


def neutrals() -> np.ndarray:
    """(PEOPLE, V, 3) of people as they are drawn."""
    t, rng = load_template(), np.random.default_rng(1)
    who = np.array([people.draw_identity(rng, len(t.identity)) for _ in range(PEOPLE)])
    return t.vertices + np.tensordot(who, t.identity, axes=1)


def blinking(value: float) -> np.ndarray:
    """(52,) both eyes."""
    names = load_template().expression_names
    return np.array([value * (name in BLINKS) for name in names], np.float32)


def gaps(neutral: np.ndarray, arkit: np.ndarray) -> np.ndarray:
    """(PEOPLE, 2) millimetres between the lids."""
    t = load_template()
    return MM * opening(t.landmarks(neutral + np.tensordot(arkit, t.expressions, axes=1)))


def test_shut_lids_meet_whatever_the_eyes_shape() -> None:
    """The template's own blink leaves gaps and overlaps of up to 2.6 mm."""
    t, neutral = load_template(), neutrals()
    assert np.abs(gaps(neutral, blinking(1.0))).max() > 1.5
    shut = gaps(neutral, with_full_closure(t, neutral, np.tile(blinking(1.0), (PEOPLE, 1))))
    assert np.abs(shut).max() < 0.05


def test_lids_that_squints_would_have_overlap_meet() -> None:
    t, neutral = load_template(), neutrals()
    pressed = blinking(1.0) + np.array([name.startswith("eyeSquint") for name in t.expression_names], np.float32)
    assert gaps(neutral, pressed).min() < -1.0
    shut = gaps(neutral, with_full_closure(t, neutral, np.tile(pressed, (PEOPLE, 1))))
    assert np.abs(shut).max() < 0.05


def test_eyes_are_pressed_shut_on_the_sides_that_are_shut() -> None:
    names, rng = load_template().expression_names, np.random.default_rng(3)
    drawn = np.array([people.draw_expression(rng, names, np.zeros((2, 2))) for _ in range(12000)])
    blink, squint = (
        drawn[:, [names.index(f"{stem}{s}") for s in people.SIDES]] for stem in ("eyeBlink", "cheekSquint")
    )
    shut, open_ = blink > 0.9, blink < 0.3
    winks = shut[:, 0] & open_[:, 1]
    assert (squint[winks, 0] > 0.3).mean() > 0.15 and (squint[winks, 1] > 0.3).mean() < 0.1


def test_half_a_blink_is_half_of_ones_own_opening() -> None:
    t, neutral = load_template(), neutrals()
    half = gaps(neutral, with_full_closure(t, neutral, np.tile(blinking(0.5), (PEOPLE, 1))))
    np.testing.assert_allclose(half, gaps(neutral, blinking(0.0)) / 2, atol=0.05)


def test_one_face_is_treated_as_many_are() -> None:
    t, neutral = load_template(), neutrals()
    np.testing.assert_allclose(full_closure(t, neutral[0]), full_closure(t, neutral)[0], rtol=1e-6)
    labels = np.tile(blinking(0.7), (PEOPLE, 1))
    many, one = with_full_closure(t, neutral, labels), with_full_closure(t, neutral[3], labels[3])
    np.testing.assert_allclose(one, many[3], rtol=1e-6)


def upper_lashes() -> Lashes:
    """Some that stand on the left eye's upper rim, 8 mm long, forward and 40 degrees up."""
    t = load_template()
    marks = t.landmarks(t.vertices)
    rest = marks[[43, 44]] + 0.008 * np.array([0, np.sin(np.radians(40)), np.cos(np.radians(40))])
    tris, uv = np.zeros((0, 3), int), np.zeros((0, 3, 2), np.float32)
    return Lashes("some", "eyelashes", tris, uv, 0, rest, **bind_lashes(rest, t))


def directions(lashes: Lashes, vertices: np.ndarray) -> np.ndarray:
    """(N, 3) from the rim to the tips."""
    t = load_template()
    return lashes.place(vertices, t.vertices) - t.landmarks(vertices)[[43, 44]]


def test_lashes_of_shut_eyes_hang_and_those_of_open_ones_stand() -> None:
    t, lashes = load_template(), upper_lashes()
    shut = t.vertices + np.tensordot(blinking(1.0), t.expressions, axes=1)
    assert np.all(directions(lashes, t.vertices)[:, 1] > 0.003)
    assert np.all(directions(lashes, shut)[:, 1] < -0.001)
    assert np.all(directions(lashes, shut)[:, 2] > 0)


def test_lashes_grow_from_where_they_stand() -> None:
    t, lashes = load_template(), upper_lashes()
    assert lashes.offset is not None
    short = lashes.grown(0.5)
    np.testing.assert_allclose(short.offset, lashes.offset / 2)
    lift = directions(short, t.vertices) - directions(lashes, t.vertices) / 2
    assert np.linalg.norm(lift, axis=1).max() < 0.001


@pytest.mark.parametrize("times", [1.0, 2.0])
def test_a_turn_goes_as_many_times_as_far(times: float) -> None:
    a, b = np.array([[0.0, 0, 1]]), np.array([[0.0, np.sin(0.3), np.cos(0.3)]])
    turned = np.einsum("nij,nj->ni", between(a, b, times), a)
    np.testing.assert_allclose(turned, [[0, np.sin(0.3 * times), np.cos(0.3 * times)]], atol=1e-12)
    np.testing.assert_allclose(between(a, a, times), np.eye(3)[None], atol=1e-12)
