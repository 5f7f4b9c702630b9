"""Half of the head model's skin as a flat disc, and points on it as triangle plus barycentric weights."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree


def boundary_loops(faces: np.ndarray) -> list[np.ndarray]:
    """Closed boundary loops of a triangle or quad mesh (F, 3|4), in the order of its faces' winding."""
    n = faces.shape[1]
    edges = {(int(f[i]), int(f[(i + 1) % n])) for f in faces for i in range(n)}
    following = {a: b for a, b in edges if (b, a) not in edges}
    loops = []
    while following:
        start, current = next(iter(following.items()))
        loop = [start]
        del following[start]
        while current != start:
            loop.append(current)
            current = following.pop(current)
        loops.append(np.array(loop))
    return loops


def laplace(faces: np.ndarray, n: int) -> sp.csr_matrix:
    """Combinatorial graph Laplacian over the faces' edges, (n, n)."""
    k = faces.shape[1]
    a = np.concatenate([faces[:, i] for i in range(k)])
    b = np.concatenate([faces[:, (i + 1) % k] for i in range(k)])
    adjacency = sp.coo_matrix((np.ones(2 * len(a)), (np.r_[a, b], np.r_[b, a])), (n, n)).tocsr()
    adjacency.data[:] = 1.0
    return (sp.diags(np.asarray(adjacency.sum(1)).ravel()) - adjacency).tocsr()


def harmonic(matrix: sp.csr_matrix, fixed: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Solve matrix x = 0 with x[fixed] = values; (n, d)."""
    n = matrix.shape[0]
    free = np.setdiff1d(np.arange(n), fixed)
    out = np.zeros((n, values.shape[1]))
    out[fixed] = values
    solved = spsolve(matrix[free][:, free].tocsc(), -matrix[free][:, fixed] @ values)
    out[free] = solved.reshape(len(free), -1)
    return out


@dataclass(frozen=True)
class Points:
    """Places on a triangle mesh: corner vertices (N, 3) and weights (N, 3)."""

    index: np.ndarray
    weight: np.ndarray

    def of(self, field: np.ndarray) -> np.ndarray:
        """(..., V, 3) field on the mesh -> (..., N, 3)."""
        return np.einsum("...ncd,nc->...nd", field[..., self.index, :], self.weight)


def barycentric(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Weights (N, 3) of points (N, d) projected on triangles (N, 3, d); may be negative outside."""
    u, v, w = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], point - corners[:, 0]
    uu, uv, vv = (u * u).sum(1), (u * v).sum(1), (v * v).sum(1)
    uw, vw = (u * w).sum(1), (v * w).sum(1)
    det = uu * vv - uv * uv + 1e-18
    b, c = (vv * uw - uv * vw) / det, (uu * vw - uv * uw) / det
    return np.stack([1 - b - c, b, c], axis=1)


def clamp(weights: np.ndarray) -> np.ndarray:
    """Nearest sensible weights inside the triangle."""
    weights = np.clip(weights, 0, None)
    return weights / weights.sum(1, keepdims=True)


def locate(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray, near: int = 24) -> Points:
    """Nearest place on a mesh in 2D or 3D for each point (N, d)."""
    tree = cKDTree(vertices[triangles].mean(1))
    _, candidates = tree.query(points, near)
    best, index, weight = np.full(len(points), np.inf), np.zeros((len(points), 3), int), np.zeros((len(points), 3))
    for k in range(near):
        corners = triangles[candidates[:, k]]
        w = clamp(barycentric(points, vertices[corners]))
        distance = np.linalg.norm(np.einsum("ncd,nc->nd", vertices[corners], w) - points, axis=1)
        better = distance < best - 1e-12
        best[better], index[better], weight[better] = distance[better], corners[better], w[better]
    return Points(index, weight)


def along(polyline: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Points at shares 0..1 of a polyline's length; polyline (N, d) -> (M, d)."""
    steps = np.linalg.norm(np.diff(polyline, axis=0), axis=1)
    arc = np.r_[0, np.cumsum(steps)]
    return np.stack([np.interp(shares * arc[-1], arc, polyline[:, k]) for k in range(polyline.shape[1])], axis=1)
