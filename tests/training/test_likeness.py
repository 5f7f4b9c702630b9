"""The rule that leads from identities as they are fitted to those that stand behind them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.template import load_template
from training.acted import act, parted
from training.generator.assets import load_assets
from training.generator.sequence import draw_stage, true_identity
from training.likeness import GROWTH, fitted, judged, learned

needs_heads = pytest.mark.skipif("FACE_DATA" not in os.environ, reason="FACE_DATA names no folder of head models")


def people(count: int, modes: int, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Identities that are seen at half their size, the second mode also where the first is; (N, K) both."""
    rng = np.random.default_rng(0)
    truths = rng.normal(size=(count, modes))
    fits = truths / 2 + noise * rng.normal(size=truths.shape)
    fits[:, 1] += 0.3 * truths[:, 0]
    return fits, truths


def test_a_rule_is_found_that_undoes_what_the_fit_does() -> None:
    fits, truths = people(5000, 4)
    rule = learned(fits, truths)
    assert np.abs(fits @ rule - truths).mean() < 0.5 * np.abs(fits - truths).mean()
    assert 1.6 < rule[0, 0] < 2.1 and rule[0, 1] < -0.6


def test_few_people_teach_little() -> None:
    fits, truths = people(3, 6)
    assert np.abs(learned(fits, truths) - GROWTH * np.eye(6)).max() < 0.15


def test_the_rule_is_judged_by_people_who_did_not_teach_it() -> None:
    """What noise tells of them is no better than the average face."""
    modes = load_template().identity[:30, ::20]
    fits, truths = people(40, 30)
    before, after = judged(fits, truths, modes)
    assert after < before
    noise = np.random.default_rng(1).normal(size=truths.shape)
    average = 1000 * np.linalg.norm(np.tensordot(truths, modes, axes=1), axis=2).mean()
    assert judged(noise, truths, modes)[1] > average


@needs_heads
def test_a_person_who_acts_is_fitted_and_known() -> None:
    assets = load_assets()
    evidence, known = parted(act(assets, 5100))
    identity, truth = fitted(evidence), known["identity"]
    modes = assets.template.identity[:, assets.face]
    off = [np.linalg.norm(np.tensordot(guess - truth, modes, axes=1), axis=1).mean() for guess in (identity, 0 * truth)]
    assert identity.shape == truth.shape and off[0] < 0.9 * off[1]
    stage = draw_stage(assets, 5100, 64, 0.4, True)
    neutral = assets.template.vertices + np.tensordot(true_identity(assets, 5100), assets.template.identity, axes=1)
    assert np.abs(stage.neutral - neutral)[assets.face].mean() < 0.001
