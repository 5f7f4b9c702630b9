"""Canonical coordinates -> points of the template's surface."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..template import Template
from .per_template import per_template

CANDIDATES = 3  # triangles looked at per query: the nearest centroid is not always the nearest triangle


@dataclass(frozen=True)
class Surface:
    """The template's mean surface, ready for closest-point queries within one part."""

    triangles: np.ndarray  # (T, 3) i4
    part: np.ndarray  # (T,) u1
    corner: np.ndarray  # (T, 3) f4 first vertex of each triangle
    edge: np.ndarray  # (T, 2, 3) f4 from the first vertex to the other two
    dual: np.ndarray  # (T, 2, 3) f4: dual @ (x - corner) = barycentric weights of the second and third vertex
    trees: dict[int, tuple[Any, np.ndarray]]  # part -> (KD-tree of centroids, triangle numbers)

    def closest(self, canonical: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Closest surface point of the same part.

        Args:
            canonical: (N, 3) metres, canonical space.
            part: (N,) u1; parts that the template lacks keep distance inf.

        Returns:
            Triangle (N,) i4, barycentric weights (N, 3) f4, distance (N,) f4 metres.
        """
        triangle = np.zeros(len(part), np.int32)
        weights = np.zeros((len(part), 3), np.float32)
        distance = np.full(len(part), np.inf, np.float32)
        for label, (tree, numbers) in self.trees.items():
            chosen = np.flatnonzero(part == label)
            if len(chosen):
                near = tree.query(canonical[chosen], k=min(CANDIDATES, len(numbers)))[1].reshape(len(chosen), -1)
                triangle[chosen], weights[chosen], distance[chosen] = self._best(canonical[chosen], numbers[near])
        return triangle, weights, distance

    def _best(self, x: np.ndarray, candidates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of (N, C) candidate triangles the one nearest to x (N, 3)."""
        offset = x[:, None] - self.corner[candidates]
        inner = np.einsum("ncij,ncj->nci", self.dual[candidates], offset)
        weights = np.concatenate([1 - inner.sum(axis=2, keepdims=True), inner], axis=2)
        # Clamping and rescaling is not the exact closest point of a triangle, but within a fraction of its size.
        weights = np.maximum(weights, 0)
        weights /= weights.sum(axis=2, keepdims=True)
        inner = weights[..., 1:]
        spread = offset - np.einsum("ncij,nci->ncj", self.edge[candidates], inner)
        distance = np.linalg.norm(spread, axis=2)
        pick = distance.argmin(axis=1)
        rows = np.arange(len(x))
        return candidates[rows, pick], weights[rows, pick], distance[rows, pick]


@per_template
def template_surface(template: Template) -> Surface:
    """The template's surface; made once."""
    from scipy.spatial import KDTree

    triangles = template.triangles
    triangles = triangles[(triangles[:, 0] != triangles[:, 2]) & (triangles[:, 0] != triangles[:, 1])]
    corners = template.vertices[triangles].astype(np.float64)
    edge = corners[:, 1:] - corners[:, :1]
    dual = np.linalg.pinv(np.swapaxes(edge, 1, 2))
    part = template.part[triangles[:, 0]]
    centroids = corners.mean(axis=1)
    trees = {}
    for label in np.unique(part):
        numbers = np.flatnonzero(part == label)
        trees[int(label)] = (KDTree(centroids[numbers]), numbers)
    f4 = np.float32
    return Surface(triangles, part, corners[:, 0].astype(f4), edge.astype(f4), dual.astype(f4), trees)
