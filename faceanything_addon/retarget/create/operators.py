"""Sparse matrices of a triangle mesh."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import numpy as np


def gradient(vertices: np.ndarray, triangles: np.ndarray) -> tuple[Any, np.ndarray]:
    """Gradient of values at vertices, constant in each triangle.

    Source: Botsch, Sumner, Pauly, Gross, Deformation transfer for detail-preserving surface editing, VMV 2006.

    Returns:
        (3T, V) sparse: rows 3t..3t+2 hold the x, y, z of triangle t; areas (T,). Triangles without an area have
        no gradient.
    """
    from scipy.sparse import csr_matrix

    corners = vertices[triangles]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(normal, axis=1)
    good = double > 1e-9 * max(float(np.median(double)), 1e-300)
    normal = normal / np.where(good, double, 1)[:, None]
    values = np.empty((len(triangles), 3, 3))  # triangle, axis, corner
    for k in range(3):
        opposite = corners[:, (k + 2) % 3] - corners[:, (k + 1) % 3]
        values[:, :, k] = np.cross(normal, opposite) / np.where(good, double, 1)[:, None]
    values[~good] = 0
    rows = np.repeat(np.arange(3 * len(triangles)), 3)
    columns = np.repeat(triangles, 3, axis=0).ravel()
    matrix = csr_matrix((values.ravel(), (rows, columns)), shape=(3 * len(triangles), len(vertices)))
    return matrix, np.where(good, double / 2, 0)


def weighted_rows(triangle: np.ndarray, weights: np.ndarray, triangles: np.ndarray, count: int) -> Any:
    """(M, count) sparse: values at surface points, of triangle (M,) and weights (M, 3), from those at vertices."""
    from scipy.sparse import csr_matrix

    layout = (np.asarray(weights, float).ravel(), triangles[triangle].ravel(), np.arange(0, 3 * len(triangle) + 1, 3))
    return csr_matrix(layout, shape=(len(triangle), count))


def diagonal(values: np.ndarray) -> Any:
    """Square sparse matrix with these values."""
    from scipy.sparse import diags

    return diags(values, format="csr")


def factorised(matrix: Any) -> Any:
    """Solver of a symmetric positive definite sparse matrix: solver(b) for b (N,) or (N, R)."""
    from scipy.sparse.linalg import splu

    symmetric = {"SymmetricMode": True}
    return splu(matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=symmetric).solve
