"""Heads that stand in for strangers' characters: another person of the template's family, in pieces, anywhere."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.retarget.create import Piece
from faceanything_addon.template import Part, Template

SCALE = 23.0  # of the character's unit to a metre
TO_WORLD = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # Blender's axes: looks along -Y
SHIFT = np.array([3.0, -7.0, 40.0])
MEMBERS = {
    "Head": (Part.SKIN, Part.MOUTH),
    "Eyes": (Part.EYE_LEFT, Part.EYE_RIGHT),
    "Teeth": (Part.TEETH,),
    "Tongue": (Part.TONGUE,),
}


def stranger(template: Template) -> np.ndarray:
    """(V, 3) the template as somebody else with large eyes, in its own space."""
    weights = np.zeros(len(template.identity), np.float32)
    weights[:6] = [1.2, -0.8, 0.9, -0.6, 0.5, 0.7]
    vertices = template.vertices + np.tensordot(weights, template.identity, axes=1)
    return vertices * [1.08, 0.94, 1.0]


def world(points: np.ndarray) -> np.ndarray:
    """Template space -> the character's."""
    return points @ TO_WORLD.T * SCALE + SHIFT


def members(template: Template, name: str) -> np.ndarray:
    """Vertices of the template that make up a piece."""
    return np.flatnonzero(np.isin(template.part, MEMBERS[name]))


def head_pieces(template: Template, names: tuple[str, ...] = tuple(MEMBERS)) -> list[Piece]:
    """The stranger as pieces: skin with the mouth's inside, eyes, teeth, tongue."""
    return [_piece(template, name, world(stranger(template))) for name in names]


def _piece(template: Template, name: str, vertices: np.ndarray) -> Piece:
    index = members(template, name)
    place = np.full(len(vertices), -1)
    place[index] = np.arange(len(index))
    quads = place[template.quads]
    quads = quads[(quads >= 0).all(axis=1)]
    return Piece(name, vertices[index], np.arange(0, 4 * len(quads), 4), quads.ravel())


def box(name: str, center: np.ndarray, size: float) -> Piece:
    """A cube of quads."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * size / 2
    faces = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    return Piece(name, corners + center, np.arange(0, 24, 4), np.ravel(faces))
