# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceanything_addon.reconstruct.neutral import at_rest
from faceanything_addon.reconstruct.rest import MOST_OF_FEW, beyond_rest, lids_at_rest
from faceanything_addon.template import Template, load_template
from faceanything_addon.template.shape import expression_offset, own_shapes

from .performance import BLINKS, Fitted, fit_performance, talking
from .simulate import FINE

REST = 0.55
LIDS = ("eyeBlinkLeft", "eyeBlinkRight")


def columns(template: Template) -> list[int]:
    return [template.expression_names.index(name) for name in LIDS]


@pytest.fixture(scope="module")
def sleepy() -> Fitted:
    """An actor whose lids, at rest, hang more than half shut."""
    truth = talking(load_template())
    arkit = truth.arkit.copy()
    for column in columns(truth.template):
        arkit[:, column] = REST + (1 - REST) * arkit[:, column]
    return fit_performance(replace(truth, arkit=arkit), spacing=FINE)


def test_what_the_lids_never_give_up_is_rest_and_a_blink_is_not() -> None:
    template = load_template()
    expressions = np.zeros((40, 52))
    expressions[:, columns(template)] = 0.6
    expressions[10:14, columns(template)] = 1.0
    expressions[:, template.expression_names.index("jawOpen")] = 0.5
    rest = lids_at_rest(expressions, template)
    np.testing.assert_allclose(rest[columns(template)], 0.57, atol=1e-6)
    assert rest.sum() == pytest.approx(2 * 0.57, abs=1e-5)


def test_a_single_picture_of_shut_eyes_is_still_mostly_a_blink() -> None:
    template = load_template()
    rest = lids_at_rest(np.full((1, 52), 0.95), template)
    assert rest[columns(template)] == pytest.approx(MOST_OF_FEW)


def test_eyes_shut_through_most_of_a_clip_are_not_how_they_rest() -> None:
    template = load_template()
    expressions = np.zeros((24, 52))
    expressions[:19, columns(template)] = 1.0
    assert lids_at_rest(expressions, template)[columns(template)] == pytest.approx(0)
    expressions[:, columns(template)] = 0.95
    assert lids_at_rest(expressions, template)[columns(template)] == pytest.approx(MOST_OF_FEW)


def test_a_shape_in_the_actors_own_scale_is_where_the_mean_faces_shape_was() -> None:
    template = load_template()
    rest = np.zeros(52, np.float32)
    rest[columns(template)] = REST
    general = np.linspace(0.6, 1, 52)
    own = beyond_rest(general, rest)
    neutral = template.vertices + expression_offset(template, rest)
    moved = expression_offset(own_shapes(template, rest, neutral), own) + expression_offset(template, rest)
    # The template's own blink leaves a tenth of a millimetre of the eyes open, an actor's own nothing.
    np.testing.assert_allclose(moved, expression_offset(template, general), atol=2e-4)
    assert own[columns(template)[0]] == pytest.approx((general[columns(template)[0]] - REST) / (1 - REST))


def test_open_eyes_of_a_narrow_eyed_actor_do_not_read_as_half_a_blink(sleepy: Fitted) -> None:
    for column in columns(sleepy.template):
        blink = sleepy.frames.arkit[:, column]
        assert np.median(blink) < 0.15
        for first in BLINKS:
            assert blink[first : first + 5].max() > 0.9


def test_the_neutral_of_a_narrow_eyed_actor_has_narrow_eyes(sleepy: Fitted) -> None:
    template, truth = sleepy.template, sleepy.truth
    rested = np.zeros(52)
    rested[columns(template)] = REST
    wanted = template.landmarks(at_rest(truth.neutral + expression_offset(template, rested), template))
    found = template.landmarks(sleepy.actor.neutral)
    for upper, lower in ((37, 41), (38, 40), (43, 47), (44, 46)):
        gap = np.linalg.norm(wanted[upper] - wanted[lower])
        assert np.linalg.norm(found[upper] - found[lower]) == pytest.approx(gap, abs=0.0015)
