"""What is worked out once per template: skin UVs, cards carried over, ambient occlusion, face regions."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from faceanything_addon.template import Part, Template
from training.registration import Surface, closest_weights, mouth_and_sockets, triangles

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


@dataclass
class Card:
    """A proxy (brows, lashes, hair) bound to the template's skin."""

    name: str
    kind: str
    tris: np.ndarray  # (T, 3) i4
    uv: np.ndarray  # (T, 3, 2) f4
    layer: int  # of the card textures, -1: plain
    rest: np.ndarray  # (N, 3) metres on the mean neutral
    index: np.ndarray  # (N, k) template vertices
    weight: np.ndarray  # (N, k) f4
    offset: np.ndarray | None  # (N, 3) along normal and two tangents of the triangle; None: moves with the mean shift

    def place(self, vertices: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """(N, 3) positions for template vertices (V, 3)."""
        if self.offset is None:
            return self.rest + np.einsum("nk,nkd->nd", self.weight, (vertices - mean)[self.index])
        corners = vertices[self.index]
        return np.einsum("nk,nkd->nd", self.weight, corners) + np.einsum("na,nad->nd", self.offset, frames(corners))


def frames(corners: np.ndarray) -> np.ndarray:
    """(N, 3, 3) rows normal, edge, third axis of triangles (N, 3, 3)."""
    edge = corners[:, 1] - corners[:, 0]
    normal = np.cross(edge, corners[:, 2] - corners[:, 0])
    edge = edge / (np.linalg.norm(edge, axis=1, keepdims=True) + 1e-12)
    normal = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12)
    return np.stack([normal, edge, np.cross(normal, edge)], axis=1)


def carry(face_data: Path, registration: Path) -> dict[str, np.ndarray]:
    """Proxy name -> (N, 3) positions on the ICT neutral, cm."""
    with np.load(face_data / "makehuman_head.npz") as raw:
        before, body = raw["vertices"], raw["vertex_group"] == 0
    after = np.load(registration)["mh_all_on_ict"]
    tree = cKDTree(before[body])
    shift = (after - before)[body]
    out = {}
    with np.load(face_data / "makehuman_proxies.npz") as data:
        for name in data["names"]:
            v = data[f"{name}/vertices"]
            far, near = tree.query(v, k=8)
            w = 1 / (far + 0.1) ** 2
            out[str(name)] = v + np.einsum("nk,nkd->nd", w / w.sum(axis=1, keepdims=True), shift[near])
    return out


def make_cards(template: Template, face_data: Path, registration: Path, layers: dict[str, int]) -> list[Card]:
    """Brows, lashes and hair bound to the template; `layers` maps a texture's file name to its layer."""
    skin = np.nonzero(template.part == Part.SKIN)[0]
    tris = template.triangles
    tris = tris[(template.part[tris] == Part.SKIN).all(axis=1)]
    surface = Surface(template.vertices, tris)
    tree = cKDTree(template.vertices[skin])
    moved = carry(face_data, registration)
    cards = []
    with np.load(face_data / "makehuman_proxies.npz") as data:
        for name, kind, texture in zip(data["names"], data["kinds"], data["textures"], strict=True):
            if kind not in ("eyebrows", "eyelashes", "hair"):
                continue
            rest = (moved[str(name)] - ICT_EYES) / 100
            mesh = triangles(data[f"{name}/faces"]), data[f"{name}/uvs"][triangles(data[f"{name}/uv_faces"])]
            layer = layers.get(str(texture), -1)
            bind = bind_loose(rest, template, skin, tree) if kind == "hair" else bind_tight(rest, surface, str(kind))
            cards.append(Card(str(name), str(kind), mesh[0], mesh[1].astype(np.float32), layer, rest, *bind))
    return cards


def bind_loose(rest: np.ndarray, template: Template, skin: np.ndarray, tree: cKDTree):
    """Hair follows the mean shift of the skin around its root; points under the skin are lifted out."""
    normals = np.zeros_like(template.vertices)
    vertex_normals(template.vertices, template.triangles.astype(np.int32), normals)
    _, near = tree.query(rest, k=4)
    n = normals[skin][near].mean(axis=1)
    depth = ((rest - template.vertices[skin][near].mean(axis=1)) * n).sum(axis=1)
    rest += n * np.maximum(0.002 - depth, 0)[:, None] * (depth > -0.02)[:, None]
    far, near = tree.query(rest, k=10)
    w = 1 / (far + 0.01) ** 2
    return skin[near], (w / w.sum(axis=1, keepdims=True)).astype(np.float32), None


def bind_tight(rest: np.ndarray, surface: Surface, kind: str):
    """Brows and lashes keep their place in the frame of the nearest triangle."""
    tri, _, _ = surface.closest(rest)
    corners = surface.vertices[surface.tris[tri]].astype(np.float64)
    weight = closest_weights(rest, corners)
    at = np.einsum("nk,nkd->nd", weight, corners)
    offset = np.einsum("nad,nd->na", frames(corners), rest - at)
    if kind == "eyebrows":
        offset[:, 0] = np.clip(offset[:, 0], 0.0008, 0.0025)
        offset[:, 1:] = 0
    return surface.tris[tri], weight.astype(np.float32), offset.astype(np.float32)


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
