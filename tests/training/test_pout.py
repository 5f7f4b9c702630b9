"""Lips of the generator's people that grow full in a pout."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.template import Part, load_template
from training.generator.pout import full_lips, pouting


def coefficients(**values: float) -> np.ndarray:
    """(52,)"""
    how = np.zeros(52, np.float32)
    for name, value in values.items():
        how[load_template().expression_names.index(name)] = value
    return how


def pouts(how: np.ndarray, people: int = 20) -> np.ndarray:
    """(N,) metres, the most that lips of several people grow by."""
    grown = [pouting(np.random.default_rng(k), load_template(), how) for k in range(people)]
    return np.linalg.norm(grown, axis=-1).max(axis=1)


def test_lips_grow_away_from_each_other_at_their_borders_and_stay_where_they_meet() -> None:
    t = load_template()
    for field, rim, border, corner, way in zip(full_lips(t), (62, 66), (51, 57), (48, 54), (1, -1), strict=True):
        at = {
            k: np.linalg.norm(t.vertices - t.landmarks(t.vertices)[k], axis=1).argmin() for k in (rim, border, corner)
        }
        assert way * field[at[border], 1] > 0.0025 and field[at[border], 2] > 0
        assert np.abs(field[[at[rim], at[corner]]]).max() < 0.0006


def test_only_skin_of_the_mouth_goes_along() -> None:
    t = load_template()
    moved = np.linalg.norm(full_lips(t), axis=-1).max(axis=0) > 1e-4
    assert (t.part[moved] == Part.SKIN).all()
    away = np.linalg.norm(t.vertices[moved] - t.landmarks(t.vertices)[48:68].mean(axis=0), axis=1)
    assert away.max() < 0.04


def test_half_of_the_people_pout_as_far_as_they_push_their_lips_and_none_otherwise() -> None:
    whole, half = pouts(coefficients(mouthPucker=1.0)), pouts(coefficients(mouthPucker=0.5))
    assert 5 <= (whole > 0).sum() <= 15 and 0.004 < whole.max() < 0.008
    assert half == pytest.approx(whole / 2)
    assert pouts(coefficients(jawOpen=1.0, mouthSmileLeft=1.0)).max() == 0
