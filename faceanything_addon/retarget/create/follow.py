"""What is no skin: teeth and tongue follow the jaw; brows, lashes and beards the skin they lie on."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...template import Part, Template
from .closest import Mesh
from .mesh import Body, islands, unique_edges
from .operators import diagonal, factorised, gradient, weighted_rows
from .parts import Parts

MARGIN = 0.012  # metres around the template's teeth and tongue
LARGEST = 0.12  # metres: nothing larger is inside a mouth
SEEN = 0.25  # share of an island's triangles; what shows more lies outside
TOOTH = 0.03  # metres: smaller islands are single teeth
# an island, or a place on gums, whose nearest counterpart is nearer than this, against the next, is that alone
CLEAR = 0.6
ROOT = 0.002  # metres from the skin at which a hold counts half
FADE = 0.025  # metres from the skin at which it stops to be followed
ROOM = 0.003  # metres of stiffness: what is farther than its roots moves along


@dataclass(frozen=True)
class Inside:
    """An island of teeth or tongue, moved by the affine motion of the template's counterparts."""

    nodes: np.ndarray  # (n,) of the body
    source: np.ndarray  # (m,) vertices of the template's teeth and tongue
    rows: np.ndarray  # (n, m): displacements from those of `source`


def find_inside(
    body: Body, local: np.ndarray, parts: Parts, template: Template, warped: np.ndarray, seen: np.ndarray
) -> list[Inside]:
    """Islands of teeth and tongue.

    Args:
        local: (N, 3) the body in template space.
        warped: (V, 3) the template with the character's proportions.
        seen: (islands,) share of their triangles that is seen from outside.
    """
    counterparts = [warped[part] for part in mouth_parts(template)]
    everything = np.concatenate(mouth_parts(template))
    held = _held(body, local, parts, seen, np.concatenate(counterparts))
    alone = [_alone(counterparts, local[nodes]) for nodes in held]
    own = [
        np.concatenate([local[nodes] for nodes, one in zip(held, alone, strict=True) if one == number] or [part])
        for number, part in enumerate(counterparts)
    ]
    found = []
    for nodes, one in zip(held, alone, strict=True):
        share = np.eye(len(own))[:, [one] * len(nodes)] if one is not None else _shares(body, local, nodes, own)
        found.append(Inside(nodes, everything, _rows(counterparts, local[nodes], share)))
    return found


def _held(body: Body, local: np.ndarray, parts: Parts, seen: np.ndarray, mouth: np.ndarray) -> list[np.ndarray]:
    """Nodes of each island inside of the mouth, about the template's teeth and tongue (m, 3)."""
    low, high = mouth.min(axis=0) - MARGIN, mouth.max(axis=0) + MARGIN
    found = []
    for island in np.setdiff1d(np.unique(body.island[body.triangles[:, 0]]), (*parts.face, *parts.eye_islands)):
        nodes = np.flatnonzero(body.island == island)
        points = local[nodes]
        middle = (points.max(axis=0) + points.min(axis=0)) / 2
        inside = ((middle > low) & (middle < high)).all() and np.ptp(points, axis=0).max() < LARGEST
        if inside and seen[island] < SEEN:
            found.append(nodes)
    return found


def _alone(counterparts: list[np.ndarray], points: np.ndarray) -> int | None:
    """The counterpart that an island is as a whole; None for gums that hold several."""
    away = _away(counterparts, points).mean(axis=1)
    order = np.argsort(away)
    small = np.ptp(points, axis=0).max() < TOOTH
    return int(order[0]) if small or away[order[0]] < CLEAR * away[order[1]] else None


def _away(parts: list[np.ndarray], points: np.ndarray) -> np.ndarray:
    """(P, n) distances from each of the parts' points."""
    from scipy.spatial import KDTree

    return np.stack([KDTree(part).query(points)[0] for part in parts])


