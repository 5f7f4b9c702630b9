"""Deferred shading: colour of every sample from triangle ids and weights, averaged to pixels."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
from numba import njit

SKIN, EYE, CARD, PLAIN, WET = 0, 1, 2, 3, 4  # materials
NOISE_SIZE = 256
GROOVE = 0.16  # width of a line, of the distance between lines
WANDER, WANDERING = 0.1, 700.0  # how far lines stray, of the distance between them; cells per metre of the noise
FOLDED = 0.02  # steepness that is worth shading
DARKEST = 0.5  # share of light that the deepest line loses
ROUGH_FRESNEL = 0.3  # how far the skin's reflection rises at grazing angles; that of a smooth surface by 0.96


def make_noise(seed: int = 3) -> np.ndarray:
    """(2, 256, 256) f4 tileable noise, mean 0: fine grain and soft blotches, unit variance."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.fft2(rng.normal(size=(NOISE_SIZE, NOISE_SIZE)))
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(NOISE_SIZE), np.fft.fftfreq(NOISE_SIZE)))
    out = [np.fft.ifft2(spectrum * np.exp(-((f / s) ** 2))).real for s in (0.25, 0.04)]
    return np.stack([o / o.std() for o in out]).astype(np.float32)


LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)


@njit(cache=True, fastmath=True, inline="always")
def sh_eval(sh, x, y, z, c):
    """Order-2 spherical harmonics, colour c, of direction (x, y, z)."""
    return (
        0.2820948 * sh[0, c]
        + 0.4886025 * (sh[1, c] * y + sh[2, c] * z + sh[3, c] * x)
        + 1.0925484 * (sh[4, c] * x * y + sh[5, c] * y * z + sh[7, c] * x * z)
        + 0.3153916 * sh[6, c] * (3 * z * z - 1)
        + 0.5462742 * sh[8, c] * (x * x - y * y)
    )


@njit(cache=True, fastmath=True, inline="always")
def noise_at(noise, k, x, y, z):
    """Bilinear-free lookup of noise layer k at a 3-D position in cells."""
    i = int(np.floor(x + 0.61 * z)) & 255
    j = int(np.floor(y + 0.37 * z)) & 255
    return noise[k, j, i]


@njit(cache=True, fastmath=True)
def eye_colour(local, eye, noise, out):
    """Iris, pupil and sclera by the angle from the eye's axis.

    Args:
        local: (3,) direction from the ball's centre in the ball's own frame.
        eye: (12,) iris radius (tangent), pupil share, inner RGB, outer RGB, sclera RGB, redness.
    """
    r = np.sqrt(local[0] ** 2 + local[1] ** 2) / max(abs(local[2]), 1e-6)
    if local[2] < 0:
        r = 10.0
    iris, pupil = eye[0], eye[0] * eye[1]
    if r < iris:
        t = r / iris
        angle = np.arctan2(local[1], local[0])
        streak = 1 + 0.25 * noise_at(noise, 0, (angle + 4) * 14.0, t * 6.0, 0.0)
        edge = min(max((r - pupil) / (0.06 * iris), 0.0), 1.0)
        ring = 1.0 - 0.65 * min(max((t - 0.80) / 0.2, 0.0), 1.0)
        s = min(max((t - eye[1]) / (1 - eye[1]), 0.0), 1.0)
        for c in range(3):
            base = eye[2 + c] * (1 - s) + eye[5 + c] * s
            out[c] = 0.008 * (1 - edge) + max(base * streak * ring, 0.004) * edge
    else:
        soft = min((r - iris) / (0.1 * iris), 1.0)
        red = (
            eye[11]
            * min(max(r - iris, 0.0), 1.0)
            * (1 + 0.5 * noise_at(noise, 1, local[0] * 4000, local[1] * 4000, 0.0))
        )
        for c in range(3):
            base = eye[8 + c] * (1.0 if c == 0 else 1 - red)
            out[c] = base * soft + 0.35 * base * (1 - soft)


