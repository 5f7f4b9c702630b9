"""How far a network's own guesses are off, and what the fit makes of that."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.reconstruct.frames import fit_motion
from faceanything_addon.reconstruct.guesses import CERTAIN, UNKNOWN, Guesses, alike, embedded_guesses
from faceanything_addon.reconstruct.track import Prior, two_sided
from faceanything_addon.template import Template
from faceanything_addon.template.names import arkit_names

from .performance import Fitted, fit_maps, talking
from .simulate import Noise, Simulator

NAMES = arkit_names()
JAW = NAMES.index("jawOpen")


def test_a_guess_of_a_large_movement_is_less_certain_than_one_of_none() -> None:
    guesses = Guesses(np.array([0.03, 0.1]), np.array([0.4, 0.0]))
    assert guesses.sigma(np.array([[0.0, 0.9], [0.1, np.nan]])) == pytest.approx(np.array([[0.03, 0.1], [0.05, 0.1]]))


def test_what_ships_knows_both_sides_alike_and_that_a_shut_jaw_is_seen() -> None:
    guesses = embedded_guesses(NAMES)
    left, right = two_sided(NAMES).T
    assert guesses.base.shape == guesses.growth.shape == (52,)
    assert np.array_equal(guesses.sigma(np.full(52, 0.5))[left], guesses.sigma(np.full(52, 0.5))[right])
    assert (guesses.base >= CERTAIN).all() and (guesses.growth >= 0).all()
    assert guesses.base[JAW] < UNKNOWN / 3


@pytest.fixture(scope="module")
def shut(template: Template) -> Fitted:
    """A jaw that is shut, in pictures whose points tell it open a little; the network's own guess says shut."""
    truth = replace(talking(template, 12), arkit=np.zeros((12, 52)))
    opened = replace(truth, arkit=np.where(np.arange(52) == JAW, 0.06, truth.arkit))
    simulator = Simulator(opened, Noise())

    def maps(number: int) -> FaceMaps:
        return replace(simulator.maps(number), arkit=truth.arkit[number].astype(np.float32))

    return fit_maps(truth, map(maps, range(12)))


def jaw(fitted: Fitted, guesses: Guesses | None) -> float:
    """Mean jawOpen of all frames."""
    size = (fitted.truth.width, fitted.truth.height)
    motion = fit_motion(iter([fitted.evidence]), fitted.actor, fitted.template, *size, 12, guesses)
    return float(motion.coefficients[:, JAW].mean())


def test_a_guess_that_is_known_to_be_good_keeps_a_jaw_shut_that_points_tell_open(shut: Fitted) -> None:
    good = Guesses(np.where(np.arange(52) == JAW, 0.015, UNKNOWN), np.zeros(52))
    assert jaw(shut, good) < 0.5 * jaw(shut, None)


def test_a_guess_that_is_quite_wrong_is_doubted() -> None:
    """A rare large movement of which the guess tells nothing must not be held back by it for ever."""
    guess, off = np.zeros(52), np.full(52, 0.02)
    prior = Prior(guess, off)
    near, far = prior.precision.copy(), np.full(52, 0.6)
    prior.doubt(far)
    assert (prior.precision < 0.02 * near).all()
    prior.doubt(guess + 0.01)
    assert (prior.precision > 0.9 * near).all()


def test_what_the_eyeballs_say_is_not_doubted() -> None:
    prior = Prior(np.zeros(52), np.full(52, 0.02))
    prior.expect(np.array([JAW]), np.array([0.3]), 0.1)
    prior.doubt(np.ones(52))
    assert (prior.mean[JAW], prior.precision[JAW]) == (0.3, pytest.approx(100))


def test_of_a_network_that_is_not_known_all_guesses_are_worth_the_same(shut: Fitted) -> None:
    assert jaw(shut, None) == jaw(shut, alike(52)) > 0.02


def test_a_network_without_guesses_fits_as_if_it_were_not_known(shut: Fitted) -> None:
    silent = replace(shut, evidence=shut.evidence | {"arkit": np.full((12, 52), np.nan, np.float32)})
    assert jaw(silent, embedded_guesses(NAMES)) == jaw(silent, None)
