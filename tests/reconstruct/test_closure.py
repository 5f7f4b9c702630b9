"""Lids that are nearly shut are shut, whatever the shape of somebody's eyes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from faceanything_addon.reconstruct.closure import close_openings, lids_meeting
from faceanything_addon.template import Template
from faceanything_addon.template.shape import LIDS, expression_offset, lid_opening, own_shapes

EYES = {"wide": -0.25, "as the mean face's": 0.0, "narrow": 0.35, "hardly open": 0.7}  # share of a blink that is theirs
NONE = np.zeros(0, np.float32)


def coefficients(template: Template, **values: float) -> np.ndarray:
    """(1, 52)"""
    return np.array(
        [[values.get(name.removesuffix("Left").removesuffix("Right"), 0.0) for name in template.expression_names]]
    )


@pytest.fixture(params=EYES, ids=lambda name: name)
def neutral(request: pytest.FixtureRequest, template: Template) -> np.ndarray:
    """(V, 3) a face with such eyes."""
    return template.vertices + expression_offset(template, coefficients(template, eyeBlink=EYES[request.param])[0])


def gap(template: Template, neutral: np.ndarray, shapes: np.ndarray) -> float:
    """Metres by which the lids are apart, or overlap, with an actor's own shapes: the worse of the two eyes."""
    face = neutral + expression_offset(own_shapes(template, NONE, neutral), shapes[0])
    return max((float(lid_opening(template, face, side)) for side in LIDS), key=abs)


def closed(template: Template, neutral: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    return close_openings(shapes, own_shapes(template, NONE, neutral), neutral)


def test_a_blink_of_1_shuts_these_very_eyes(template: Template, neutral: np.ndarray) -> None:
    assert abs(gap(template, neutral, coefficients(template, eyeBlink=1.0))) < 1e-5


def test_nearly_shut_lids_are_shut(template: Template, neutral: np.ndarray) -> None:
    out = closed(template, neutral, coefficients(template, eyeBlink=0.9))
    assert out == pytest.approx(coefficients(template, eyeBlink=1.0), abs=1e-5)


def test_lids_that_a_look_down_and_half_a_blink_shut_are_shut(template: Template) -> None:
    seen = coefficients(template, eyeBlink=0.75, eyeLookDown=0.4)
    out = closed(template, template.vertices, seen)
    blinks = [template.expression_names.index(f"eyeBlink{side}") for side in LIDS]
    assert out[0, blinks] == pytest.approx(1, abs=0.02)
    meeting = lids_meeting(out, own_shapes(template, NONE, template.vertices), template.vertices)
    assert gap(template, template.vertices, out) < -5e-4  # a character gets the whole blink, here lids would overlap
    assert abs(gap(template, template.vertices, meeting)) < 1e-5


@pytest.mark.parametrize("blink", [0.0, 0.3, 0.6])
def test_half_shut_eyes_stay_half_shut(template: Template, neutral: np.ndarray, blink: float) -> None:
    seen = coefficients(template, eyeBlink=blink)
    own = own_shapes(template, NONE, neutral)
    assert closed(template, neutral, seen) == pytest.approx(seen, abs=1e-5)
    assert lids_meeting(seen, own, neutral) == pytest.approx(seen, abs=1e-5)
