"""How the skin of a rig's meshes is to move, found once for each of them as they stand."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ....retarget.bones.face import Face
from ....retarget.bones.skin import MovingSkin, moving_skin
from ....retarget.create import Piece
from ....template import Template
from ...jobs import ThreadJob
from ...polygons import polygons
from .sample import Rig, placed

PAUSE = 0.02  # seconds between two looks at the thread: where nobody watches, the steps would else be a busy loop
KEPT = 4
SAME = 1e-4  # distances between the eyes: a mesh whose vertices are not further off is the same one elsewhere


@dataclass(frozen=True)
class Skin:
    """What was found; none: why not."""

    moving: MovingSkin | None
    why_not: str = ""


@dataclass(frozen=True)
class Known:
    """A character that was looked at before."""

    pieces: list[Piece]
    face: Face
    skin: Skin

    def is_of(self, pieces: list[Piece], face: Face) -> bool:
        """Whether these are its meshes, looking the same way; evaluation wavers in the last bits."""
        alike = len(pieces) == len(self.pieces) and np.allclose(face.axes, self.face.axes, atol=1e-3)
        return alike and all(_same(*pair, SAME * face.size) for pair in zip(pieces, self.pieces, strict=True))


def _same(one: Piece, other: Piece, within: float) -> bool:
    if not (np.array_equal(one.corners, other.corners) and np.array_equal(one.starts, other.starts)):
        return False
    return one.vertices.shape == other.vertices.shape and np.allclose(one.vertices, other.vertices, rtol=0, atol=within)


_known: deque[Known] = deque(maxlen=KEPT)


def find_skin(rig: Rig, template: Template, face: Face) -> Iterator[float | Skin]:
    """Yields shares done, at last what was found. The rig must be held still in its neutral pose."""
    pieces = read_pieces(rig)
    skin = next((known.skin for known in _known if known.is_of(pieces, face)), None)
    if skin is None:
        skin = yield from _search(pieces, template, face)
        _known.append(Known(pieces, face, skin))
    yield skin


def _search(pieces: list[Piece], template: Template, face: Face) -> Generator[float, None, Skin]:
    """Yields shares done; returns a Skin. Closing it early stops the search."""
    found: list[MovingSkin] = []
    job = ThreadJob("", lambda report: found.append(moving_skin(pieces, template, face.axes.T, report)))
    try:
        while not job.finished:
            job.poll()
            yield job.fraction
            time.sleep(PAUSE)
    finally:
        job.kill()
    if not found:
        return Skin(None, job.error or "stopped")
    if not found[0].agrees(face, template):
        return Skin(None, "the face that is seen on it is not where its bones are")
    return Skin(found[0])


def read_pieces(rig: Rig) -> list[Piece]:
    """The meshes as they are deformed now, in armature space; their vertices are those of `Rig.vertices`."""
    graph = bpy.context.evaluated_depsgraph_get()
    inverse = np.array(rig.item.matrix_world.inverted(), np.float64)
    return [_piece(mesh.evaluated_get(graph), inverse) for mesh in rig.meshes]


def _piece(mesh: Any, inverse: np.ndarray) -> Piece:
    return Piece(mesh.name, placed(mesh, inverse), *polygons(mesh.data))
