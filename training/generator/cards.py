"""Brows, lashes and hair: cards from the MakeHuman proxies, bound to the template."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from faceanything_addon.reconstruct.camera import rotation_matrix
from faceanything_addon.template import Part, Template
from training.registration import Surface, closest_weights, triangles

from .bake import ICT_EYES
from .raster import vertex_normals

LASH_TURN = 2.2  # times a lid's own turn: the rim rolls in as it goes down, and lashes of shut eyes point down
LASH_LIFT = 0.0012  # metres: the lines between landmarks lie below the rounded rims
# iBUG landmarks along the rims of the lids, from one to the next: subject's right eye, then the left.
RIMS = np.array([(k, k + 1) for k in range(36, 41)] + [(41, 36)] + [(k, k + 1) for k in range(42, 47)] + [(47, 42)])


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


@dataclass
class Lashes(Card):
    """Cards that stand on the rims of the lids and turn with them, so that the lashes of shut eyes hang.

    `offset` (N, 3) from the roots, in head axes at rest.
    """

    balls: tuple[np.ndarray, np.ndarray]  # template vertices of each eyeball, subject's left first
    eye: np.ndarray  # (N,) which of them a root's lid slides over

    def grown(self, share: float) -> Lashes:
        """The same, so many times as long."""
        assert self.offset is not None
        return replace(self, offset=self.offset * share)

    def place(self, vertices: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """(N, 3) positions for template vertices (V, 3)."""
        out = self._from_ball(vertices)
        turns = between(self._from_ball(mean), out, LASH_TURN)
        return self._roots(vertices) + LASH_LIFT * out + np.einsum("nij,nj->ni", turns, self.offset)

    def _roots(self, vertices: np.ndarray) -> np.ndarray:
        """(N, 3) where each vertex's lash grows."""
        return np.einsum("nk,nkd->nd", self.weight, vertices[self.index])

    def _from_ball(self, vertices: np.ndarray) -> np.ndarray:
        """(N, 3) unit vectors to the roots from the middles of the eyeballs."""
        middles = np.stack([(vertices[b].max(axis=0) + vertices[b].min(axis=0)) / 2 for b in self.balls])
        away = self._roots(vertices) - middles[self.eye]
        return away / np.linalg.norm(away, axis=1, keepdims=True)


def between(source: np.ndarray, target: np.ndarray, times: float) -> np.ndarray:
    """(N, 3, 3) the smallest rotations that take unit vectors source to target (N, 3), `times` as far."""
    axis = np.cross(source, target)
    sine = np.linalg.norm(axis, axis=1)
    angle = times * np.arctan2(sine, (source * target).sum(axis=1))
    return rotation_matrix(axis * (angle / np.maximum(sine, 1e-12))[:, None])


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
            first = str(name), str(kind), mesh[0], mesh[1].astype(np.float32), layers.get(str(texture), -1), rest
            if kind == "eyelashes":
                cards.append(Lashes(*first, **bind_lashes(rest, template)))
            else:
                bind = bind_loose(rest, template, skin, tree) if kind == "hair" else bind_tight(rest, surface)
                cards.append(Card(*first, *bind))
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


def bind_tight(rest: np.ndarray, surface: Surface):
    """Brows keep their place over the nearest triangle."""
    tri, _, _ = surface.closest(rest)
    corners = surface.vertices[surface.tris[tri]].astype(np.float64)
    weight = closest_weights(rest, corners)
    at = np.einsum("nk,nkd->nd", weight, corners)
    offset = np.einsum("nad,nd->na", frames(corners), rest - at)
    offset[:, 0] = np.clip(offset[:, 0], 0.0008, 0.0025)
    offset[:, 1:] = 0
    return surface.tris[tri], weight.astype(np.float32), offset.astype(np.float32)


def bind_lashes(rest: np.ndarray, template: Template) -> dict[str, Any]:
    """What `Lashes` has beyond a card's mesh: roots on the lines between the landmarks of the rims."""
    marks = template.landmarks(template.vertices)
    first, second = RIMS.reshape(-1, 2).T
    step = marks[second] - marks[first]
    along = (((rest[:, None] - marks[first]) * step).sum(-1) / (step**2).sum(-1)).clip(0, 1)  # (N, segments)
    places = marks[first] + along[..., None] * step
    best = np.linalg.norm(rest[:, None] - places, axis=2).argmin(axis=1)
    share = along[np.arange(len(rest)), best, None]
    ends = template.landmarks_weight[first[best]] * (1 - share), template.landmarks_weight[second[best]] * share
    corners = template.landmarks_index[first[best]], template.landmarks_index[second[best]]
    left, right = (np.flatnonzero(template.part == part) for part in (Part.EYE_LEFT, Part.EYE_RIGHT))
    return {
        "index": np.concatenate(corners, axis=1),
        "weight": np.concatenate(ends, axis=1).astype(np.float32),
        "offset": (rest - places[np.arange(len(rest)), best]).astype(np.float32),
        "balls": (left, right),
        "eye": (first[best] < 42).astype(int),
    }
