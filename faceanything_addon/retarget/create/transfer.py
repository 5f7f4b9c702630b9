"""The template's shapes carried to the template as it lies on the character."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...template import Template
from .fit import Target, bending_energy, skin_triangles
from .openings import template_openings
from .operators import diagonal, factorised, gradient

STILL = 1e-4  # metres: vertices that no shape moves further stay where they are
PIN = 1e3  # weight of what is held, against the transfer's own
FULL_GAP = 3e-4  # metres: openings narrower than this count as shut in the neutral
MOUTH_SCALE = (0.4, 2.5)
RIM = 10.0  # pull of the rims against each other: vertices' worth
SPREAD = 0.003  # metres over which a correction at the rims fades out
LOCAL = 0.02  # pull against corrections, share of a vertex's; where nothing moves it is 1
LAZY = 0.02  # how much less the lower lid takes of a correction than the upper


@dataclass(frozen=True)
class Contact:
    """Rows that tell how far the rims of an opening are apart, and by how much they may move against each other."""

    rows: Any  # (K, used) sparse: upper minus lower
    lower: Any  # (K, used) sparse
    gap: np.ndarray  # (K, 3) upper minus lower, template
    goal: np.ndarray  # (K, 3) the same on the character
    is_mouth: bool


class Transfer:
    """Displacements of the template -> displacements of the fitted template.

    Source: Sumner, Popovic, Deformation transfer for triangle meshes, SIGGRAPH 2004, as the Poisson equation of
    Botsch et al. 2006; factorised once for any number of shapes. The rims of eyes and mouth then move against each
    other as the template's do, in proportion to their opening: what shuts the template's eyes shuts these.

    Args:
        template: whose topology all have.
        rest: (V, 3) the neutral that moves, metres: the template's own, or an actor's.
        fitted: (V, 3) the template on the character, template space.
        target: the character's face; its openings.
    """

    def __init__(self, template: Template, rest: np.ndarray, fitted: np.ndarray, target: Target) -> None:
        skin = template.triangles[skin_triangles(template)]
        self.used = np.unique(skin)
        place = np.full(len(fitted), -1)
        place[self.used] = np.arange(len(self.used))
        self.local = place[skin]
        self.rest = rest[self.used].astype(np.float64)
        self._inverse = np.linalg.inv(_frames(self.rest, self.local))
        slope, area = gradient(fitted[self.used], self.local)
        self._divergence = slope.T @ diagonal(np.repeat(area, 3))
        stiffness = self._divergence @ slope
        moved = np.linalg.norm(template.expressions[:, self.used], axis=2).max(axis=0)
        unit = float(stiffness.diagonal().mean())
        # Held at full weight where still; everywhere a trace, so that the equations can be solved.
        self._solve = factorised(stiffness + diagonal(unit * np.where(moved < STILL, PIN, 1e-7)))
        self.contacts = _contacts(template, rest.astype(np.float64), target, self.used)
        self._correct = self._corrector(moved) if self.contacts else None
        self.mouth_scale = self._mouth_scale(template)

    def _corrector(self, moved: np.ndarray) -> Any:
        """Solver for the smoothest displacement that moves the rims as they should."""
        mass, bending = bending_energy(self.rest, self.local)
        self._weight = RIM * float(np.median(mass))
        total = SPREAD**4 * bending + diagonal(mass * np.where(moved < STILL, 1.0, LOCAL))
        for contact in self.contacts:
            total = total + self._weight * (contact.rows.T @ contact.rows)
            total = total + (0 if contact.is_mouth else LAZY) * self._weight * (contact.lower.T @ contact.lower)
        return factorised(total)

    def carry(self, displacement: np.ndarray, rims: np.ndarray | None = None) -> np.ndarray:
        """(S, V, 3) away from the neutral -> (S, V, 3) of the fitted template, metres; only skin moves.

        Args:
            rims: (S, V, 3) displacements by which the rims of eyes and mouth move against each other; None: the same.
        """
        source = displacement[:, self.used].astype(np.float64)
        moved = self._transferred(source)
        if self._correct is not None:
            moved = moved + self._corrections(source if rims is None else rims[:, self.used].astype(np.float64), moved)
        out = np.zeros((len(source), displacement.shape[1], 3))
        out[:, self.used] = moved
        return out

    def _transferred(self, source: np.ndarray) -> np.ndarray:
        return _stacked(self._solve(self._divergence @ self._gradients(source)), len(source))

    def _corrections(self, source: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """What is missing until the rims are where they should be, spread smoothly: (S, used, 3)."""
        right = 0
        for contact in self.contacts:
            right = right + self._weight * (contact.rows.T @ _flat(self._lacking(contact, source, moved)))
        assert self._correct is not None
        return _stacked(self._correct(right), len(source))

    def _mouth_scale(self, template: Template) -> float:
        """How much wider the transfer opens the mouth than the template does."""
        mouth = [c for c in self.contacts if c.is_mouth]
        if not mouth:
            return 1.0
        source = template.expressions[[template.expression_names.index("jawOpen")]][:, self.used].astype(np.float64)
        here, there = mouth[0].rows @ source[0], mouth[0].rows @ self._transferred(source)[0]
        return float(np.clip((here * there).sum() / max((here * here).sum(), 1e-12), *MOUTH_SCALE))

    def _gradients(self, source: np.ndarray) -> np.ndarray:
        """(3T, 3S): the displacement's gradient in each triangle, with the normal's part, one shape after another."""
        out = np.empty((len(self.local), 3, len(source), 3))
        for number, shape in enumerate(source):
            change = _frames(self.rest + shape, self.local) @ self._inverse - np.eye(3)
            out[:, :, number] = change.transpose(0, 2, 1)
        return out.reshape(3 * len(self.local), -1)

    def _lacking(self, contact: Contact, source: np.ndarray, moved: np.ndarray) -> np.ndarray:
        """(S, K, 3): what the rims still have to move against each other."""
        relative, own = (_stacked(contact.rows @ _flat(shapes), len(source)) for shapes in (source, moved))
        if contact.is_mouth:
            return self.mouth_scale * relative - own
        # Only across the opening: lids slide over each other along it, and that does not matter.
        across, ahead = _direction(contact.gap), _direction(contact.goal)
        gap, goal, change = contact.gap @ across, contact.goal @ ahead, relative @ across
        shut = -change * gap / (gap**2 + FULL_GAP**2)
        wanted = change + shut * (gap - goal)
        return (wanted - own @ ahead)[..., None] * ahead


def _direction(gaps: np.ndarray) -> np.ndarray:
    """(3,) unit: from the lower to the upper rim on the whole."""
    total = gaps.sum(axis=0)
    return total / max(float(np.linalg.norm(total)), 1e-12)


def _frames(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T, 3, 3): columns are two edges and the normal, as long as the root of the area's double."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    return np.stack([b - a, c - a, normal / np.sqrt(np.maximum(length, 1e-14))], axis=2)


def _contacts(template: Template, rest: np.ndarray, target: Target, used: np.ndarray) -> list[Contact]:
    own, found = template_openings(template), []
    for name in sorted(own.keys() & target.openings.keys()):
        mine, theirs = own[name], target.openings[name]
        rows = (mine.upper.rows - mine.lower.rows).tocsc()[:, used]
        gap = (mine.upper.rows - mine.lower.rows) @ rest
        goal = theirs.upper.point - theirs.lower.point
        found.append(Contact(rows, mine.lower.rows.tocsc()[:, used], gap, goal, name == "mouth"))
    return found


def _flat(shapes: np.ndarray) -> np.ndarray:
    """(S, V, 3) -> (V, 3S)"""
    return shapes.transpose(1, 0, 2).reshape(shapes.shape[1], -1)


def _stacked(flat: np.ndarray, count: int) -> np.ndarray:
    """(V, 3S) -> (S, V, 3)"""
    return flat.reshape(len(flat), count, 3).transpose(1, 0, 2)
