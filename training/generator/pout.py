"""Lips that grow full as they are pushed forward: in a pout they turn outwards, each by as much as the person's do."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceanything_addon.reconstruct.per_template import per_template
from faceanything_addon.template import Part, Template

from .crevices import LOWER_RIM, UPPER_RIM
from .raster import vertex_normals
from .shapes import distance_to_line, ramp

PUSHED = {"mouthPucker": 1.0, "mouthFunnel": 0.5}  # how far a coefficient pushes the lips forward
CHANCE, MOST = 0.5, 1.2
BELOW = 0.008  # metres of skin beyond a lip's border that go along
FRONT = 0.35  # of a vertex's normal, forward: what faces forward less lies inside the mouth


@dataclass(frozen=True)
class Lip:
    """Landmarks of a lip's inner edge and of its border, from corner to corner, and which way it grows, metres."""

    rim: tuple[int, ...]
    border: tuple[int, ...]
    grows: tuple[float, float, float]

    @property
    def side(self) -> float:
        """1 above the other lip, -1 below."""
        return float(np.sign(self.grows[1]))


LIPS = (
    Lip(UPPER_RIM, (48, 49, 50, 51, 52, 53, 54), (0.0, 0.0035, 0.0015)),
    Lip(LOWER_RIM, (48, 59, 58, 57, 56, 55, 54), (0.0, -0.0065, 0.0025)),
)


def pouting(rng: np.random.Generator, template: Template, how: np.ndarray) -> np.ndarray:
    """(V, 3) metres that a person's lips grow by as far as coefficients (52,) push them forward."""
    pushed = max(float(how[template.expression_names.index(name)]) * far for name, far in PUSHED.items())
    grown = np.zeros_like(template.vertices)
    if rng.random() > CHANCE or pushed <= 0:
        return grown
    for field, own in zip(full_lips(template), rng.random(2), strict=True):
        grown += np.float32(own * min(pushed, MOST)) * field
    return grown


@per_template
def full_lips(template: Template) -> np.ndarray:
    """(2, V, 3) metres that the upper and the lower lip grow by at the most."""
    return np.stack([turned_out(template, lip)[:, None] * np.float32(lip.grows) for lip in LIPS])


def turned_out(template: Template, lip: Lip) -> np.ndarray:
    """(V,) 0 along a lip's inner edge to 1 along its border, and less and less in the skin beyond; 0 at the corners."""
    marks = template.landmarks(template.vertices)
    rim, border = marks[list(lip.rim)], marks[list(lip.border)]
    near = np.flatnonzero(_around(template, border))
    places, forward = template.vertices[near], _forward(template)[near]
    inner, outer = distance_to_line(places, rim), distance_to_line(places, border)
    above = lip.side * (places[:, 1] - np.interp(places[:, 0], *border[_rising(border)].T[:2]))
    on_lip = ramp(inner / (inner + outer), 0.0, 1.0)
    beyond = np.exp(-((outer / BELOW) ** 2))
    this_side = lip.side * (places[:, 1] - np.interp(places[:, 0], *rim[_rising(rim)].T[:2])) > 0
    half = np.abs(border[[0, -1], 0]).mean()
    middle = (1 - (places[:, 0] / half) ** 2).clip(0)
    weight = np.zeros(len(template.vertices), np.float32)
    weight[near] = np.where(above > 0, beyond, on_lip) * this_side * middle * ramp(forward, 0.0, FRONT)
    return weight


def _around(template: Template, line: np.ndarray) -> np.ndarray:
    """(V,) bool: skin near the mouth."""
    low, high = line.min(axis=0) - 3 * BELOW, line.max(axis=0) + 3 * BELOW
    return (template.part == Part.SKIN) & ((template.vertices > low) & (template.vertices < high)).all(axis=1)


def _rising(line: np.ndarray) -> np.ndarray:
    return np.argsort(line[:, 0])


def _forward(template: Template) -> np.ndarray:
    """(V,) how far the neutral face's normals point forward."""
    normals = np.zeros_like(template.vertices, dtype=np.float32)
    vertex_normals(template.vertices.astype(np.float32), template.triangles.astype(np.int32), normals)
    return normals[:, 2]
