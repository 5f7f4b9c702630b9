"""Deferred shading: colour of every sample from triangle ids and weights, averaged to pixels."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .grain import groove, noise_at
from .kernel import inner, kernel
from .lamps import ambient, dot, lamp_light, row, unit
from .material import CARD, EYE, SKIN, card_colour, eye_colour, painted, skin_colour

FOLDED = 0.02  # steepness that is worth shading
DARKEST = 0.5  # share of light that the deepest line loses


class Surface(NamedTuple):
    """N vertices and T triangles."""

    tris: np.ndarray  # (T, 3)
    normal: np.ndarray  # (N, 3) f4 camera frame
    position: np.ndarray  # (N, 3) f4 camera frame, metres
    local: np.ndarray  # (N, 3) f4 the material's frame, metres
    tint: np.ndarray  # (N, 3) f4 linear colour
    paint: np.ndarray  # (N, 4) f4 colour and strength of what is painted over
    occlusion: np.ndarray  # (N,) f4
    fold: np.ndarray  # (T, 3, 2) f4 see `wrinkles.wrinkle`
    across: np.ndarray  # (T, 3) f4 see `wrinkles.wrinkle`; camera frame
    uv: np.ndarray  # (T, 3, 2) f4
    material: np.ndarray  # (T,)
    gloss: np.ndarray  # (T, 2) strength and power
    card: np.ndarray  # (T,) texture, -1: none


@inner
def sample_step(ids, material, i, j):
    """Which of a pixel's four samples to shade: all (1), the diagonal (3) within a material, one (4) of background."""
    a, b, c, d = ids[2 * i, 2 * j], ids[2 * i, 2 * j + 1], ids[2 * i + 1, 2 * j], ids[2 * i + 1, 2 * j + 1]
    if a < 0 and b < 0 and c < 0 and d < 0:
        return 4
    if a < 0 or b < 0 or c < 0 or d < 0:
        return 1
    m = material[a]
    return 3 if m != CARD and material[b] == m and material[c] == m and material[d] == m else 1


@inner
def blend(values, corners, w, k):
    """Column k of a per-vertex array (N, K) at a triangle's place."""
    return w[0] * values[corners[0], k] + w[1] * values[corners[1], k] + w[2] * values[corners[2], k]


@inner
def blend3(values, corners, w):
    """The first three columns of a per-vertex array (N, 3+) at a triangle's place."""
    return blend(values, corners, w, 0), blend(values, corners, w, 1), blend(values, corners, w, 2)


@inner
def across_triangle(values, t, w, k):
    """Column k of a value per corner (T, 3, K) at a place of triangle t."""
    return w[0] * values[t, 0, k] + w[1] * values[t, 1, k] + w[2] * values[t, 2, k]


@inner
def grained(n, local, paints):
    """A unit normal with the skin's pores."""
    strength, cells = paints.grain[2], paints.grain[3]
    x, y, z = local[0] * cells, local[1] * cells, local[2] * cells
    down = strength * noise_at(paints.noise, 1, 0.3 * x, y, 0.3 * z)
    aside = 0.5 * strength * noise_at(paints.noise, 0, x, y, z)
    return unit((n[0] + aside, n[1] + down, n[2]))


@inner
def folded(n, steep, phase, across, local, noise):
    """A unit normal in the lines of the skin, and the share of light that they lose."""
    depth, slope = groove(noise, phase, local[0], local[1], local[2])
    tilt = steep * slope
    return unit((n[0] - tilt * across[0], n[1] - tilt * across[1], n[2] - tilt * across[2])), (
        1 - DARKEST * min(steep, 1.0) * depth
    )


@inner
def surface_colour(surface, paints, t, corners, w, local):
    """Linear colour of a place of triangle t without light."""
    colour, material, grain = blend3(surface.tint, corners, w), surface.material[t], paints.grain[1]
    strength = blend(surface.paint, corners, w, 3)
    mottle = 0.0
    if material == SKIN or strength > 0.0:
        mottle = noise_at(paints.noise, 0, local[0] * grain, local[1] * grain, local[2] * grain)
    if material == SKIN or material == CARD:  # noqa: SIM109 numba
        u, v = across_triangle(surface.uv, t, w, 0), across_triangle(surface.uv, t, w, 1)
        if material == SKIN:
            colour = skin_colour(colour, u, v, mottle, paints)
        else:
            colour = card_colour(colour, u, v, surface.card[t], paints)
    elif material == EYE:
        colour = eye_colour(local, paints)
    return painted(colour, blend3(surface.paint, corners, w), strength, mottle) if strength > 0.0 else colour


@inner
def lit_sample(surface, paints, lamps, t, w):
    """Linear RGB of a place of triangle t, w its weights."""
    corners, material = row(surface.tris, t), surface.material[t]
    n, p = unit(blend3(surface.normal, corners, w)), blend3(surface.position, corners, w)
    local = blend3(surface.local, corners, w)
    if material == CARD and dot(n, p) > 0:
        n = (-n[0], -n[1], -n[2])
    ao = (
        w[0] * surface.occlusion[corners[0]]
        + w[1] * surface.occlusion[corners[1]]
        + w[2] * surface.occlusion[corners[2]]
    )
    if material == SKIN:
        if paints.grain[2] > 0.0:
            n = grained(n, local, paints)
        steep = across_triangle(surface.fold, t, w, 1)
        if steep > FOLDED:
            phase = across_triangle(surface.fold, t, w, 0)
            n, left = folded(n, steep, phase, row(surface.across, t), local, paints.noise)
            ao *= left
    colour = surface_colour(surface, paints, t, corners, w, local)
    to_eye = unit(p)
    v = (-to_eye[0], -to_eye[1], -to_eye[2])
    shine = (surface.gloss[t, 0], surface.gloss[t, 1])
    r, g, b = ambient(colour, n, v, material, shine[0], ao, lamps)
    for q in range(lamps.direction.shape[0]):
        more = lamp_light(colour, p, n, v, material, shine, ao, lamps, q)
        r, g, b = r + more[0], g + more[1], b + more[2]
    return r, g, b


@kernel
def shade(ids, bary, surface, paints, lamps, lens, background, out):
    """Linear RGB of each pixel.

    Args:
        ids, bary: (2H, 2W), (2H, 2W, 2) from `rasterize`.
        surface, paints, lamps: see there.
        lens: (2H, 2W, 4) f4 transmission RGB and reflection, 1 and 0 off the lenses; (1, 1, 4): none at all.
        background: (H, W, 3) f4. out: (H, W, 3) f4.
    """
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            step = sample_step(ids, surface.material, i, j)
            share = 0.25 if step == 1 else (0.5 if step == 3 else 1.0)
            r = g = b = 0.0
            for k in range(0, 4, step):
                y, x = 2 * i + (k >> 1), 2 * j + (k & 1)
                if ids[y, x] < 0:
                    s = (float(background[i, j, 0]), float(background[i, j, 1]), float(background[i, j, 2]))
                else:
                    w1, w2 = float(bary[y, x, 0]), float(bary[y, x, 1])
                    s = lit_sample(surface, paints, lamps, ids[y, x], (1.0 - w1 - w2, w1, w2))
                if lens.shape[0] > 1:
                    mirrored = lens[y, x, 3]
                    s = (
                        s[0] * lens[y, x, 0] + mirrored,
                        s[1] * lens[y, x, 1] + mirrored,
                        s[2] * lens[y, x, 2] + mirrored,
                    )
                r, g, b = r + s[0], g + s[1], b + s[2]
            out[i, j, 0], out[i, j, 1], out[i, j, 2] = share * r, share * g, share * b
