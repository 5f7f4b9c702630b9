"""How far a network's own guesses of the coefficients are off: what the fit may take from them, for each movement."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..template.packaged import DATA, packaged_json
from .driving import stem_of

FILE = DATA / "guess.json"
UNKNOWN = 0.2  # standard deviation where nothing is known of a network
CERTAIN = 0.01  # no guess is better than this


@dataclass(frozen=True)
class Guesses:
    """A guess of nothing at all is seldom wrong, a guess of a large movement may be."""

    base: np.ndarray  # (52,) standard deviation of a guess of 0
    growth: np.ndarray  # (52,) that of larger ones, as a share of them

    def sigma(self, guess: np.ndarray) -> np.ndarray:
        """(..., 52) guesses, NaN where there is none -> their standard deviations."""
        return np.hypot(self.base, self.growth * np.nan_to_num(guess))


def alike(count: int) -> Guesses:
    """Of a network of which nothing is known."""
    return Guesses(np.full(count, UNKNOWN), np.zeros(count))


@cache
def embedded_guesses(names: tuple[str, ...]) -> Guesses:
    """How far the embedded network's guesses are off: data/guess.json, base and growth of each movement."""
    table = packaged_json(FILE)
    return Guesses(*np.array([table.get(stem_of(name), (UNKNOWN, 0.0)) for name in names]).T)
