"""How the skin of a rig's meshes is to move, found once for each of them as they stand."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ....retarget.bones.face import Face
from ....retarget.bones.skin import MovingSkin, moving_skin
from ....retarget.create import Piece
from ....template import Template
from ...jobs import ThreadJob
from .sample import Rig, placed

PAUSE = 0.02  # seconds between two looks at the thread
KEPT = 4


@dataclass(frozen=True)
class Skin:
    """What was found; none: why not."""

    moving: MovingSkin | None
    why_not: str = ""


_known: OrderedDict[str, Skin] = OrderedDict()


def find_skin(rig: Rig, template: Template, face: Face) -> Iterator[float | Skin]:
    """Yields shares done, at last what was found. The rig must be held still in its neutral pose."""
    pieces = read_pieces(rig)
    key = _key(pieces, face)
    if key not in _known:
        _known[key] = yield from _search(pieces, template, face)
        while len(_known) > KEPT:
            _known.popitem(last=False)
    yield _known[key]


def _search(pieces: list[Piece], template: Template, face: Face) -> Any:
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
    starts, corners = np.empty(len(mesh.data.polygons), np.int32), np.empty(len(mesh.data.loops), np.int32)
    mesh.data.polygons.foreach_get("loop_start", starts)
    mesh.data.loops.foreach_get("vertex_index", corners)
    return Piece(mesh.name, placed(mesh, inverse), starts, corners)


def _key(pieces: list[Piece], face: Face) -> str:
    """What the search depends on: meshes and the way they look. Rounded, as evaluation wavers in the last bits."""
    digest = hashlib.sha256(np.round(face.axes, 3).tobytes())
    for piece in pieces:
        digest.update(np.round(piece.vertices / face.size, 5).tobytes() + piece.starts.tobytes())
        digest.update(piece.corners.tobytes() + np.float32(face.size).tobytes())
    return digest.hexdigest()
