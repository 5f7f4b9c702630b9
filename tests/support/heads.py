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


def gums(template: Template) -> Piece:
    """One sheet from the upper teeth's necks back into the throat and on to the lower ones'.

    Row by row; the last row stands up between the lower teeth, to half their height.
    """
    vertices = stranger(template)
    teeth = template.part == Part.TEETH
    moves = np.linalg.norm(template.expressions[template.expression_names.index("jawOpen")], axis=1) > 1e-4
    upper, lower = vertices[teeth & ~moves], vertices[teeth & moves]
    angle = np.linspace(-1.0, 1.0, 17)
    top, bottom = _arch(upper, angle), _arch(lower, angle)
    top[:, 1], bottom[:, 1] = upper[:, 1].max(), lower[:, 1].min()
    throat = (top + bottom) / 2 - [0, 0, 0.02]
    papillae = bottom.copy()
    papillae[:, 1] = lower[:, 1].mean()
    path = [top, (top + throat) / 2, throat, (throat + bottom) / 2, bottom, (bottom + papillae) / 2, papillae]
    corner = (np.arange(len(path) - 1)[:, None] * 17 + np.arange(16)).ravel()
    quads = np.stack([corner, corner + 1, corner + 18, corner + 17], axis=1)
    return Piece("Gums", world(np.concatenate(path)), np.arange(0, quads.size, 4), quads.ravel())


def _arch(teeth: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(n, 3) places along a row of teeth, from one side to the other (angle in radians from the front)."""
    middle = np.array([0, 0, teeth[:, 2].min()])
    around = np.arctan2(teeth[:, 0], teeth[:, 2] - middle[2])
    return np.stack([teeth[np.abs(around - a) < 0.2].mean(axis=0) for a in angle])
