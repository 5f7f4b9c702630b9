"""Pictures of triangles without a graphics card: which triangle each pixel shows, and a shaded view."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHUNK = 4_000_000  # pixel candidates at a time
LIGHTS = np.array([[0.25, 0.45, 0.85], [-0.6, 0.15, 0.5]])  # towards them, view axes
STRENGTHS = (0.75, 0.25)
AMBIENT = 0.25
BACKGROUND = (110, 120, 130)


@dataclass(frozen=True)
class View:
    """Looking along -Z of the view's axes, without perspective: view = rotation @ world."""

    rotation: np.ndarray  # (3, 3)
    center: np.ndarray  # (3,) world, seen in the middle
    side: float  # world units that the square picture is wide
    size: int  # pixels

    def project(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) world -> (..., 3): pixel x right, y down, and height towards the eye in world units."""
        view = (points - self.center) @ self.rotation.T
        scale = self.size / self.side
        middle = (self.size - 1) / 2
        return np.stack([middle + view[..., 0] * scale, middle - view[..., 1] * scale, view[..., 2]], axis=-1)


@dataclass(frozen=True)
class Shot:
    """What each pixel shows."""

    triangle: np.ndarray  # (S, S) i4, -1: nothing
    weights: np.ndarray  # (S, S, 3) f4 barycentric


def shoot(view: View, vertices: np.ndarray, triangles: np.ndarray) -> Shot:
    """Draw triangles with hidden ones removed; both sides show."""
    size = view.size
    corners = view.project(vertices)[triangles]
    low = np.clip(np.ceil(corners[..., :2].min(axis=1)), 0, size).astype(np.int64)
    high = np.clip(np.floor(corners[..., :2].max(axis=1)) + 1, 0, size).astype(np.int64)
    span = np.maximum(high - low, 0)
    count = span[:, 0] * span[:, 1]
    height = np.full(size * size, -np.inf)
    shown = np.full(size * size, -1, np.int32)
    weights = np.zeros((size * size, 3), np.float32)
    numbers = np.flatnonzero(count)
    for part in np.split(numbers, _cuts(count[numbers])):
        _draw(part, corners, low, span, size, height, shown, weights)
    return Shot(shown.reshape(size, size), weights.reshape(size, size, 3))


def _cuts(count: np.ndarray) -> np.ndarray:
    """Where to cut a list of triangles so that none of the parts has many more candidates than CHUNK."""
    return np.flatnonzero(np.diff(np.cumsum(count) // CHUNK)) + 1


def _draw(
    numbers: np.ndarray,
    corners: np.ndarray,
    low: np.ndarray,
    span: np.ndarray,
    size: int,
    height: np.ndarray,
    shown: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Draw some triangles into the buffers, in place."""
    count = span[numbers, 0] * span[numbers, 1]
    owner = np.repeat(numbers, count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    x, y = low[owner, 0] + place % span[owner, 0], low[owner, 1] + place // span[owner, 0]
    a, b, c = (corners[owner, k] for k in range(3))
    double = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    with np.errstate(divide="ignore", invalid="ignore"):
        v = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (y - a[:, 1]) * (c[:, 0] - a[:, 0])) / double
        w = ((b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (b[:, 1] - a[:, 1]) * (x - a[:, 0])) / double
        v, w = np.where(double == 0, -1, v), np.where(double == 0, -1, w)
    inside = np.flatnonzero((v >= -1e-9) & (w >= -1e-9) & (v + w <= 1 + 1e-9))
    v, w = v[inside], w[inside]
    z = a[inside, 2] * (1 - v - w) + b[inside, 2] * v + c[inside, 2] * w
    pixel = y[inside] * size + x[inside]
    order = np.lexsort((z, pixel))
    last = order[np.append(pixel[order][1:] != pixel[order][:-1], True)] if len(order) else order
    last = last[z[last] > height[pixel[last]]]
    at = pixel[last]
    height[at], shown[at] = z[last], owner[inside[last]]
    weights[at] = np.stack([1 - v[last] - w[last], v[last], w[last]], axis=1)


def shade(view: View, shot: Shot, normals: np.ndarray, triangles: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """A picture (S, S, 3) uint8 of what was shot.

    Args:
        normals: (N, 3) unit, world.
        colours: (N, 3) 0..1 as seen on a screen.
    """
    seen = shot.triangle >= 0
    corner, weight = triangles[shot.triangle[seen]], shot.weights[seen]
    normal = np.einsum("nk,nkc->nc", weight, normals[corner]) @ view.rotation.T
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    normal *= np.where(normal[:, 2:] < 0, -1, 1)
    light = AMBIENT + sum(
        s * np.clip(normal @ (d / np.linalg.norm(d)), 0, 1) for s, d in zip(STRENGTHS, LIGHTS, strict=True)
    )
    linear = np.einsum("nk,nkc->nc", weight, colours[corner]) ** 2.2 * light[:, None]
    picture = np.empty((*shot.triangle.shape, 3), np.uint8)
    picture[:] = BACKGROUND
    picture[seen] = (255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    return picture
