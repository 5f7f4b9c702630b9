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


@needs_heads
def test_a_person_who_acts_is_seen_and_fitted() -> None:
    evidence = act(load_assets(), 5000)
    share = evidence["found"].mean()
    coefficients, truth = fitted(evidence)
    assert share > 0.8 and coefficients.shape == truth.shape and coefficients.std() > 0.02
