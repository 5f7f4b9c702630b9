"""Z-buffer rasteriser: nearest triangle and perspective-correct barycentric weights per pixel."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
from numba import njit

NEAR = 0.05  # metres; triangles that reach nearer to the camera are dropped


@njit(cache=True, fastmath=True)
def card_alpha(cards, layer, u, v):
    """Alpha 0..255 of card texture `layer` at (u, v), origin bottom left, nearest texel, repeating."""
    h, w = cards.shape[1], cards.shape[2]
    x = int(np.floor(u * w)) % w
    y = int(np.floor((1.0 - v) * h)) % h
    return cards[layer, y, x, 3]


@njit(cache=True, fastmath=True)
def rasterize(xy, z, tris, tri_card, tri_uv, tri_first, cards, dither, zbuf, ids, bary):
    """Draw triangles into a z-buffer.

    Args:
        xy: (N, 2) f4 pixel coordinates, (0, 0) is the centre of the first pixel.
        z: (N,) f4 camera depth in metres.
        tris: (T, 3) i4.
        tri_card: (T,) i2 layer of `cards` whose alpha cuts the triangle, -1: opaque, -2: not drawn.
        tri_uv: (T, 3, 2) f4.
        tri_first: (T,) u1, 1 culls triangles that face away.
        cards: (L, h, w, 4) u1.
        dither: stochastic alpha threshold per pixel where True, 0.5 otherwise.
        zbuf, ids, bary: (H, W) f4 inf, (H, W) i4 -1, (H, W, 2) f4, filled in place; bary holds the weights of
            corners 1 and 2.
    """
    height, width = zbuf.shape
    for t in range(tris.shape[0]):
        card = tri_card[t]
        if card == -2:
            continue
        a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
        za, zb, zc = z[a], z[b], z[c]
        if za < NEAR or zb < NEAR or zc < NEAR:
            continue
        ax, ay = float(xy[a, 0]), float(xy[a, 1])
        bx, by, cx, cy = float(xy[b, 0]), float(xy[b, 1]), float(xy[c, 0]), float(xy[c, 1])
        area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
        if area == 0.0 or (tri_first[t] == 1 and area > 0.0):
            continue
        x0 = max(0, int(np.ceil(min(ax, bx, cx))))
        x1 = min(width - 1, int(np.floor(max(ax, bx, cx))))
        y0 = max(0, int(np.ceil(min(ay, by, cy))))
        y1 = min(height - 1, int(np.floor(max(ay, by, cy))))
        if x0 > x1 or y0 > y1:
            continue
        ia, ib, ic = 1.0 / za, 1.0 / zb, 1.0 / zc
        inv = 1.0 / area
        step1, step2 = (cy - ay) * inv, -(by - ay) * inv
        for y in range(y0, y1 + 1):
            row1 = ((x0 - ax) * (cy - ay) - (cx - ax) * (y - ay)) * inv - step1
            row2 = ((bx - ax) * (y - ay) - (x0 - ax) * (by - ay)) * inv - step2
            for x in range(x0, x1 + 1):
                row1 += step1
                row2 += step2
                w1, w2 = row1, row2
                w0 = 1.0 - w1 - w2
                if w0 < -1e-5 or w1 < -1e-5 or w2 < -1e-5:
                    continue
                depth = 1.0 / (w0 * ia + w1 * ib + w2 * ic)
                if depth >= zbuf[y, x]:
                    continue
                p1, p2 = w1 * ib * depth, w2 * ic * depth
                if card >= 0:
                    p0 = 1.0 - p1 - p2
                    u = p0 * tri_uv[t, 0, 0] + p1 * tri_uv[t, 1, 0] + p2 * tri_uv[t, 2, 0]
                    v = p0 * tri_uv[t, 0, 1] + p1 * tri_uv[t, 1, 1] + p2 * tri_uv[t, 2, 1]
                    limit = 128
                    if dither:
                        limit = 24 + ((x * 73 + y * 151 + t * 37 + x * y * 13) & 15) * 12
                    if card_alpha(cards, card, u, v) < limit:
                        continue
                zbuf[y, x] = depth
                ids[y, x] = t
                bary[y, x, 0] = p1
                bary[y, x, 1] = p2


def empty_buffers(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z-buffer, triangle ids and weights for one picture."""
    return (
        np.full((height, width), np.inf, np.float32),
        np.full((height, width), -1, np.int32),
        np.zeros((height, width, 2), np.float32),
    )


@njit(cache=True, fastmath=True)
def vertex_normals(vertices, tris, out):
    """Area-weighted unit normals, (N, 3), written to `out`."""
    out[:] = 0.0
    for t in range(tris.shape[0]):
        a, b, c = tris[t, 0], tris[t, 1], tris[t, 2]
        e0, e1, e2 = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        f0, f1, f2 = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        n0, n1, n2 = e1 * f2 - e2 * f1, e2 * f0 - e0 * f2, e0 * f1 - e1 * f0
        for k in (a, b, c):
            out[k, 0] += n0
            out[k, 1] += n1
            out[k, 2] += n2
    for i in range(out.shape[0]):
        s = 1.0 / np.sqrt(out[i, 0] ** 2 + out[i, 1] ** 2 + out[i, 2] ** 2 + 1e-30)
        out[i, 0] *= s
        out[i, 1] *= s
        out[i, 2] *= s
