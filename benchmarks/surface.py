"""Depth and normals of a posed template, drawn pixel by pixel."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from functools import lru_cache

import numpy as np

from faceanything_addon.template import Part, Template

MM = 1000.0
SHRINK = 2  # maps are drawn at the picture's size over this
EVERY = 3  # frames of a sequence that are drawn


@lru_cache(maxsize=1)
def face_triangles() -> tuple[np.ndarray, np.ndarray]:
    """The template's triangles (T, 3), and (T,) bool: skin of the face, where surfaces are judged."""
    from faceanything_addon.template import load_template

    template = load_template()
    triangles = template.triangles.astype(np.int32)
    return triangles, face_skin(template)[triangles].all(axis=1)


def face_skin(template: Template) -> np.ndarray:
    """(V,) bool: skin of the face, where correspondence is judged."""
    return (template.part == Part.SKIN) & (template.regions["face"] > 0.5)


def rasterised(pixels: np.ndarray, depth: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The template's surface from its vertices' pixels (V, 2) and depths (V,).

    Returns:
        Triangle (size, size), -1 for none; its last corners' weights (size, size, 2); depth (size, size).
    """
    from training.generator.raster import empty_buffers, rasterize

    triangles, _ = face_triangles()
    count = len(triangles)
    nearest, ids, bary = empty_buffers(size, size)
    none, flat = np.full(count, -1, np.int16), np.zeros((count, 3, 2), np.float32)
    rasterize(pixels.astype(np.float32), np.ascontiguousarray(depth, np.float32), triangles, none, flat,
              np.ones(count, np.uint8), np.zeros((1, 1, 1, 4), np.uint8), False, nearest, ids, bary)  # fmt: skip
    return ids, bary, nearest


def corner_shares(bary: np.ndarray) -> np.ndarray:
    """(..., 2) last corners' weights -> (..., 3) all corners'."""
    return np.concatenate([1 - bary.sum(axis=-1, keepdims=True), bary], axis=-1)


def draw(vertices: np.ndarray, intrinsics: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) in camera space -> depth (h, h) metres and unit normals (h, h, 3), h = size / SHRINK; NaN off the face."""
    from training.generator.raster import vertex_normals

    triangles, face = face_triangles()
    vertices = np.ascontiguousarray(vertices, dtype=np.float32)
    h = size // SHRINK
    at = vertices @ intrinsics.T
    pixels = (at[:, :2] / at[:, 2:] + 0.5) / SHRINK - 0.5
    ids, bary, depth = rasterised(pixels, vertices[:, 2], h)
    normal = np.empty_like(vertices)
    vertex_normals(vertices, triangles, normal)
    seen = ids >= 0
    seen[seen] = face[ids[seen]]
    weights = corner_shares(bary[seen])
    normals = np.full((h, h, 3), np.nan)
    normals[seen] = np.einsum("nk,nkd->nd", weights, normal[triangles[ids[seen]]])
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    return np.where(seen, depth, np.nan), normals


def compare(
    own: np.ndarray, own_k: np.ndarray, truth: np.ndarray, true_k: np.ndarray, size: int
) -> tuple[float, float]:
    """Depth RMSE in mm and mean angle of the normals in degrees, over the pixels in which both have a face.

    One camera has taken the sequence: one scale is fitted for all of it, and one shift per frame.

    Args:
        own, truth: (F, V, 3) camera space; own_k (F, 3, 3), true_k (3, 3) intrinsics.
        size: of the pictures, pixels.
    """
    guesses, truths, angles = [], [], []
    for k in range(0, len(own), EVERY):
        (a, normal_a), (b, normal_b) = draw(own[k], own_k[k], size), draw(truth[k], true_k, size)
        both = np.isfinite(a) & np.isfinite(b)
        guesses.append(a[both] - a[both].mean())
        truths.append(b[both] - b[both].mean())
        angles.append(np.degrees(np.arccos((normal_a * normal_b).sum(-1)[both].clip(-1, 1))))
    guess, true = np.concatenate(guesses), np.concatenate(truths)
    scale = (guess @ true) / (guess @ guess)
    return float(MM * np.sqrt(((scale * guess - true) ** 2).mean())), float(np.concatenate(angles).mean())
