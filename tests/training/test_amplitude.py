"""How much smaller than they are the network shows motions."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os

import numpy as np
import pytest

pytest.importorskip("numba")

from training.amplitude import act, amplitudes, fitted
from training.generator.assets import load_assets

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


@needs_heads
def test_a_person_who_acts_is_seen_and_fitted() -> None:
    evidence = act(load_assets(), 5000)
    share = evidence["found"].mean()
    coefficients, truth = fitted(evidence)
    assert share > 0.8 and coefficients.shape == truth.shape and coefficients.std() > 0.02
