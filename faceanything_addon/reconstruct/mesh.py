"""Meshes of a take from its parameters, and how far each vertex is backed by pixels."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import numpy as np

from ..template import Template
from ..template.shape import gaze_rotation, shown_gaze
from .fine import Waves
from .lids import Lids, push_lids_out
from .lips import seal_lips
from .per_template import per_template
from .surface import template_surface

SUPPORT = 0.007  # metres around a vertex in which pixels back it
ENOUGH = 1.5  # pixels' worth of support for a confidence of 63 %
VISIBLE_FROM = 0.35  # confidence


def build_meshes(
    template: Template,
    neutral: np.ndarray,
    waves: Waves,
    lids: list[Lids],
    coefficients: np.ndarray,
    residual: np.ndarray,
    gaze: np.ndarray,
) -> np.ndarray:
    """Meshes (F, V, 3) f4 in head space.

    Args:
        coefficients: (F, 52).
        residual: (F, R, 3) of `fine.Waves`.
        gaze: (F, 2, 3) unit vectors, head space.
    """
    frames, flat = len(coefficients), template.expressions.reshape(len(template.expressions), -1)
    vertices = neutral + (coefficients.astype(np.float32) @ flat).reshape(frames, -1, 3)
    # One product for all frames: (F * 3, R) @ (R, V).
    side = np.ascontiguousarray(residual.transpose(0, 2, 1)).reshape(frames * 3, -1)
    vertices += (side @ waves.basis.T).reshape(frames, 3, -1).transpose(0, 2, 1)
    seal_lips(vertices, template)
    axes = shown_gaze(gaze)
    push_lids_out(vertices, lids, axes)
    for number, lid in enumerate(lids):
        ball = vertices[:, lid.eye] - lid.center
        vertices[:, lid.eye] = ball @ gaze_rotation(axes[:, number]).transpose(0, 2, 1) + lid.center
    return vertices


@per_template
def support_matrix(template: Template) -> Any:
    """(V, V) sparse: how much a pixel at one vertex backs another, by distance within the same part."""
    from scipy.sparse import csr_matrix
    from scipy.spatial import KDTree

    tree = KDTree(template.vertices)
    pairs = tree.sparse_distance_matrix(tree, 2 * SUPPORT, output_type="coo_matrix")
    same = template.part[pairs.row] == template.part[pairs.col]
    near = np.exp(-((pairs.data[same] / SUPPORT) ** 2)).astype(np.float32)
    return csr_matrix((near, (pairs.row[same], pairs.col[same])), shape=pairs.shape)


def confidence(frame: dict[str, np.ndarray], template: Template, pixels: np.ndarray, tolerance: float) -> np.ndarray:
    """(V,) f4 0..1 from the dense pixels that agree with the mesh.

    Args:
        pixels: (V, 2) the mesh in the frame.
        tolerance: frame pixels by which an honest pixel may be off.
    """
    used = np.flatnonzero(frame["weight"] > 0)
    surface, inner = template_surface(template), frame["bary"][used]
    bary = np.concatenate([1 - inner.sum(axis=1, keepdims=True), inner], axis=1)
    corners = surface.triangles[frame["triangle"][used]]
    off = np.einsum("nk,nkc->nc", bary, pixels[corners]) - frame["xy"][used]
    agreed = frame["weight"][used] / (1 + (off**2).sum(axis=1) / tolerance**2) ** 2
    amount = np.bincount(corners.ravel(), (bary * agreed[:, None]).ravel(), minlength=len(pixels))
    return (1 - np.exp(-(support_matrix(template) @ amount.astype(np.float32)) / ENOUGH)).astype(np.float32)


def facing(template: Template, camera: np.ndarray) -> np.ndarray:
    """(V,) bool: the surface at a vertex faces the camera. camera: (V, 3) camera space."""
    quads = camera[template.quads]
    normal = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    total = np.stack(
        [
            np.bincount(template.quads.ravel(), np.repeat(normal[:, axis], 4), minlength=len(camera))
            for axis in range(3)
        ],
        axis=1,
    )
    return np.einsum("vc,vc->v", total, camera) < 0
