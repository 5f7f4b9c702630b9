"""People who are as unlike the average as they are."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.reconstruct.likeness import MOST, as_unlike, embedded_likeness
from faceanything_addon.reconstruct.neutral import at_rest
from faceanything_addon.take import Actor
from faceanything_addon.template import Template
from faceanything_addon.template.shape import neutral_shape


def actor_of(template: Template, identity: np.ndarray, lift: float = 0.0) -> Actor:
    neutral = neutral_shape(template, identity) + lift
    return Actor(neutral.astype(np.float32), identity.astype(np.float32), 900.0, np.full(52, 0.1, np.float32))


def some_identity(template: Template) -> np.ndarray:
    return np.random.default_rng(4).normal(size=len(template.identity)).clip(-2, 2)


def test_the_neutral_face_goes_with_the_identity(template: Template) -> None:
    """How the lids rest and the focal length stay as they were fitted; lips touch, lids lie on the eyeballs."""
    seen, modes = some_identity(template), len(template.identity)
    actor = as_unlike(actor_of(template, seen, 0.001), template, 1.25 * np.eye(modes))
    expected = actor_of(template, 1.25 * seen, 0.001)
    np.testing.assert_allclose(actor.identity, expected.identity, rtol=1e-5)
    np.testing.assert_allclose(actor.neutral, at_rest(expected.neutral, template), atol=1e-6)
    assert actor.focal == 900 and actor.rest[0] == np.float32(0.1)


def test_nobody_becomes_a_caricature(template: Template) -> None:
    modes = len(template.identity)
    actor = as_unlike(actor_of(template, some_identity(template)), template, 9 * np.eye(modes))
    assert np.abs(actor.identity).max() == MOST


def test_the_average_face_stays_what_it_is(template: Template) -> None:
    mean = actor_of(template, np.zeros(len(template.identity)))
    told = as_unlike(mean, template, embedded_likeness(len(template.identity)))
    assert np.array_equal(told.neutral, at_rest(mean.neutral, template))


def test_what_ships_makes_faces_less_alike(template: Template) -> None:
    """The rule fits the template, and the strongest modes grow, none of them beyond all measure."""
    rule = embedded_likeness(len(template.identity))
    assert rule.shape == (len(template.identity),) * 2 and np.isfinite(rule).all()
    growth = np.diag(rule)[:8]
    assert growth.min() > 1 and growth.max() < 2
