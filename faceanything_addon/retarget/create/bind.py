"""A character's own vertices tied to the template that lies on them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import numpy as np

from ...template import Template
from .closest import Mesh, Nearest
from .fit import LEAST_COS, Target, on_border, outer_triangles, skin_triangles
from .mesh import unique_edges, vertex_normals
from .openings import template_openings
from .operators import diagonal, factorised, gradient, weighted_rows
from .rims import Opening

REACH = 0.012  # metres: farther from the template a vertex is not tied to it
HALF = 0.004  # metres at which a tie counts half
FAR = 0.035  # metres: vertices farther than this from the template stay
TIE = 0.0015  # metres over which a tie is smoothed
SIDE_REACH = 0.02  # metres along the surface in which an upper and a lower side are told apart
RIM = 30.0  # pull of the rims, ties' worth
FINE = 0.002  # metres: edges as short as this follow the rims in full
FIRM = 1e3


class Binding:
    """Displacements of the fitted template -> displacements of the character's face; factorised once.

    Tied vertices move as the template's surface below them; what lies between (inside of mouth and lids) follows
    its neighbours; what is far from the face stays.

    Args:
        template: whose topology the fitted mesh has.
        fitted: (V, 3) template space.
        target: the face, template space.
    """

    def __init__(self, template: Template, fitted: np.ndarray, target: Target) -> None:
        skin = template.triangles[skin_triangles(template)]
        self.count = len(target.vertices)
        self.used = np.unique(target.triangles)
        place = np.full(self.count, -1)
        place[self.used] = np.arange(len(self.used))
        local, vertices = place[target.triangles], target.vertices[self.used]
        near, weight = _ties(template, fitted, skin, target, local, vertices)
        far = _far(fitted[np.unique(skin)], vertices)
        ties = np.flatnonzero(weight > 0)
        self._sample = weighted_rows(near.triangle[ties], near.weights[ties], skin, len(fitted))
        slope, area = gradient(vertices, local)
        mass = np.bincount(local.ravel(), np.repeat(area, 3) / 3, minlength=len(vertices))
        mass = np.maximum(mass, 1e-3 * max(float(np.median(mass)), 1e-12))
        pull = mass * weight / TIE**2
        self._pull, self._ties = pull[ties], ties
        tied = (weight > 0)[local].all(axis=1)
        self._slope, self._flow = slope, slope.T @ diagonal(np.repeat(area * tied, 3))
        self._rims = _rim_pairs(template, target, self.used)
        self._rim = RIM * rim_share(vertices, local, [mine for mine, _ in self._rims]) * float(np.median(mass)) / TIE**2
        rims: Any = sum((mine.T @ mine for mine, _ in self._rims), 0 * diagonal(mass))
        system = slope.T @ diagonal(np.repeat(area, 3)) @ slope + diagonal(pull + _hold(far, mass)) + self._rim * rims
        self._solve = factorised(system)

    def carry(self, displacement: np.ndarray) -> np.ndarray:
        """(S, V, 3) of the fitted template -> (S, N, 3) of the character, template space."""
        shapes = len(displacement)
        flat = displacement.transpose(1, 0, 2).reshape(displacement.shape[1], -1)
        wanted = np.zeros((len(self.used), flat.shape[1]))
        wanted[self._ties] = self._sample @ flat
        right = self._flow @ (self._slope @ wanted)
        right[self._ties] += self._pull[:, None] * wanted[self._ties]
        for mine, theirs in self._rims:
            right += self._rim * (mine.T @ (theirs @ flat))
        out = np.zeros((shapes, self.count, 3))
        out[:, self.used] = self._solve(right).reshape(len(self.used), shapes, 3).transpose(1, 0, 2)
        return out


def rim_share(vertices: np.ndarray, triangles: np.ndarray, rims: list[Any]) -> float:
    """0..1: how far the mesh is fine enough to follow its rims; coarse lips would be torn to spikes."""
    touched = np.zeros(len(vertices), bool)
    for rows in rims:
        touched[rows.tocoo().col] = True
    edges = unique_edges(triangles)
    edges = edges[touched[edges].all(axis=1)]
    if not len(edges):
        return 1.0
    length = float(np.median(np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)))
    return min(1.0, (FINE / max(length, 1e-12)) ** 2)


def _hold(far: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Weight that holds far vertices where they are, and a trace everywhere so that the equations can be solved."""
    return np.where(far, FIRM, 1e-4) * mass / TIE**2


