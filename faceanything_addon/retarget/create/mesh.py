"""A character's meshes as one body of triangles."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import UserError

WELD = 1e-6  # of the whole size: open edges nearer than this are one (importers split meshes along UV seams)


@dataclass(frozen=True)
class Piece:
    """One mesh of a character, as it stands in the world: V vertices, P polygons."""

    name: str
    vertices: np.ndarray  # (V, 3) any unit
    starts: np.ndarray  # (P,) first corner of each polygon
    corners: np.ndarray  # (C,) vertices of the polygons' corners


@dataclass(frozen=True)
class Body:
    """All pieces together; vertices of open edges that lie on each other are one node."""

    vertices: np.ndarray  # (N, 3) f8
    triangles: np.ndarray  # (T, 3) i4, corners all different
    island: np.ndarray  # (N,) i4 number of the connected part
    nodes: np.ndarray  # (V,) i4 node of each vertex of the pieces, in their order


def unique_edges(triangles: np.ndarray) -> np.ndarray:
    """(E, 2) each edge of the triangles once."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def join(pieces: Sequence[Piece]) -> Body:
    """Make one body of a character's pieces.

    Raises:
        UserError: there are no faces, or a coordinate is not a number.
    """
    vertices = np.concatenate([np.asarray(p.vertices, np.float64) for p in pieces])
    if not np.isfinite(vertices).all():
        bad = next(p.name for p in pieces if not np.isfinite(p.vertices).all())
        raise UserError(f"{bad}: some of its vertices have no place (not a number); mend the mesh")
    base = np.cumsum([0, *(len(p.vertices) for p in pieces)])
    triangles = np.concatenate([fan(p.starts, p.corners) + b for p, b in zip(pieces, base, strict=False)])
    if not len(triangles):
        raise UserError(f"{pieces[0].name}: has no faces; choose the mesh of a head")
    nodes = weld(vertices, triangles)
    place = np.zeros(nodes.max() + 1, np.int64)
    place[nodes] = np.arange(len(nodes))
    triangles = nodes[triangles]
    a, b, c = triangles.T
    triangles = triangles[(a != b) & (b != c) & (c != a)].astype(np.int32)
    return Body(
        vertices=vertices[place],
        triangles=triangles,
        island=islands(len(place), triangles),
        nodes=nodes,
    )


def fan(starts: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """(T, 3) triangles of polygons, each cut from its first corner."""
    sizes = np.diff(np.append(starts, len(corners)))
    count = np.maximum(sizes - 2, 0)
    first = np.repeat(starts, count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return np.stack([corners[first], corners[first + step + 1], corners[first + step + 2]], axis=1).astype(np.int64)


def weld(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(V,) node of each vertex: those on open edges that lie on each other share one."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges, count = np.unique(np.sort(pairs, axis=1), axis=0, return_counts=True)
    rim = np.unique(edges[count == 1])
    nodes = np.arange(len(vertices))
    if len(rim):
        size = float(np.ptp(vertices, axis=0).max()) or 1.0
        key = np.round(vertices[rim] / (size * WELD)).astype(np.int64)
        _, first, same = np.unique(key, axis=0, return_index=True, return_inverse=True)
        nodes[rim] = rim[first[same.reshape(-1)]]
    return np.unique(nodes, return_inverse=True)[1].reshape(-1)


def islands(count: int, triangles: np.ndarray) -> np.ndarray:
    """(count,) i4 number of the connected part of each vertex."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = np.concatenate([triangles[:, :2], triangles[:, 1:]])
    graph = coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.int32)


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(N, 3) unit, area-weighted; zero where there is no face."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    total = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(normal[:, k], 3), minlength=len(vertices)) for k in range(3)], axis=1
    )
    return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-30)
