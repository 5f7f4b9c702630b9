"""Materials: what colour a place of a surface has, in linear RGB, before any light falls on it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .grain import noise_at
from .kernel import inner

SKIN, EYE, CARD, PLAIN, WET = 0, 1, 2, 3, 4
LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)


class Paints(NamedTuple):
    """What colours are looked up in."""

    skin: np.ndarray  # (h, w, 3) u1
    gain: np.ndarray  # (3,) f4 of the skin
    linear: np.ndarray  # (256,) f4 of the skin's values
    noise: np.ndarray  # from `make_noise`
    grain: np.ndarray  # (4,) strength and cells per metre of the colour's, then of the relief's
    eye: np.ndarray  # (12,) see `eye_colour`
    cards: np.ndarray  # (L, h, w, 4) u1


@inner
def clamp(value, low, high):
    return min(max(value, low), high)


@inner
def eye_colour(local, paints):
    """Iris, pupil and sclera by the angle from the eye's axis.

    Args:
        local: direction from the ball's centre in the ball's own frame.
        paints: their eye is iris radius (tangent), pupil share, inner RGB, outer RGB, sclera RGB, redness.
    """
    r = np.sqrt(local[0] ** 2 + local[1] ** 2) / max(abs(local[2]), 1e-6)
    if local[2] < 0:
        r = 10.0
    return iris_colour(local, r, paints) if r < paints.eye[0] else sclera_colour(local, r, paints)


@inner
def iris_colour(local, r, paints):
    """Streaks from the pupil to a darker ring, at tangent r from the axis."""
    eye = paints.eye
    t, pupil = r / eye[0], eye[0] * eye[1]
    angle = np.arctan2(local[1], local[0])
    streak = 1 + 0.25 * noise_at(paints.noise, 0, (angle + 4) * 14.0, t * 6.0, 0.0)
    edge = clamp((r - pupil) / (0.06 * eye[0]), 0.0, 1.0)
    lit = streak * (1.0 - 0.65 * clamp((t - 0.80) / 0.2, 0.0, 1.0))
    s = clamp((t - eye[1]) / (1 - eye[1]), 0.0, 1.0)
    c0, c1, c2 = eye[2] * (1 - s) + eye[5] * s, eye[3] * (1 - s) + eye[6] * s, eye[4] * (1 - s) + eye[7] * s
    dark = 0.008 * (1 - edge)
    return dark + max(c0 * lit, 0.004) * edge, dark + max(c1 * lit, 0.004) * edge, dark + max(c2 * lit, 0.004) * edge


@inner
def sclera_colour(local, r, paints):
    """White, redder away from the iris, in whose edge it goes over."""
    eye = paints.eye
    soft = min((r - eye[0]) / (0.1 * eye[0]), 1.0)
    blotches = noise_at(paints.noise, 1, local[0] * 4000, local[1] * 4000, 0.0)
    red = eye[11] * clamp(r - eye[0], 0.0, 1.0) * (1 + 0.5 * blotches)
    whole = soft + 0.35 * (1 - soft)
    return eye[8] * whole, eye[9] * (1 - red) * whole, eye[10] * (1 - red) * whole


@inner
def skin_colour(colour, u, v, mottle, paints):
    """A tint times the skin map, more or less of it by the noise (`mottle`)."""
    height, width = paints.skin.shape[:2]
    x, y = clamp(int(u * width), 0, width - 1), clamp(int((1 - v) * height), 0, height - 1)
    skin, linear, gain = paints.skin, paints.linear, paints.gain
    more = 1 + paints.grain[0] * mottle
    return (
        colour[0] * linear[skin[y, x, 0]] * gain[0] * more,
        colour[1] * linear[skin[y, x, 1]] * gain[1] * more,
        colour[2] * linear[skin[y, x, 2]] * gain[2] * more,
    )


@inner
def card_colour(colour, u, v, card, paints):
    """A tint times the card's texture; a card without one (-1) has strands."""
    if card >= 0:
        height, width = paints.cards.shape[1:3]
        x, y = int(np.floor(u * width)) % width, int(np.floor((1 - v) * height)) % height
        f = paints.cards[card, y, x, 0] / 128.0
    else:
        f = 1 + 0.35 * noise_at(paints.noise, 0, u * 300, v * 40, 0.0)
    return colour[0] * f, colour[1] * f, colour[2] * f


@inner
def painted(colour, over, strength, mottle):
    """A colour with another over it, in patches where it is neither whole nor absent."""
    f = clamp(strength * (1 + 0.8 * mottle * (1 - strength)), 0.0, 1.0)
    return (
        colour[0] * (1 - f) + over[0] * f,
        colour[1] * (1 - f) + over[1] * f,
        colour[2] * (1 - f) + over[2] * f,
    )
