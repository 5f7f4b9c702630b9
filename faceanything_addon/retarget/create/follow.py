"""What is no skin: teeth and tongue follow the jaw; brows, lashes and beards the skin they lie on."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...template import Part, Template
from .closest import Mesh
from .mesh import Body, islands
from .operators import diagonal, factorised, gradient, weighted_rows
from .parts import Parts

MARGIN = 0.012  # metres around the template's teeth and tongue
LARGEST = 0.12  # metres: nothing larger is inside a mouth
SEEN = 0.25  # share of an island's triangles; what shows more lies outside
TOOTH = 0.03  # metres: smaller islands are single teeth
CLEAR = 0.6  # an island whose nearest counterpart is nearer than this, against the next, is that alone
BLEND = 0.003  # metres over which gums go from one counterpart to the next
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
    counterparts = mouth_parts(template)
    everything = np.concatenate(counterparts)
    low, high = warped[everything].min(axis=0) - MARGIN, warped[everything].max(axis=0) + MARGIN
    found = []
    for island in np.setdiff1d(np.unique(body.island[body.triangles[:, 0]]), (*parts.face, *parts.eye_islands)):
        nodes = np.flatnonzero(body.island == island)
        points = local[nodes]
        middle = (points.max(axis=0) + points.min(axis=0)) / 2
        inside = ((middle > low) & (middle < high)).all() and np.ptp(points, axis=0).max() < LARGEST
        if inside and seen[island] < SEEN:
            found.append(Inside(nodes, everything, _rows([warped[part] for part in counterparts], points)))
    return found


def _rows(counterparts: list[np.ndarray], points: np.ndarray) -> np.ndarray:
    """(n, m): displacements of points from those of all counterparts, one after the other."""
    from scipy.spatial import KDTree

    away = np.stack([KDTree(part).query(points)[0] for part in counterparts])
    order = np.argsort(away.mean(axis=1))
    small = np.ptp(points, axis=0).max() < TOOTH
    if small or away[order[0]].mean() < CLEAR * away[order[1]].mean():
        share = np.zeros_like(away)
        share[order[0]] = 1
    else:
        share = np.exp(-(away - away.min(axis=0)) / BLEND)
        share /= share.sum(axis=0)
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
