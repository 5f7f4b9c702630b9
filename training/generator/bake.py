"""What is worked out once per template: skin UVs and ambient occlusion."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import numpy as np

from faceanything_addon.template import Part, Template
from training.registration import Surface, mouth_and_sockets, triangles

from .raster import empty_buffers, rasterize, vertex_normals

ICT_EYES = np.array([0, 3.616, 8.441])  # cm, midpoint between the eyeballs in ICT and MakeHuman coordinates
SEAM = 0.05  # a triangle wider than this in skin UV crosses a seam


def to_ict(template: Template) -> np.ndarray:
    """(V, 3) template mean neutral in ICT centimetres."""
    return template.vertices.astype(np.float64) * 100 + ICT_EYES


def skin_surface(face_data: Path, registration: Path) -> tuple[Surface, np.ndarray]:
    """MakeHuman outer skin on the ICT head, and its corner UVs (T, 3, 2)."""
    with np.load(face_data / "makehuman_head.npz") as raw:
        keys = ("uv_faces", "skin_uvs", "face_group", "faces")
        mh = {k: raw[k] for k in keys}
    outer = (mh["face_group"] == 0) & ~mouth_and_sockets(mh)
    uv = mh["skin_uvs"][triangles(mh["uv_faces"][outer])]
    moved = np.load(registration)["mh_all_on_ict"]
    return Surface(moved, triangles(mh["faces"][outer])), uv.astype(np.float32)


def skin_uvs(template: Template, surface: Surface, uv: np.ndarray) -> np.ndarray:
    """(T, 3, 2) skin UVs of the template's triangles; zeros where the part is not skin."""
    tris = template.triangles
    p = to_ict(template)
    normals = np.zeros_like(p, dtype=np.float32)
    vertex_normals(p.astype(np.float32), tris, normals)
    out = np.zeros((len(tris), 3, 2), np.float32)
    skin = np.nonzero(template.part[tris[:, 0]] == Part.SKIN)[0]
    nearest, weight, _ = surface.closest(p, normals)
    per_vertex = (uv[nearest] * weight[..., None]).sum(axis=1)
    out[skin] = per_vertex[tris[skin]]
    wide = skin[(out[skin].max(axis=1) - out[skin].min(axis=1)).max(axis=1) > SEAM]
    middle, _, _ = surface.closest(p[tris[wide]].mean(axis=1), normals[tris[wide]].mean(axis=1))
    corners = surface.vertices[surface.tris[middle]].astype(np.float64)
    for k in range(3):
        w = np.clip(plane_weights(p[tris[wide, k]], corners), -2, 3)
        out[wide, k] = (uv[middle] * (w / w.sum(axis=1, keepdims=True))[..., None]).sum(axis=1)
    return np.clip(out, 0.001, 0.999)


def plane_weights(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Unclamped barycentric weights of points (n, 3) in the planes of triangles (n, 3, 3)."""
    a, ab, ac = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    gram = np.stack(
        [np.stack([(ab * ab).sum(-1), (ab * ac).sum(-1)], -1), np.stack([(ab * ac).sum(-1), (ac * ac).sum(-1)], -1)], 1
    )
    rhs = np.stack([((point - a) * ab).sum(-1), ((point - a) * ac).sum(-1)], -1)
    vw = np.linalg.solve(gram + 1e-9 * np.eye(2), rhs[..., None])[..., 0]
    return np.concatenate([1 - vw.sum(-1, keepdims=True), vw], axis=-1)


def ambient_occlusion(vertices: np.ndarray, tris: np.ndarray, directions: int = 96, size: int = 256) -> np.ndarray:
    """(V,) share of the sky each vertex sees, weighted by the cosine."""
    rng = np.random.default_rng(5)
    d = rng.normal(size=(directions, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    normals = np.zeros_like(vertices, dtype=np.float32)
    vertex_normals(vertices.astype(np.float32), tris, normals)
    open_, total = np.zeros(len(vertices)), np.zeros(len(vertices))
    for axis in d:
        cosine = np.maximum(normals @ axis, 0)
        total += cosine
        open_ += cosine * unshadowed(vertices, tris, axis, size)
    return (open_ / np.maximum(total, 1e-6)).astype(np.float32)


def unshadowed(vertices: np.ndarray, tris: np.ndarray, axis: np.ndarray, size: int) -> np.ndarray:
    """(V,) bool: nothing lies between the vertex and infinity along `axis`."""
    side = np.cross(axis, [0.3, 0.9, 0.31])
    side /= np.linalg.norm(side)
    up = np.cross(axis, side)
    p = vertices @ np.stack([side, up, axis], axis=1)
    low = p.min(axis=0)
    scale = (size - 2) / (p.max(axis=0) - low)[:2].max()
    xy = ((p[:, :2] - low[:2]) * scale).astype(np.float32)
    z = (10 + p[:, 2].max() - p[:, 2]).astype(np.float32)
    zbuf, ids, bary = empty_buffers(size, size)
    n = len(tris)
    uv, none = np.zeros((n, 3, 2), np.float32), np.zeros((1, 1, 1, 4), np.uint8)
    rasterize(xy, z, tris, np.full(n, -1, np.int16), uv, np.zeros(n, np.uint8), none, False, zbuf, ids, bary)
    q = np.clip(np.rint(xy).astype(int), 0, size - 1)
    return z < zbuf[q[:, 1], q[:, 0]] + 0.004
