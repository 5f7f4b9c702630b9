"""How far the embedded network's guesses of coefficients are off: writes faceanything_addon/data/guess.json.

A squared error is taken to be base**2 + (growth * guess)**2, for each movement, both sides alike. To be done again when
a network has changed, before `training.driving`, with the same folder:

python -m training.guesses --face-data PATH --work FOLDER --people 320
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import numpy as np

from faceanything_addon.reconstruct.driving import stem_of
from faceanything_addon.reconstruct.guesses import CERTAIN, FILE
from faceanything_addon.template import load_template

from .acted import arguments, seen

SMALL = 0.03  # guesses below that are all as certain: else those of nothing would settle the rule alone


def spread(guess: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Base and growth of one movement's error, from (N,) each: least squares, each error by the guess's size."""
    size = SMALL + np.abs(guess)
    terms = np.stack([np.ones(len(guess)), guess**2], axis=1)
    (base, growth), *_ = np.linalg.lstsq(terms / size[:, None] ** 2, ((truth - guess) / size) ** 2, rcond=None)
    return max(float(np.sqrt(max(base, 0))), CERTAIN), float(np.sqrt(max(growth, 0)))


def learned(guess: np.ndarray, truth: np.ndarray, names: tuple[str, ...]) -> dict[str, list[float]]:
    """(N, 52) each -> base and growth of each movement."""
    columns: dict[str, list[int]] = {}
    for k, name in enumerate(names):
        columns.setdefault(stem_of(name), []).append(k)
    pairs = {stem: spread(guess[:, own].ravel(), truth[:, own].ravel()) for stem, own in columns.items()}
    return {stem: [round(value, 3) for value in pair] for stem, pair in pairs.items()}


def main() -> None:
    options = arguments("guesses", __doc__)
    guesses, truths = [], []
    for evidence, truth in seen(options.face_data, options.work, options.people):
        found = evidence["found"].astype(bool)
        guesses.append(evidence["arkit"][found])
        truths.append(truth["arkit"][found])
    table = learned(np.concatenate(guesses), np.concatenate(truths), load_template().expression_names)
    FILE.write_text(json.dumps(table, indent=1) + "\n", "utf-8")
    for stem, (base, growth) in table.items():
        print(f"{stem}: {base:.3f} for none, {np.hypot(base, growth):.2f} for a full one")


if __name__ == "__main__":
    main()
