"""People who act for the rules of driving: some in shapes of their own."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.template import Part, load_template
from training.acted import in_own_shapes

LIDS_AND_JAW = ("eye", "jaw", "mouthClose")


def test_everybodys_shapes_are_the_templates_farther_or_less_far_from_place_to_place() -> None:
    template = load_template()
    own = in_own_shapes(template, np.random.default_rng(1))
    moving = np.abs(template.expressions) > 1e-4
    share = own.expressions[moving] / template.expressions[moving]
    assert 0.39 < share.min() < 0.8 and 1.2 < share.max() < 1.71
    other = in_own_shapes(template, np.random.default_rng(2))
    assert np.abs(own.expressions - other.expressions).max() > 0.001


def test_lids_jaw_and_teeth_go_as_everybodys_do() -> None:
    template = load_template()
    own = in_own_shapes(template, np.random.default_rng(1))
    same = [name.startswith(LIDS_AND_JAW) for name in template.expression_names]
    assert np.array_equal(own.expressions[same], template.expressions[same])
    teeth = template.part == Part.TEETH
    assert np.array_equal(own.expressions[:, teeth], template.expressions[:, teeth])
    assert np.array_equal(own.vertices, template.vertices)