def _ties(
    template: Template, fitted: np.ndarray, skin: np.ndarray, target: Target, local: np.ndarray, vertices: np.ndarray
) -> tuple[Nearest, np.ndarray]:
    """Where the character's vertices lie on the template, and how firmly (N,) 0..1."""
    outside = outer_triangles(template)
    sides = opening_sides(fitted, skin, template_openings(template))
    own = opening_sides(target.vertices, target.triangles, target.openings)[np.unique(target.triangles)]
    normals = vertex_normals(vertices, local)
    near = _nearest(fitted, skin, outside, sides, vertices, normals, own)
    seen = np.zeros(len(vertices), bool)
    seen[local[target.seen]] = True
    good = seen & (near.distance < REACH)
    weight = np.where(good, 1 / (1 + (np.where(good, near.distance, 0) / HALF) ** 2), 0)
    return near, weight


def _nearest(
    fitted: np.ndarray,
    skin: np.ndarray,
    outside: np.ndarray,
    sides: np.ndarray,
    points: np.ndarray,
    normals: np.ndarray,
    own: np.ndarray,
) -> Nearest:
    """Nearest points of the template's outside, triangles counted in skin; an upper lip or lid finds no lower one."""
    count = len(points)
    result = Nearest(np.full(count, -1), np.zeros((count, 3)), np.zeros((count, 3)), np.full(count, np.inf))
    for side in (-1, 0, 1):
        allowed = np.flatnonzero(outside & ((sides[skin] != -side).all(axis=1) | (side == 0)))
        chosen = np.flatnonzero(own == side)
        if not len(chosen) or not len(allowed):
            continue
        mesh = Mesh(fitted, skin[allowed])
        near = mesh.nearest(points[chosen], normals[chosen], LEAST_COS - 0.3)
        good = (near.triangle >= 0) & ~on_border(mesh, near)
        result.triangle[chosen] = np.where(good, allowed[near.triangle], -1)
        result.weights[chosen], result.point[chosen] = near.weights, near.point
        result.distance[chosen] = np.where(good, near.distance, np.inf)
    return result


def opening_sides(vertices: np.ndarray, triangles: np.ndarray, openings: dict[str, Opening]) -> np.ndarray:
    """(N,) 1 above an opening, -1 below, 0 elsewhere: by the way along the mesh to the nearer rim."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    edges = unique_edges(triangles)
    length = np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1)
    graph = coo_matrix((length, (edges[:, 0], edges[:, 1])), shape=(len(vertices), len(vertices))).tocsr()
    sides = np.zeros(len(vertices), int)

    def way(rim: Any) -> np.ndarray:
        start = np.unique(rim.rows.tocoo().col)
        return dijkstra(graph, directed=False, indices=start, limit=SIDE_REACH, min_only=True)

    for opening in openings.values():
        upper, lower = way(opening.upper), way(opening.lower)
        sides[(upper < lower) & (upper < SIDE_REACH)] = 1
        sides[(lower < upper) & (lower < SIDE_REACH)] = -1
    return sides


def _far(fitted: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    from scipy.spatial import KDTree

    return KDTree(fitted).query(vertices)[0] > FAR


def _rim_pairs(template: Template, target: Target, used: np.ndarray) -> list[tuple[Any, Any]]:
    """Rows of the character's rims (K, used) and those of the template's (K, V) that they go with."""
    own, found = template_openings(template), []
    for name in sorted(own.keys() & target.openings.keys()):
        for mine, theirs in (
            (target.openings[name].upper, own[name].upper),
            (target.openings[name].lower, own[name].lower),
        ):
            found.append((mine.rows.tocsc()[:, used], theirs.rows))
    return found
