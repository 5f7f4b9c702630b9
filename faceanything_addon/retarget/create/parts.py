"""Which connected parts of a character are its face, its eyes and what else."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...template import Template
from .mesh import Body
from .similarity import Similarity

SKIN_SHARE = 0.05  # of the votes of the island seen most: from here on an island is face as well
ROUND = 0.15  # an eyeball is off its sphere by less than this share of the radius (RMS)
EYE_RADII = (0.005, 0.045)  # metres, at the template's size
EYE_REACH = 0.022  # metres, or a radius: how far an eyeball's centre may be off the template's
FRONT = ((0.0, 0.0, 1.0), (0.3, 0.0, 1.0), (-0.3, 0.0, 1.0), (0.0, 0.3, 1.0), (0.0, -0.3, 1.0))
LEAST_VERTICES = 12
WHITE, IRIS = (0.9, 0.88, 0.86), (0.12, 0.08, 0.06)
IRIS_COS = 0.9  # cosine of the angle that an iris takes from the gaze


@dataclass(frozen=True)
class Eyeball:
    """Islands about one centre, template space."""

    islands: tuple[int, ...]
    center: np.ndarray  # (3,) metres
    radius: float


@dataclass(frozen=True)
class Parts:
    """What the islands are."""

    face: tuple[int, ...]
    eyes: tuple[Eyeball | None, Eyeball | None]  # subject's left first

    @property
    def eye_islands(self) -> tuple[int, ...]:
        return tuple(i for eye in self.eyes if eye is not None for i in eye.islands)


def sort_parts(body: Body, template: Template, placing: Similarity, votes: np.ndarray | None) -> Parts:
    """Tell the islands apart.

    Args:
        placing: template -> world.
        votes: (islands, parts) as `find.votes` gives; None: the islands with the largest surface are the face.
    """
    local = placing.undo(body.vertices)
    sizes = np.bincount(body.island)
    eyes = tuple(_eyeball(body, local, sizes, center) for center in template.eye_centers)
    taken = [i for eye in eyes if eye is not None for i in eye.islands]
    weight = votes.sum(axis=1) if votes is not None else _areas(body)
    weight[taken] = 0
    face = np.flatnonzero(weight > SKIN_SHARE * weight.max())
    return Parts(tuple(int(i) for i in face), (eyes[0], eyes[1]))


def _areas(body: Body) -> np.ndarray:
    corner = body.vertices[body.triangles]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    return np.bincount(body.island[body.triangles[:, 0]], area, minlength=int(body.island.max()) + 1)


def _eyeball(body: Body, local: np.ndarray, sizes: np.ndarray, expected: np.ndarray) -> Eyeball | None:
    """The round islands about where one eye is expected."""
    near = np.unique(body.island[np.linalg.norm(local - expected, axis=1) < 2 * EYE_REACH])
    balls = []
    for island in near[(sizes[near] >= LEAST_VERTICES)]:
        points = local[body.island == island]
        center, radius = fit_sphere(points)
        off = np.linalg.norm(points - center, axis=1) - radius
        placed = np.linalg.norm(center - expected) < max(EYE_REACH, radius)
        # A lash lies round the eyeball's front, an eyeball covers it.
        ahead = covers(local, body.triangles[body.island[body.triangles[:, 0]] == island], center)
        if EYE_RADII[0] < radius < EYE_RADII[1] and np.sqrt((off**2).mean()) < ROUND * radius and placed and ahead:
            balls.append((len(points), int(island), center, radius))
    if not balls:
        return None
    balls.sort(key=lambda ball: -ball[3])
    _, _, center, radius = balls[0]
    same = [b[1] for b in balls if np.linalg.norm(b[2] - center) < radius]
    return Eyeball(tuple(same), center, float(radius))


def covers(vertices: np.ndarray, triangles: np.ndarray, center: np.ndarray) -> bool:
    """Every ray FRONT from the centre meets a triangle."""
    corners = (vertices[triangles] - center).transpose(0, 2, 1)
    corners = corners[np.abs(np.linalg.det(corners)) > 1e-18]
    if not len(corners):
        return False
    weights = np.linalg.solve(corners, np.broadcast_to(np.asarray(FRONT).T, (len(corners), 3, len(FRONT))))
    return bool((weights > -1e-6).all(axis=1).any(axis=0).all())


def fit_sphere(points: np.ndarray) -> tuple[np.ndarray, float]:
    """Centre (3,) and radius of the sphere through points (N, 3), also where they cover only a part of it.

    |p|^2 = 2 c.p + (r^2 - |c|^2) is linear in c and the bracket.
    """
    middle = points.mean(axis=0)
    local = points - middle
    design = np.column_stack([2 * local, np.ones(len(local))])
    solution = np.linalg.lstsq(design, (local**2).sum(axis=1), rcond=None)[0]
    center = solution[:3]
    return center + middle, float(np.sqrt(max(solution[3] + center @ center, 0)))


def paint(body: Body, parts: Parts, placing: Similarity, plain: np.ndarray) -> np.ndarray:
    """Colours (N, 3) with white eyes that look ahead, where there are eyeballs."""
    colours = plain.copy()
    local = placing.undo(body.vertices)
    for eye in parts.eyes:
        if eye is None:
            continue
        chosen = np.isin(body.island, eye.islands)
        ahead = local[chosen] - eye.center
        ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
        colours[chosen] = np.where(ahead[:, 2:] > IRIS_COS, IRIS, WHITE)
    return colours


def drawn(body: Body, parts: Parts) -> np.ndarray:
    """(T,) bool: triangles of face and eyes; brows, lashes and hair would hide them."""
    return np.isin(body.island[body.triangles[:, 0]], (*parts.face, *parts.eye_islands))
