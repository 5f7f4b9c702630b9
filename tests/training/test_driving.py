"""How the networks show motions: what one gives to another, and how much smaller than they are."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.reconstruct.driving import unmixed
from faceanything_addon.template.names import arkit_names
from training.acted import act, parted
from training.driving import amplitudes, crosstalk, fitted, judged, swapped
from training.generator.assets import load_assets

NAMES = arkit_names()

needs_heads = pytest.mark.skipif("FACE_DATA" not in os.environ, reason="FACE_DATA names no folder of head models")


def test_a_curve_seen_at_half_its_size_asks_for_twice_the_amplitude() -> None:
    truth = np.zeros((40, 2))
    truth[:, 0] = np.linspace(0, 0.5, 40)
    table = amplitudes([(truth / 2, truth)] * 12, ("browInnerUp", "jawOpen"))
    assert table == {"browInnerUp": pytest.approx(2.0, abs=0.5)}


def test_a_face_that_is_seen_raised_all_the_time_does_not_hide_that_its_movements_are_seen_small() -> None:
    truth, raised = np.zeros((40, 1)), np.zeros((40, 1))
    truth[:, 0] = np.linspace(0, 0.4, 40)
    raised[:, 0] = 0.25 + truth[:, 0] / 2.5
    plain = amplitudes([(truth / 2.5, truth)] * 12, ("browInnerUp",))["browInnerUp"]
    mixed = amplitudes([(truth / 2.5, truth)] * 6 + [(raised, truth)] * 6, ("browInnerUp",))["browInnerUp"]
    assert mixed > 0.9 * plain > 1.8


def mixed_up(people: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Smiles of the left side of which a third is seen as a sneer; fitted and true, (12, 52) each, of each person."""
    chance = np.random.default_rng(2)
    smile, sneer = NAMES.index("mouthSmileLeft"), NAMES.index("noseSneerLeft")
    pairs = []
    for _ in range(people):
        truth = np.zeros((12, 52))
        truth[:, [smile, sneer]] = chance.uniform(0, 0.5, (12, 2)) * (chance.random((12, 2)) < 0.6)
        fit = truth.copy()
        fit[:, sneer] += truth[:, smile] / 3
        pairs.append((fit, truth))
    return pairs


def test_what_is_seen_of_a_smile_in_a_sneer_is_taken_back_on_both_sides() -> None:
    rule = crosstalk(mixed_up(300), NAMES)
    for side in ("Left", "Right"):
        smile, sneer = NAMES.index(f"mouthSmile{side}"), NAMES.index(f"noseSneer{side}")
        assert rule[smile, sneer] == pytest.approx(-1 / 3, abs=0.06)
        alone = np.zeros(52)
        alone[[smile, sneer]] = 0.6, 0.2
        assert unmixed(alone, rule)[sneer] < 0.05
    assert not rule[:, NAMES.index("eyeBlinkLeft")].any()


def test_the_rule_is_judged_by_people_who_did_not_teach_it() -> None:
    before, after = judged(mixed_up(30), NAMES).splitlines()
    errors = [float(line.split("RMS ")[1].split(",")[0]) for line in (before, after)]
    assert before.startswith("as fitted") and errors[1] < 0.5 * errors[0]


def test_sides_are_swapped_and_what_has_none_stays() -> None:
    other = swapped(NAMES)
    assert NAMES[other[NAMES.index("mouthLeft")]] == "mouthRight" and other[NAMES.index("jawOpen")] == NAMES.index(
        "jawOpen"
    )
    assert [other[k] for k in other] == list(range(52))


@needs_heads
def test_a_person_who_acts_is_seen_and_fitted() -> None:
    evidence, truth = parted(act(load_assets(), 5100))
    coefficients = fitted(evidence)
    assert evidence["found"].mean() > 0.8 and coefficients.std() > 0.02
    assert coefficients.shape == truth["arkit"][evidence["found"].astype(bool)].shape
