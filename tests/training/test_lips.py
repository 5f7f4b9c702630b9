"""Lower lips that turn outwards in the generator's pictures."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.template import load_template
from training.generator.lips import BAND, inner_side, tilt_up, turning


def lips_of(vertices: np.ndarray) -> np.ndarray:
    """(V,) 1 within the lips' outline, as wide as the mouth is."""
    marks = load_template().landmarks(vertices)[48:60]
    low, high = marks.min(axis=0) - 0.001, marks.max(axis=0) + 0.001
    return ((vertices > low) & (vertices < high))[:, :2].all(axis=1).astype(np.float32)


def test_only_the_lower_lip_turns_most_at_its_inner_edge() -> None:
    t = load_template()
    marks = t.landmarks(t.vertices)
    weight = inner_side(t, t.vertices, lips_of(t.vertices), BAND[1])
    edge, border, upper = (weight[np.linalg.norm(t.vertices - marks[k], axis=1).argmin()] for k in (66, 57, 51))
    assert edge > 0.8 and edge > border and upper == 0
    assert weight[np.linalg.norm(t.vertices - marks[8], axis=1).argmin()] == 0


def test_a_narrow_band_is_within_a_wide_one() -> None:
    t = load_template()
    narrow, wide = (inner_side(t, t.vertices, lips_of(t.vertices), reach) for reach in BAND)
    assert np.all(narrow <= wide) and narrow.sum() < 0.7 * wide.sum()


@pytest.mark.parametrize("name", ["mouthPucker", "mouthFunnel", "mouthShrugLower"])
def test_lips_turn_farther_in_a_pout_and_as_far_as_the_person_has_them(name: str) -> None:
    t = load_template()
    rest, pout = np.zeros(52), np.zeros(52)
    pout[t.expression_names.index(name)] = 1
    assert 0 < turning(t, rest, 0.8) < turning(t, pout, 0.8) == pytest.approx(0.8)
    assert turning(t, pout, 0.0) == 0


def test_normals_tilt_up_where_there_is_weight_and_stay_unit_vectors() -> None:
    normal = np.array([[0.0, 0, 1], [0, 0, 1], [1, 0, 0]])
    tilted = tilt_up(normal, np.array([0.0, 1, 0.5]))
    np.testing.assert_allclose(np.linalg.norm(tilted, axis=1), 1)
    np.testing.assert_allclose(tilted[0], normal[0])
    assert tilted[1, 1] > 0.8 and 0 < tilted[2, 1] < tilted[1, 1]
