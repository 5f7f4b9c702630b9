"""Pictures of triangles without a graphics card: which triangle each pixel shows, and a shaded view."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CHUNK = 4_000_000  # pixel candidates at a time
LIGHTS = np.array([[0.25, 0.45, 0.85], [-0.6, 0.15, 0.5]])  # towards them, view axes
STRENGTHS = np.array([0.75, 0.25])
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
    planes, flat = _planes(corners)
    numbers = np.flatnonzero((count > 0) & ~flat)
    for part in np.split(numbers, _cuts(count[numbers])):
        _draw(part, planes, low, span, size, height, shown, weights)
    return Shot(shown.reshape(size, size), weights.reshape(size, size, 3))


def _planes(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each triangle the weight of its second and third corner and its height as a + b x + c y.

    Returns:
        (3, 3, T): what, term, triangle; (T,) bool: seen from the edge, which shows nothing.
    """
    a, b, c = (corners[:, k] for k in range(3))
    double = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    flat = double == 0
    scale = 1 / np.where(flat, 1, double)
    second = np.stack([(c[:, 1] - a[:, 1]) * scale, -(c[:, 0] - a[:, 0]) * scale])
    third = np.stack([-(b[:, 1] - a[:, 1]) * scale, (b[:, 0] - a[:, 0]) * scale])
    height = (b[:, 2] - a[:, 2]) * second + (c[:, 2] - a[:, 2]) * third
    at_zero = [base - (slope * a[:, :2].T).sum(axis=0) for base, slope in ((0, second), (0, third), (a[:, 2], height))]
    slopes = np.stack([second, third, height])
    return np.concatenate([np.stack(at_zero)[:, None], slopes], axis=1), flat


def _cuts(count: np.ndarray) -> np.ndarray:
    """Where to cut a list of triangles so that none of the parts has many more candidates than CHUNK."""
    return np.flatnonzero(np.diff(np.cumsum(count) // CHUNK)) + 1


def _draw(
    numbers: np.ndarray,
    planes: np.ndarray,
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
    down, right = np.divmod(place, np.repeat(span[numbers, 0], count))
    x, y = np.repeat(low[numbers, 0], count) + right, np.repeat(low[numbers, 1], count) + down

    def value(what: int) -> np.ndarray:
        first, along, across = (np.repeat(planes[what, term, numbers], count) for term in range(3))
        return first + along * x + across * y

    v, w = value(0), value(1)
    inside = np.flatnonzero((v >= -1e-9) & (w >= -1e-9) & (v + w <= 1 + 1e-9))
    v, w, x, y, owner = v[inside], w[inside], x[inside], y[inside], owner[inside]
    z = planes[2, 0, owner] + planes[2, 1, owner] * x + planes[2, 2, owner] * y
    pixel = y * size + x
    order = np.lexsort((z, pixel))
    last = order[np.append(pixel[order][1:] != pixel[order][:-1], True)] if len(order) else order
    last = last[z[last] > height[pixel[last]]]
    at = pixel[last]
    height[at], shown[at] = z[last], owner[last]
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
    towards = LIGHTS / np.linalg.norm(LIGHTS, axis=1, keepdims=True)
    light = AMBIENT + np.clip(normal @ towards.T, 0, 1) @ STRENGTHS
    linear = np.einsum("nk,nkc->nc", weight, colours[corner]) ** 2.2 * light[:, None]
    picture = np.empty((*shot.triangle.shape, 3), np.uint8)
    picture[:] = BACKGROUND
    picture[seen] = (255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    return picture
