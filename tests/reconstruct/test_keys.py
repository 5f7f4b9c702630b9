"""Shape keys of an actor's own expressions."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from support.lids import depth_in_ball, depth_of_spans

from faceanything_addon.reconstruct.keys import key_shapes
from faceanything_addon.take.take import Actor
from faceanything_addon.template import Template
from faceanything_addon.template.shape import neutral_shape, own_shapes


def somebody(template: Template, seed: int) -> Actor:
    identity = np.random.default_rng(seed).normal(size=60).clip(-2, 2).astype(np.float32)
    rest = np.zeros(len(template.expressions), np.float32)
    rest[[template.expression_names.index(name) for name in ("mouthSmileLeft", "eyeBlinkRight")]] = 0.4, 0.2
    neutral = neutral_shape(template, identity) + np.tensordot(rest, template.expressions, axes=1)
    return Actor(neutral.astype(np.float32), identity, 700.0, rest)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lids_of_a_blink_lie_outside_the_eyeball(template: Template, seed: int) -> None:
    """The plain sum of neutral face and blink goes through the ball."""
    actor = somebody(template, seed)
    neutral, offsets = key_shapes(template, actor)
    blink = [template.expression_names.index(f"eyeBlink{side}") for side in ("Left", "Right")]
    plain = actor.neutral + own_shapes(template, actor.rest, actor.neutral).expressions[blink].sum(axis=0)
    shut = neutral + offsets[blink].sum(axis=0)
    for eye in (0, 1):
        assert depth_of_spans(plain, template, eye, neutral) > 4e-4
        assert depth_in_ball(shut, template, eye, neutral) < 2e-4
        assert depth_of_spans(shut, template, eye, neutral) < 2e-4


def test_what_does_not_reach_the_eyes_stays_what_it_is(template: Template) -> None:
    actor = somebody(template, 4)
    neutral, offsets = key_shapes(template, actor)
    own = own_shapes(template, actor.rest, actor.neutral)
    away = np.linalg.norm(template.vertices[:, None] - template.eye_centers, axis=2).min(axis=1) > 0.03
    np.testing.assert_allclose(neutral[away], actor.neutral[away], atol=1e-7)
    np.testing.assert_allclose(offsets[:, away], own.expressions[:, away], atol=1e-7)
    jaw = template.expression_names.index("jawOpen")
    np.testing.assert_allclose(offsets[jaw], own.expressions[jaw], atol=1e-4)
