"""How a character's own skin is to move, and which points of it the bones are to bring there."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...template import Template
from ..create import Piece, carry_shapes, lay_template, shutting
from .face import Face
from .probes import Probes

# All lengths in distances between the eyes.
CELL = 0.09  # of the skin one point in each cube of this side, and all of the rims
STILL = 0.01  # skin that no expression moves further is left out
APART = 0.35  # how far the face that is seen on the skin may lie from the one that the bones span
RIM_TRUST, LANDMARK_TRUST, SKIN_TRUST = 3.0, 2.0, 0.05
STIFFNESS, NEIGHBOURS = 0.6, 8  # trust in the difference of two neighbours a cell apart: skin is to stretch as wanted
LID_REACH, LID_STIFFNESS = 0.15, 0.1  # less of it near the lids' rims, which must meet
PRESSED = 1.1  # lips shut over an open jaw go so much further than would do: bones below a turned jaw fall short


@dataclass(frozen=True)
class MovingSkin:
    """The 52 shapes on V vertices of a character, and which of them are what; one unit throughout."""

    vertices: np.ndarray  # (V, 3)
    shapes: np.ndarray  # (52, V, 3) f4
    skin: np.ndarray  # rows of the face's skin
    lips: np.ndarray  # rows along the rims of the mouth
    lids: np.ndarray  # rows along the rims of the eyes
    landmarks: np.ndarray  # (68, 3)

    def agrees(self, face: Face, template: Template) -> bool:
        """Whether it lies where the bones' face is."""
        expected = face.place(template.landmarks(template.vertices.astype(np.float64)))
        return bool(np.median(np.linalg.norm(self.landmarks - expected, axis=1)) < APART * face.size)


def moving_skin(
    pieces: Sequence[Piece], template: Template, front: np.ndarray, report: Callable[[int, int], None]
) -> MovingSkin:
    """Find the face on a character's meshes and carry the template's shapes to it, as `make_shapes` does.

    Args:
        front: (3, 3) rotation from the pieces' to template axes.

    Raises:
        UserError: no face is recognised, or the meshes cannot be used.
    """
    laid = lay_template(pieces, template, report, front=front)
    rims = shutting(template)
    rims[template.expression_names.index("mouthClose")] *= PRESSED
    nodes = laid.body.nodes
    vertex = np.zeros(len(laid.body.vertices), np.int64)  # of each node
    vertex[nodes] = np.arange(len(nodes))
    around = {name: [opening.upper, opening.lower] for name, opening in laid.target.openings.items()}
    return MovingSkin(
        vertices=np.concatenate([np.asarray(piece.vertices, np.float64) for piece in pieces]),
        shapes=carry_shapes(laid, template, rims, report)[:, nodes],
        skin=vertex[np.unique(laid.target.triangles)],
        lips=vertex[_rim_nodes(around.pop("mouth", []))],
        lids=vertex[_rim_nodes([rim for rims in around.values() for rim in rims])],
        landmarks=laid.placing.apply(template.landmarks(laid.fitted)),
    )


def _rim_nodes(rims: list[Any]) -> np.ndarray:
    """Nodes that the points of some rims are told by."""
    used = [rim.rows.tocoo().col[rim.rows.tocoo().data != 0] for rim in rims]
    return np.unique(np.concatenate(used)).astype(np.int64) if used else np.zeros(0, np.int64)


def skin_probes(moving: MovingSkin, size: float) -> Probes:
    """Points of the skin, thinned out, that know how they are to move; size: the distance between the eyes."""
    from scipy.spatial import KDTree

    far = np.linalg.norm(moving.shapes, axis=2).max(axis=0) > STILL * size
    skin = moving.skin[far[moving.skin]]
    rims = np.intersect1d(np.concatenate([moving.lips, moving.lids]), skin)
    marks = skin[KDTree(moving.vertices[skin]).query(moving.landmarks)[1]]
    # Rounded: the face's middle line lies in the middle of its cells, not on a border that the last bit decides.
    cells = np.round(moving.vertices[skin] / (CELL * size)).astype(np.int64)
    rows = np.union1d(skin[np.unique(cells, axis=0, return_index=True)[1]], np.union1d(rims, marks))
    trust = np.where(np.isin(rows, marks), LANDMARK_TRUST, SKIN_TRUST)
    places = moving.vertices[rows] / size
    return Probes(
        bones=(),
        skin=rows,
        rest=places,
        basis=np.zeros((len(moving.shapes), 0, 3)),
        trust=np.where(np.isin(rows, rims), RIM_TRUST, trust),
        shapes=moving.shapes[:, rows].astype(np.float64),
        ties=_ties(places, moving.vertices[np.intersect1d(moving.lids, skin)] / size),
    )


def _ties(places: np.ndarray, lids: np.ndarray) -> Any:
    """(P, P) sparse Laplacian: neighbours are to part as their targets do; far ones count less.

    A bone fits positions also by turning a patch of skin on the spot; between its ends the skin would tear.
    """
    from scipy.sparse import coo_matrix, diags
    from scipy.spatial import KDTree

    count = min(NEIGHBOURS, len(places) - 1)
    if count < 1:
        return diags(np.zeros(len(places)))
    distance, other = (np.asarray(found) for found in KDTree(places).query(places, k=count + 1))
    near_lids = KDTree(lids).query(places)[0] < LID_REACH if len(lids) else np.zeros(len(places), bool)
    one, other = np.repeat(np.arange(len(places)), count), other[:, 1:].ravel()
    weight = STIFFNESS * np.minimum((CELL / np.maximum(distance[:, 1:].ravel(), CELL / 4)) ** 2, 1.0)
    weight[near_lids[one] | near_lids[other]] *= LID_STIFFNESS
    pairs = coo_matrix((weight, (one, other)), shape=(len(places), len(places)))
    pairs = (pairs + pairs.T) / 2
    return (diags(np.asarray(pairs.sum(axis=1)).ravel()) - pairs).tocsr()
