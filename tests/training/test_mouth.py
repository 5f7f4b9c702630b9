"""Teeth and tongue of the generator's people."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from support.faces import expression

from faceanything_addon.template import Part, load_template
from training.generator import people
from training.generator.looks import within
from training.generator.mouth import FRONT_TEETH, hold_mouth, in_mouth, mouth_light, tint_mouth

SEEDS = range(12)


def of_part(part: Part) -> np.ndarray:
    return load_template().part == part


def test_teeth_at_the_lips_are_lit_as_skin_is_and_the_throat_is_darker() -> None:
    """Teeth had a sixth of the skin's light, and shouts were black caves."""
    t, face = load_template(), expression(jawOpen=0.5)
    lips = t.landmarks(face)[60:68, 2].mean()
    front = of_part(Part.TEETH) & (face[:, 2] > lips - FRONT_TEETH)
    deep = of_part(Part.MOUTH) & (face[:, 2] < lips - 0.06)
    for seed in SEEDS:
        light = mouth_light(np.random.default_rng(seed), t, face)
        assert light[front].min() >= 0.4 and light[deep].max() < 0.6 * light[front].min()
        assert np.all(light[~in_mouth(t)] == 1)


def test_a_mouth_that_is_nearly_shut_is_dark_inside() -> None:
    """Else an open mouth and a closed one could not be told apart."""
    t = load_template()
    shut, open_ = (mouth_light(np.random.default_rng(3), t, expression(jawOpen=jaw)) for jaw in (0.0, 0.5))
    front = of_part(Part.TEETH) & (t.vertices[:, 2] > t.landmarks(t.vertices)[60:68, 2].mean() - FRONT_TEETH)
    assert shut[front].mean() < 0.5 * open_[front].mean()


def test_the_tongue_rises_in_an_open_mouth_only() -> None:
    """It stays below the roof of the mouth, and nothing but teeth and tongue moves."""
    t, tongue = load_template(), of_part(Part.TONGUE)
    still = ~(tongue | of_part(Part.TEETH))
    for jaw in (0.0, 0.8):
        face = expression(jawOpen=jaw)
        rise = [hold_mouth(np.random.default_rng(s), t, face, 0.0)[:, 1] - face[:, 1] for s in SEEDS]
        assert np.all(np.array(rise)[:, still] == 0)
        highest = np.abs(np.array(rise)[:, tongue]).max()
        assert highest < 0.001 if jaw == 0 else 0.004 < highest < 0.03


def test_a_tongue_that_is_put_out_lies_where_it_is_put() -> None:
    """Posture is for tongues that rest."""
    t, tongue = load_template(), of_part(Part.TONGUE)
    face = expression(jawOpen=0.5, tongueOut=1.0)
    held = hold_mouth(np.random.default_rng(1), t, face, 1.0)
    assert np.array_equal(held[tongue], face[tongue])


def test_teeth_lie_behind_the_lips_by_more_or_less() -> None:
    """Never before the template's, which touch the lips; upper ones may hide behind the lip."""
    t, face = load_template(), expression(jawOpen=0.2)
    teeth = np.flatnonzero(of_part(Part.TEETH))
    upper, lower = np.split(teeth, [len(teeth) // 2])
    moved = np.array([hold_mouth(np.random.default_rng(s), t, face, 0.0) - face for s in range(60)])
    back = moved[:, upper, 2]
    assert np.all(back <= 0) and back.min() < -0.004 and back.max() > -0.001
    assert np.ptp(moved[:, teeth, 2], axis=1).max() < 1e-6
    assert moved[:, upper, 1].mean() > moved[:, lower, 1].mean() + 0.0005 and moved[:, upper, 1].max() < 0.0071


def test_teeth_are_whiter_than_their_gums() -> None:
    """At the roots the colour is the gums'."""
    t = load_template()
    for seed in SEEDS:
        tint = np.ones((len(t.vertices), 3), np.float32)
        tint_mouth(np.random.default_rng(seed), t, tint)
        teeth = tint[of_part(Part.TEETH)]
        redness = teeth[:, 0] / teeth[:, 1]
        assert redness.max() > 1.8 and np.median(redness) < 1.7


def test_mouths_move_less_or_more_than_the_template_but_meeting_lips_do_not() -> None:
    """Sides alike, nothing from nothing, and brows as they are."""
    names = load_template().expression_names
    full = np.ones(52, np.float32)
    drawn = np.array([people.as_moved(np.random.default_rng(s), names, full) for s in range(60)])
    jaw, left, right = (drawn[:, names.index(n)] for n in ("jawOpen", "mouthSmileLeft", "mouthSmileRight"))
    assert jaw.min() < 0.9 and jaw.max() > 1.2 and np.sum(jaw == 1) > 15
    assert np.array_equal(left, right)
    assert np.all(drawn[:, [names.index(n) for n in ("mouthPressLeft", "mouthRollLower", "browDownLeft")]] == 1)
    assert drawn[:, names.index("mouthClose")] == pytest.approx(jaw)  # what closes the lips undoes the jaw's opening
    assert not people.as_moved(np.random.default_rng(0), names, np.zeros(52, np.float32)).any()


def test_painted_lips_fade_over_their_edge() -> None:
    """All or nothing at each vertex made lips with jagged edges, in nearly every picture."""
    square = np.array([(-1.0, -1), (1, -1), (1, 1), (-1, 1)])
    x = np.array([0.0, 0.79, 0.95, 1.0, 1.05, 1.21, 3.0])
    share = within(np.stack([x, np.zeros_like(x)], axis=1), square, 0.2)
    np.testing.assert_allclose(share[[0, 1, 3, 5, 6]], [1, 1, 0.5, 0, 0], atol=1e-6)
    assert np.all(np.diff(share) <= 0) and share[2] == pytest.approx(1 - share[4])
