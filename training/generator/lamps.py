"""Light on a place of a surface: from all around by spherical harmonics, and from lamps, the first with a shadow."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .kernel import inner
from .material import CARD, EYE, SKIN, WET

ROUGH_FRESNEL = 0.3  # how far the skin's reflection rises at grazing angles; that of a smooth surface by 0.96
BIAS, THICKNESS = 0.002, 0.006  # metres: off the surface along its normal, and behind what casts the shadow


class Lamps(NamedTuple):
    """All light of a picture, camera frame."""

    sh: np.ndarray  # (9, 3) irradiance / pi
    mirror: np.ndarray  # (9, 3) blurred radiance
    direction: np.ndarray  # (L, 3)
    colour: np.ndarray  # (L, 3)
    shadow: np.ndarray  # (s, s) depth of the first lamp; (1, 1): it casts none
    frame: np.ndarray  # (4, 3) axes and origin of the shadow


@inner
def row(values, k):
    """Row k of (N, 3) as three numbers: a slice would be an array."""
    return values[k, 0], values[k, 1], values[k, 2]


@inner
def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@inner
def unit(a):
    inv = 1.0 / np.sqrt(dot(a, a) + 1e-12)
    return a[0] * inv, a[1] * inv, a[2] * inv


@inner
def sh_eval(sh, d, c):
    """Order-2 spherical harmonics, colour c, of a direction; light is never less than none."""
    x, y, z = d
    value = (
        0.2820948 * sh[0, c]
        + 0.4886025 * (sh[1, c] * y + sh[2, c] * z + sh[3, c] * x)
        + 1.0925484 * (sh[4, c] * x * y + sh[5, c] * y * z + sh[7, c] * x * z)
        + 0.3153916 * sh[6, c] * (3 * z * z - 1)
        + 0.5462742 * sh[8, c] * (x * x - y * y)
    )
    return max(value, 0.0)


@inner
def ambient(colour, n, v, material, gloss, ao, lamps):
    """What light from all around gives, by the normal n and the direction v to the camera."""
    facing = max(dot(n, v), 0.0)
    rise = ROUGH_FRESNEL if material == SKIN or material == WET else 0.96  # noqa: SIM109 numba
    # Mirrors less where less light gets to, above all edge-on (after Lagarde and de Rousiers 2014).
    open_to = min(max((facing + ao) ** 2 - 1 + ao, 0.0), 1.0)
    e = min(gloss * 2.5, 1.0) * (0.04 + rise * (1 - facing) ** 5) * open_to
    if material == SKIN:
        e *= 0.4
    elif material == EYE or material == WET:  # noqa: SIM109 numba
        e *= 0.6
    m = (2 * facing * n[0] - v[0], 2 * facing * n[1] - v[1], 2 * facing * n[2] - v[2])
    return (
        colour[0] * ao * sh_eval(lamps.sh, n, 0) + e * sh_eval(lamps.mirror, m, 0),
        colour[1] * ao * sh_eval(lamps.sh, n, 1) + e * sh_eval(lamps.mirror, m, 1),
        colour[2] * ao * sh_eval(lamps.sh, n, 2) + e * sh_eval(lamps.mirror, m, 2),
    )


@inner
def lamp_light(colour, p, n, v, material, shine, ao, lamps, q):
    """What lamp q gives, diffuse (soft on skin) and mirrored.

    Args:
        shine: strength and power of the highlight.
    """
    light = row(lamps.direction, q)
    cosine = dot(n, light)
    lit = unshadowed(p, n, light, lamps) if q == 0 and lamps.shadow.shape[0] > 1 else 1.0
    bounced = 0.0 if material == WET or material == EYE else 0.3  # noqa: SIM109 numba
    lit *= bounced + (1 - bounced) * min(ao * 1.5, 1.0)
    f = fall_off(cosine, material)
    half = unit((light[0] + v[0], light[1] + v[1], light[2] + v[2]))
    strength, power = shine
    sp = strength * max(dot(n, half), 0.0) ** power * (power + 8) * 0.04 * min(max(cosine * 4, 0.0), 1.0)
    rgb = row(lamps.colour, q)
    return (
        lit * rgb[0] * (colour[0] * f[0] + sp),
        lit * rgb[1] * (colour[1] * f[1] + sp),
        lit * rgb[2] * (colour[2] * f[2] + sp),
    )


@inner
def fall_off(cosine, material):
    """Diffuse light of each colour by the cosine; red goes on where it gets dark on skin, cards shine through."""
    if material == SKIN:
        return (
            max((cosine + 0.25) / 1.25, 0.0),
            max((cosine + 0.12) / 1.12, 0.0),
            max((cosine + 0.08) / 1.08, 0.0),
        )
    f = 0.4 * abs(cosine) + 0.2 if material == CARD else max(cosine, 0.0)
    return f, f, f


@inner
def unshadowed(p, n, light, lamps):
    """Share of the first lamp's light that reaches p, by the four nearest places of the shadow's depth."""
    frame, size = lamps.frame, lamps.shadow.shape[0]
    origin = row(frame, 3)
    off = (p[0] - origin[0] + BIAS * n[0], p[1] - origin[1] + BIAS * n[1], p[2] - origin[2] + BIAS * n[2])
    x, y = dot(off, row(frame, 0)) + 0.5 * size, dot(off, row(frame, 1)) + 0.5 * size
    depth = 10.0 - dot(off, light)
    ix, iy = int(np.floor(x)), int(np.floor(y))
    lit = 0.0
    for dy in range(2):
        for dx in range(2):
            xx, yy = ix + dx, iy + dy
            weight = (x - ix if dx else 1 - x + ix) * (y - iy if dy else 1 - y + iy)
            outside = xx < 0 or yy < 0 or xx >= size or yy >= size
            if outside or depth < lamps.shadow[yy, xx] + THICKNESS:
                lit += weight
    return lit
