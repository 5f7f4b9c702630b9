"""Nearest points of a triangle mesh."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import NamedTuple

import numpy as np

CANDIDATES = 6
FINEST = 24  # samples along the edge of a large triangle


class Nearest(NamedTuple):
    """For M queries; triangle -1 and distance inf where nothing fits."""

    triangle: np.ndarray  # (M,) i8
    weights: np.ndarray  # (M, 3)
    point: np.ndarray  # (M, 3)
    distance: np.ndarray  # (M,)


class Mesh:
    """Triangles ready for queries: samples all over them say which triangles come into question."""

    def __init__(self, vertices: np.ndarray, triangles: np.ndarray) -> None:
        from scipy.spatial import KDTree

        self.vertices, self.triangles = np.asarray(vertices, np.float64), triangles
        corners = self.vertices[triangles]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self.normals = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
        samples, self.owner = _samples(corners)
        self.tree = KDTree(samples)

    def nearest(self, points: np.ndarray, normals: np.ndarray | None = None, least_cos: float = 0.3) -> Nearest:
        """Nearest surface points.

        Args:
            points: (M, 3).
            normals: (M, 3) unit: only triangles that face the same way, by the cosine, come into question.
        """
        _, near = self.tree.query(points, k=min(CANDIDATES, len(self.owner)))
        candidates = self.owner[near.reshape(len(points), -1)]
        weights = closest_weights(points[:, None], self.vertices[self.triangles[candidates]])
        found = np.einsum("mck,mckd->mcd", weights, self.vertices[self.triangles[candidates]])
        distance = np.linalg.norm(found - points[:, None], axis=2)
        if normals is not None:
            away = np.einsum("mcd,md->mc", self.normals[candidates], normals) < least_cos
            distance = np.where(away, np.inf, distance)
        pick, rows = distance.argmin(axis=1), np.arange(len(points))
        best = distance[rows, pick]
        triangle = np.where(np.isfinite(best), candidates[rows, pick], -1)
        return Nearest(triangle, weights[rows, pick], found[rows, pick], best)


def _samples(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points on triangles (T, 3, 3), dense as the middle-sized triangle, and the triangle of each."""
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    fine = np.clip(np.ceil(edges / max(float(np.median(edges)), 1e-30)), 1, FINEST).astype(int)
    points, owners = [], []
    for steps in np.unique(fine):
        chosen = np.flatnonzero(fine == steps)
        a, b = np.meshgrid(np.arange(steps), np.arange(steps), indexing="ij")
        inside = a + b < steps
        v, w = (a[inside] + 1 / 3) / steps, (b[inside] + 1 / 3) / steps
        weights = np.stack([1 - v - w, v, w], axis=1)
        points.append(np.einsum("sk,tkd->tsd", weights, corners[chosen]).reshape(-1, 3))
        owners.append(np.repeat(chosen, len(weights)))
    return np.concatenate(points), np.concatenate(owners)


def closest_weights(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric weights (..., 3) of the point of a triangle (..., 3, 3) nearest to points (..., 3).

    Source: Ericson, Real-Time Collision Detection, section 5.1.5, with the regions as masks.
    """
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = _dot(ab, ab), _dot(ab, ac), _dot(ac, ac)
    d20, d21 = _dot(ap, ab), _dot(ap, ac)
    double = np.maximum(d00 * d11 - d01 * d01, 1e-30)
    v, w = (d11 * d20 - d01 * d21) / double, (d00 * d21 - d01 * d20) / double
    inside = (v >= 0) & (w >= 0) & (v + w <= 1)
    best = np.stack([1 - v - w, v, w], axis=-1)
    least = np.where(inside, -1.0, np.inf)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        p, edge = corners[..., first, :], corners[..., second, :] - corners[..., first, :]
        share = np.clip(_dot(points - p, edge) / np.maximum(_dot(edge, edge), 1e-30), 0, 1)
        off = np.linalg.norm(points - p - share[..., None] * edge, axis=-1)
        weights = np.zeros_like(best)
        weights[..., first], weights[..., second] = 1 - share, share
        nearer = off < least
        least = np.where(nearer, off, least)
        best = np.where(nearer[..., None], weights, best)
    return best


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("...d,...d->...", a, b)
