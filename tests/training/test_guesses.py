"""What is learned of how far the network's guesses are off."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.reconstruct.guesses import CERTAIN
from training.guesses import learned, spread


def test_the_error_of_nothing_and_its_growth_are_found() -> None:
    rng = np.random.default_rng(0)
    guess = rng.uniform(0, 1, 20000) * (rng.random(20000) < 0.5)
    truth = guess + np.hypot(0.04, 0.6 * guess) * rng.normal(size=guess.shape)
    base, growth = spread(guess, truth)
    assert base == pytest.approx(0.04, rel=0.1) and growth == pytest.approx(0.6, rel=0.1)


def test_guesses_that_are_right_are_not_taken_for_perfect() -> None:
    guess = np.linspace(0, 1, 50)
    assert spread(guess, guess) == (CERTAIN, 0.0)


def test_both_sides_teach_one_rule() -> None:
    guess = np.zeros((4, 3))
    truth = np.tile([0.1, 0.3, 0.0], (4, 1))
    table = learned(guess, truth, ("browDownLeft", "browDownRight", "jawOpen"))
    assert table == {"browDown": [pytest.approx(np.sqrt(0.05), abs=1e-3), 0.0], "jawOpen": [CERTAIN, 0.0]}