@njit(cache=True, fastmath=True, inline="always")
def sample_step(ids, material, i, j):
    """Which of a pixel's four samples to shade: all (1), the diagonal (3) within a material, one (4) of background."""
    a, b, c, d = ids[2 * i, 2 * j], ids[2 * i, 2 * j + 1], ids[2 * i + 1, 2 * j], ids[2 * i + 1, 2 * j + 1]
    if a < 0 and b < 0 and c < 0 and d < 0:
        return 4
    if a < 0 or b < 0 or c < 0 or d < 0:
        return 1
    m = material[a]
    return 3 if m != CARD and material[b] == m and material[c] == m and material[d] == m else 1


@njit(cache=True, fastmath=True, inline="always")
def groove(noise, phase, x, y, z):
    """Height and slope across of lines one apart at a phase and a place in metres: grooves 1 deep, steepest by 1."""
    phase += WANDER * noise_at(noise, 1, x * WANDERING, y * WANDERING, z * WANDERING)
    off = (phase - np.floor(phase + 0.5)) / GROOVE
    depth = np.exp(-off * off)
    return depth, 2.33 * off * depth


@njit(cache=True, fastmath=True)
def shade(
    ids,
    bary,
    tris,
    normal,
    position,
    local,
    tint,
    paint,
    occlusion,
    fold,
    across,
    uv,
    material,
    gloss,
    cards,
    card,
    skin,
    gain,
    linear,
    noise,
    grain,
    eye,
    sh,
    spec_sh,
    light_dir,
    light_rgb,
    shadow,
    shadow_frame,
    lens,
    background,
    out,
):
    """Linear RGB of each pixel.

    Args:
        ids, bary: (2H, 2W), (2H, 2W, 2) from `rasterize`.
        normal, position, local, tint: (N, 3) f4; camera frame, camera frame, material frame (metres), linear colour.
        paint: (N, 4) f4 colour and strength of what is painted over.
        occlusion: (N,) f4.
        fold, across: (T, 3, 2), (T, 3) f4 see `wrinkles.wrinkle`; camera frame.
        uv, material, gloss, card: per triangle; gloss (T, 2) strength and power.
        skin: (h, w, 3) u1; gain: (3,) f4; linear: (256,) f4; grain: (4,) strength and cells per metre of
            the colour's, then of the relief's.
        eye: (12,) see `eye_colour`.
        sh, spec_sh: (9, 3) irradiance / pi and blurred radiance, camera frame.
        light_dir, light_rgb: (L, 3); shadow: (s, s) depth of the first light; shadow_frame: (4, 3) axes and origin.
        lens: (2H, 2W, 4) f4 transmission RGB and reflection, 1 and 0 off the lenses; (1, 1, 4): none at all.
        background: (H, W, 3) f4. out: (H, W, 3) f4.
    """
    height, width = out.shape[0], out.shape[1]
    colour, local_p, n, p = np.zeros(3), np.zeros(3), np.zeros(3), np.zeros(3)
    size = shadow.shape[0]
    sh_h, sh_w = skin.shape[0], skin.shape[1]
    for i in range(height):
        for j in range(width):
            s0 = s1 = s2 = 0.0
            step = sample_step(ids, material, i, j)
            for k in range(0, 4, step):
                y, x = 2 * i + (k >> 1), 2 * j + (k & 1)
                t = ids[y, x]
                if t < 0:
                    r0, r1, r2 = background[i, j, 0], background[i, j, 1], background[i, j, 2]
                else:
                    a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
                    w1, w2 = bary[y, x, 0], bary[y, x, 1]
                    w0 = 1.0 - w1 - w2
                    m = material[t]
                    for d in range(3):
                        n[d] = w0 * normal[a, d] + w1 * normal[b, d] + w2 * normal[c, d]
                        p[d] = w0 * position[a, d] + w1 * position[b, d] + w2 * position[c, d]
                        local_p[d] = w0 * local[a, d] + w1 * local[b, d] + w2 * local[c, d]
                        colour[d] = w0 * tint[a, d] + w1 * tint[b, d] + w2 * tint[c, d]
                    inv = 1.0 / np.sqrt(n[0] ** 2 + n[1] ** 2 + n[2] ** 2 + 1e-12)
                    pl = 1.0 / np.sqrt(p[0] ** 2 + p[1] ** 2 + p[2] ** 2 + 1e-12)
                    if m == CARD and (n[0] * p[0] + n[1] * p[1] + n[2] * p[2]) > 0:
                        inv = -inv
                    n0, n1, n2 = n[0] * inv, n[1] * inv, n[2] * inv
                    if m == SKIN and grain[2] > 0.0:
                        q = grain[3]
                        n1 += grain[2] * noise_at(noise, 1, local_p[0] * 0.3 * q, local_p[1] * q, local_p[2] * 0.3 * q)
                        n0 += 0.5 * grain[2] * noise_at(noise, 0, local_p[0] * q, local_p[1] * q, local_p[2] * q)
                        inv = 1.0 / np.sqrt(n0 * n0 + n1 * n1 + n2 * n2 + 1e-12)
                        n0, n1, n2 = n0 * inv, n1 * inv, n2 * inv
                    ao = w0 * occlusion[a] + w1 * occlusion[b] + w2 * occlusion[c]
                    steep = w0 * fold[t, 0, 1] + w1 * fold[t, 1, 1] + w2 * fold[t, 2, 1]
                    if m == SKIN and steep > FOLDED:
                        f = w0 * fold[t, 0, 0] + w1 * fold[t, 1, 0] + w2 * fold[t, 2, 0]
                        depth, f = groove(noise, f, local_p[0], local_p[1], local_p[2])
                        ao *= 1 - DARKEST * min(steep, 1.0) * depth
                        n0 -= steep * f * across[t, 0]
                        n1 -= steep * f * across[t, 1]
                        n2 -= steep * f * across[t, 2]
                        inv = 1.0 / np.sqrt(n0 * n0 + n1 * n1 + n2 * n2 + 1e-12)
                        n0, n1, n2 = n0 * inv, n1 * inv, n2 * inv
                    v0, v1, v2 = -p[0] * pl, -p[1] * pl, -p[2] * pl
                    strength = w0 * paint[a, 3] + w1 * paint[b, 3] + w2 * paint[c, 3]
                    g, power = gloss[t, 0], gloss[t, 1]
                    if m == SKIN or m == CARD:  # noqa: SIM109 numba
                        u = w0 * uv[t, 0, 0] + w1 * uv[t, 1, 0] + w2 * uv[t, 2, 0]
                        v = w0 * uv[t, 0, 1] + w1 * uv[t, 1, 1] + w2 * uv[t, 2, 1]
                    if m == SKIN:
                        sx = min(max(int(u * sh_w), 0), sh_w - 1)
                        sy = min(max(int((1 - v) * sh_h), 0), sh_h - 1)
                        f = noise_at(noise, 0, local_p[0] * grain[1], local_p[1] * grain[1], local_p[2] * grain[1])
                        for d in range(3):
                            colour[d] *= linear[skin[sy, sx, d]] * gain[d] * (1 + grain[0] * f)
                    elif m == CARD:
                        if card[t] >= 0:
                            cx = int(np.floor(u * cards.shape[2])) % cards.shape[2]
                            cy = int(np.floor((1 - v) * cards.shape[1])) % cards.shape[1]
                            f = cards[card[t], cy, cx, 0] / 128.0
                        else:
                            f = 1 + 0.35 * noise_at(noise, 0, u * 300, v * 40, 0.0)
                        for d in range(3):
                            colour[d] *= f
                    elif m == EYE:
                        eye_colour(local_p, eye, noise, colour)
                    if strength > 0.0:
                        f = noise_at(noise, 0, local_p[0] * grain[1], local_p[1] * grain[1], local_p[2] * grain[1])
                        f = min(max(strength * (1 + 0.8 * f * (1 - strength)), 0.0), 1.0)
                        for d in range(3):
                            q = w0 * paint[a, d] + w1 * paint[b, d] + w2 * paint[c, d]
                            colour[d] = colour[d] * (1 - f) + q * f
                    facing = max(n0 * v0 + n1 * v1 + n2 * v2, 0.0)
                    rise = ROUGH_FRESNEL if m == SKIN or m == WET else 0.96  # noqa: SIM109 numba
                    fresnel = 0.04 + rise * (1 - facing) ** 5
                    rx, ry, rz = 2 * facing * n0 - v0, 2 * facing * n1 - v1, 2 * facing * n2 - v2
                    r0 = colour[0] * max(sh_eval(sh, n0, n1, n2, 0), 0.0) * ao
                    r1 = colour[1] * max(sh_eval(sh, n0, n1, n2, 1), 0.0) * ao
                    r2 = colour[2] * max(sh_eval(sh, n0, n1, n2, 2), 0.0) * ao
                    # Mirrors less where less light gets to, above all edge-on (after Lagarde and de Rousiers 2014).
                    e = min(g * 2.5, 1.0) * fresnel * min(max((facing + ao) ** 2 - 1 + ao, 0.0), 1.0)
                    if m == SKIN:
                        e *= 0.4
                    elif m == EYE or m == WET:  # noqa: SIM109 numba
                        e *= 0.6
                    r0 += e * max(sh_eval(spec_sh, rx, ry, rz, 0), 0.0)
                    r1 += e * max(sh_eval(spec_sh, rx, ry, rz, 1), 0.0)
                    r2 += e * max(sh_eval(spec_sh, rx, ry, rz, 2), 0.0)
                    for q in range(light_dir.shape[0]):
                        l0, l1, l2 = light_dir[q, 0], light_dir[q, 1], light_dir[q, 2]
                        cosine = n0 * l0 + n1 * l1 + n2 * l2
                        lit = 1.0
                        if q == 0 and size > 1:
                            px = p[0] - shadow_frame[3, 0] + 0.002 * n0
                            py = p[1] - shadow_frame[3, 1] + 0.002 * n1
                            pz = p[2] - shadow_frame[3, 2] + 0.002 * n2
                            fx = (
                                px * shadow_frame[0, 0] + py * shadow_frame[0, 1] + pz * shadow_frame[0, 2] + 0.5 * size
                            )
                            fy = (
                                px * shadow_frame[1, 0] + py * shadow_frame[1, 1] + pz * shadow_frame[1, 2] + 0.5 * size
                            )
                            depth = 10.0 - (px * l0 + py * l1 + pz * l2)
                            lit = 0.0
                            ix, iy = int(np.floor(fx)), int(np.floor(fy))
                            for dy in range(2):
                                for dx in range(2):
                                    xx, yy = ix + dx, iy + dy
                                    wq = (fx - ix if dx else 1 - fx + ix) * (fy - iy if dy else 1 - fy + iy)
                                    if xx < 0 or yy < 0 or xx >= size or yy >= size or depth < shadow[yy, xx] + 0.006:
                                        lit += wq
                        bounced = 0.0 if m == WET or m == EYE else 0.3  # noqa: SIM109 numba
                        lit *= bounced + (1 - bounced) * min(ao * 1.5, 1.0)
                        if m == SKIN:
                            f0, f1, f2 = (cosine + 0.25) / 1.25, (cosine + 0.12) / 1.12, (cosine + 0.08) / 1.08
                        else:
                            f0 = f1 = f2 = cosine
                        if m == CARD:
                            f0 = f1 = f2 = 0.4 * abs(cosine) + 0.2
                        hx, hy, hz = l0 + v0, l1 + v1, l2 + v2
                        hl = 1.0 / np.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
                        hn = max((n0 * hx + n1 * hy + n2 * hz) * hl, 0.0)
                        sp = g * hn**power * (power + 8) * 0.04 * max(min(cosine * 4, 1.0), 0.0)
                        r0 += lit * light_rgb[q, 0] * (colour[0] * max(f0, 0.0) + sp)
                        r1 += lit * light_rgb[q, 1] * (colour[1] * max(f1, 0.0) + sp)
                        r2 += lit * light_rgb[q, 2] * (colour[2] * max(f2, 0.0) + sp)
                if lens.shape[0] > 1:
                    reflect = lens[y, x, 3]
                    r0 = r0 * lens[y, x, 0] + reflect
                    r1 = r1 * lens[y, x, 1] + reflect
                    r2 = r2 * lens[y, x, 2] + reflect
                s0 += r0
                s1 += r1
                s2 += r2
            share = 0.25 if step == 1 else (0.5 if step == 3 else 1.0)
            out[i, j, 0] = share * s0
            out[i, j, 1] = share * s1
            out[i, j, 2] = share * s2
