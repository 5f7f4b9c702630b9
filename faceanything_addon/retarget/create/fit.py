"""The template laid on a character's surface."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...reconstruct.per_template import per_template
from ...template import Part, Template
from .closest import Mesh
from .mesh import vertex_normals
from .openings import template_openings
from .operators import diagonal, factorised, gradient
from .raster import View, shoot
from .rims import Opening

LENGTHS = (0.03, 0.018, 0.011, 0.008, 0.006, 0.005)  # metres: bending is smoothed over so far, one round each
REACH = (0.025, 0.02, 0.015, 0.012, 0.010, 0.008)  # metres: how far the surface is looked for
LEAST_COS = 0.6  # between normals of the two surfaces
HOLD = 0.01  # pull towards the start, share of the surface's
RIM = 8.0  # pull of the rims: vertices' worth
# yaw, pitch, degrees
VIEWS = ((0, 0), (-40, 0), (40, 0), (-80, 0), (80, 0), (-130, 0), (130, 0), (180, 0), (0, 40), (0, -40), (0, 80))
VIEW_SIDE, VIEW_SIZE = 0.40, 360


@dataclass(frozen=True)
class Target:
    """A character's face in template space, metres."""

    vertices: np.ndarray  # (N, 3)
    triangles: np.ndarray  # (T, 3) of the face
    seen: np.ndarray  # (T,) bool: seen from outside
    openings: dict[str, Opening]


def skin_triangles(template: Template) -> np.ndarray:
    """(T,) numbers of the template's triangles of skin and mouth."""
    return np.flatnonzero(np.isin(template.part[template.triangles[:, 0]], (Part.SKIN, Part.MOUTH)))


@per_template
def outer_triangles(template: Template) -> np.ndarray:
    """(S,) bool: which triangles of skin and mouth are seen from outside; made once."""
    return seen_triangles(template.vertices.astype(np.float64), template.triangles[skin_triangles(template)])


def seen_triangles(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(T,) bool: some pixel of some view of the head shows the triangle, or its neighbours."""
    from .find import rotation_xy

    shown = np.zeros(len(triangles), bool)
    for yaw, pitch in VIEWS:
        view = View(rotation_xy(np.radians(pitch), np.radians(yaw)), np.array([0, -0.03, -0.04]), VIEW_SIDE, VIEW_SIZE)
        hit = shoot(view, vertices, triangles).triangle
        shown[np.unique(hit[hit >= 0])] = True
    # Thin triangles fall between pixels.
    touched = np.zeros(len(vertices), bool)
    touched[triangles[shown]] = True
    return shown | touched[triangles].all(axis=1)


def fit_template(template: Template, start: np.ndarray, target: Target, step: Callable[[int, int], None]) -> np.ndarray:
    """Lay the template's skin on the target's surface.

    Non-rigid closest points with a stiffness that falls from round to round, after Amberg, Romdhani, Vetter, Optimal
    step nonrigid ICP algorithms for surface registration, CVPR 2007; the stiffness is the bending of the
    displacement from a start that already has the target's proportions.

    Args:
        start: (V, 3) the template as warped. Eyes, teeth and tongue stay there.

    Returns:
        (V, 3)
    """
    skin = template.triangles[skin_triangles(template)]
    used = np.unique(skin)
    place = np.full(len(start), -1)
    place[used] = np.arange(len(used))
    local = place[skin]
    mass, bending = bending_energy(template.vertices[used].astype(np.float64), local)
    rims, goals = rim_rows(template, target, used)
    outside = np.zeros(len(used), bool)
    outside[local[outer_triangles(template)]] = True
    surface = Mesh(target.vertices, target.triangles[target.seen])
    rim_weight = RIM * float(np.median(mass))
    fitted = start[used].copy()
    for number, (length, reach) in enumerate(zip(LENGTHS, REACH, strict=True)):
        step(number, len(LENGTHS))
        weight, goal = closest_goals(fitted, local, outside, surface, reach)
        weight *= mass
        system = diagonal(weight + HOLD * mass) + length**4 * bending + rim_weight * (rims.T @ rims)
        pull = weight[:, None] * (goal - start[used]) + rim_weight * (rims.T @ (goals - rims @ start[used]))
        fitted = start[used] + factorised(system)(pull)
    out = start.copy()
    out[used] = fitted
    return out


def bending_energy(vertices: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, Any]:
    """Area of each vertex (V,) and the (V, V) sparse energy of a displacement's bending, 1 / metres^2."""
    slope, area = gradient(vertices, triangles)
    stiffness = slope.T @ diagonal(np.repeat(area, 3)) @ slope
    mass = np.bincount(triangles.ravel(), np.repeat(area, 3) / 3, minlength=len(vertices))
    mass = np.maximum(mass, 1e-3 * np.median(mass))
    return mass, stiffness @ diagonal(1 / mass) @ stiffness


def closest_goals(
    fitted: np.ndarray, triangles: np.ndarray, outside: np.ndarray, surface: Mesh, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weight (V,) 0..1 and place (V, 3) that the surface offers each vertex."""
    near = surface.nearest(fitted, vertex_normals(fitted, triangles), LEAST_COS)
    good = outside & (near.distance < reach) & ~on_border(surface, near)
    weight = np.where(good, 1 / (1 + (np.where(good, near.distance, 0) / (reach / 2)) ** 2), 0)
    return weight, np.where(good[:, None], near.point, fitted)


def on_border(surface: Mesh, near: Any) -> np.ndarray:
    """(M,) bool: the nearest point is on an open edge, so that the true counterpart is missing."""
    pairs = np.concatenate([surface.triangles[:, [0, 1]], surface.triangles[:, [1, 2]], surface.triangles[:, [2, 0]]])
    edges, count = np.unique(np.sort(pairs, axis=1), axis=0, return_counts=True)
    rim = np.zeros(len(surface.vertices), bool)
    rim[edges[count == 1]] = True
    corner = rim[surface.triangles[near.triangle]]
    return np.where(corner, near.weights, 0).sum(axis=1) > 0.999


def rim_rows(template: Template, target: Target, used: np.ndarray) -> tuple[Any, np.ndarray]:
    """Rows (R, used) that pick the template's rims, and where they belong (R, 3)."""
    from scipy.sparse import csr_matrix, vstack

    own = template_openings(template)
    rows, goals = [csr_matrix((0, len(template.vertices)))], [np.zeros((0, 3))]
    for name in sorted(own.keys() & target.openings.keys()):
        theirs = target.openings[name]
        rows += [own[name].upper.rows, own[name].lower.rows]
        goals += [theirs.upper.point, theirs.lower.point]
    return vstack(rows).tocsc()[:, used], np.concatenate(goals)