def _shares(body: Body, local: np.ndarray, nodes: np.ndarray, own: list[np.ndarray]) -> np.ndarray:
    """(P, n) how far gums go with upper teeth, lower teeth and tongue.

    What lies at one of them goes with it; in between, by the distance along the surface: where the mouth is shut, lower
    teeth bite behind the upper ones, and gums would be torn by the distance through the air.
    """
    away = _away(own, local[nodes])
    nearest, second = np.sort(away, axis=0)[:2]
    sure = nearest < CLEAR * second
    along = np.stack(
        [_along(body, local, nodes, sure & (away[part] == nearest)) for part in range(len(own))],
    )
    share = 1 / np.maximum(along, 1e-6) ** 2
    return share / share.sum(axis=0)


def _along(body: Body, local: np.ndarray, nodes: np.ndarray, start: np.ndarray) -> np.ndarray:
    """(n,) metres along an island's edges from the nearest node of start (n,) bool; large where there is none."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    if not start.any():
        return np.full(len(nodes), 1.0)
    place = np.full(len(local), -1)
    place[nodes] = np.arange(len(nodes))
    edges = unique_edges(place[body.triangles[place[body.triangles[:, 0]] >= 0]])
    length = np.linalg.norm(local[nodes[edges[:, 0]]] - local[nodes[edges[:, 1]]], axis=1)
    graph = coo_matrix((np.maximum(length, 1e-7), edges.T), shape=(len(nodes),) * 2)
    away = dijkstra(graph, directed=False, indices=np.flatnonzero(start), min_only=True)
    return np.minimum(away, 1.0)


def _rows(counterparts: list[np.ndarray], points: np.ndarray, share: np.ndarray) -> np.ndarray:
    """(n, m): displacements of points from those of all counterparts, one after the other; share (P, n) of each."""
    return np.hstack([s[:, None] * _affine(part, points) for s, part in zip(share, counterparts, strict=True)])


def mouth_parts(template: Template) -> list[np.ndarray]:
    """Vertices of the template's connected parts of teeth and tongue."""
    connected = islands(len(template.vertices), template.triangles)
    chosen = np.isin(template.part, (Part.TEETH, Part.TONGUE))
    return [np.flatnonzero(connected == number) for number in np.unique(connected[chosen])]


def _affine(source: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, m): values at points, of the affine map that fits those at source best."""
    inverse = np.linalg.pinv(np.column_stack([source, np.ones(len(source))]), rcond=1e-4)
    return np.column_stack([points, np.ones(len(points))]) @ inverse


class Attached:
    """Everything else, held by the face's nearest places; factorised once.

    Args:
        body: the character. local: (N, 3) it in template space.
        nodes: (N,) bool: what is attached.
        face: (T, 3) the face's triangles that are seen.
    """

    def __init__(self, body: Body, local: np.ndarray, nodes: np.ndarray, face: np.ndarray) -> None:
        chosen = nodes[body.triangles].all(axis=1)
        self.used = np.unique(body.triangles[chosen])
        place = np.full(len(local), -1)
        place[self.used] = np.arange(len(self.used))
        triangles, points = place[body.triangles[chosen]], local[self.used]
        near = Mesh(local, face).nearest(points)
        follow = 1 / (1 + (near.distance / FADE) ** 4)
        self._sample = diagonal(follow) @ weighted_rows(near.triangle, near.weights, face, len(local))
        slope, area = gradient(points, triangles)
        mass = np.bincount(triangles.ravel(), np.repeat(area, 3) / 3, minlength=len(points))
        mass = np.maximum(mass, 1e-3 * max(float(np.median(mass)), 1e-12))
        self._pull = diagonal(mass / ROOM**2 * (1 / (1 + (near.distance / ROOT) ** 2) ** 2 + 1e-4))
        self._solve = factorised(slope.T @ diagonal(np.repeat(area, 3)) @ slope + self._pull)

    def carry(self, flat: np.ndarray) -> np.ndarray:
        """Displacements of all nodes (N, C) -> those of the attached (used, C)."""
        rows: Any = self._pull @ (self._sample @ flat)
        return self._solve(rows)
