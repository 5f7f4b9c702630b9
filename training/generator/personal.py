"""Mouths that move as this person's do: no two people pucker, smile or talk in the very same shape."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template import Part, Template

LIPS = slice(48, 68)  # of the 68 landmarks
CHANCE = 0.6
PLACES = 6  # at which a mouth goes farther or less far than the template's
REACH = 0.009, 0.028  # metres, standard deviation of a place's reach
SCATTER = 0.008  # metres, of places around the lips
STRENGTH = 0.3  # of a place, along each axis
LEAST, MOST = 0.4, 1.7
JAW = ("jawOpen", "jawLeft", "jawRight", "jawForward", "mouthClose")  # as bones go, and what follows them
HELD = (Part.TEETH, Part.TONGUE, Part.EYE_LEFT, Part.EYE_RIGHT)


def own_movement(rng: np.random.Generator, template: Template, moved: np.ndarray, how: np.ndarray) -> np.ndarray:
    """(V, 3) a movement from rest (V, 3), more or less of it here and there around the mouth, each axis by itself.

    What lies close together at rest goes alike, so that lips that meet go on meeting; left and right go alike too.
    The jaw's own movement stays as it is.

    Args:
        how: (52,) coefficients that make the movement.
    """
    if rng.random() > CHANCE:
        return moved
    jaw = [template.expression_names.index(name) for name in JAW]
    held = np.tensordot(how[jaw], template.expressions[jaw], axes=1)
    return moved + bounded(movement_field(rng, template), template) * (moved - held)


def bounded(field: np.ndarray, template: Template) -> np.ndarray:
    """(V, 3) a field within what people differ by; 0 where everybody moves alike."""
    out = field.clip(LEAST - 1, MOST - 1)
    out[np.isin(template.part, HELD)] = 0
    return out


def movement_field(rng: np.random.Generator, template: Template) -> np.ndarray:
    """(V, 3) smooth, even field around the mouth, on the neutral template."""
    lips = template.landmarks(template.vertices)[LIPS]
    places = lips[rng.integers(len(lips), size=PLACES)] + SCATTER * rng.normal(size=(PLACES, 3))
    return field_about(rng, template, places)


def field_about(rng: np.random.Generator, template: Template, places: np.ndarray) -> np.ndarray:
    """(V, 3) smooth, even field about some places (N, 3) of the neutral template."""
    field = np.zeros_like(template.vertices)
    for place in places:
        reach, strength = np.exp(rng.uniform(*np.log(REACH))), STRENGTH * rng.normal(size=3)
        nearest = np.minimum(
            ((template.vertices - place) ** 2).sum(-1), ((template.vertices - place * (-1, 1, 1)) ** 2).sum(-1)
        )
        field += np.exp(-nearest / (2 * reach**2))[:, None] * strength
    return field.astype(np.float32)
