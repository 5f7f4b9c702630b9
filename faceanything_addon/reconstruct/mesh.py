"""Meshes of a take from its parameters, and how far each vertex is backed by pixels."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..solve.gaze import sphere
from ..template import Part, Template
from ..template.shape import gaze_rotation, shown_gaze
from .fine import Waves
from .per_template import per_template
from .surface import template_surface

EYES = (Part.EYE_LEFT, Part.EYE_RIGHT)
LID_REACH = 1.6  # radii: skin closer than this to an eyeball's centre may have to give way to it
LID_GAP = 0.0002  # metres between eyeball and lid
ANGLES = np.linspace(0, np.pi, 31)  # from the eyeball's axis, at which its radius is known: the cornea stands out
SUPPORT = 0.007  # metres around a vertex in which pixels back it
ENOUGH = 1.5  # pixels' worth of support for a confidence of 63 %
VISIBLE_FROM = 0.35  # confidence


@dataclass(frozen=True)
class Lids:
    """Skin around one eye that must stay outside the eyeball."""

    eye: np.ndarray  # (E,) vertices of the eyeball
    skin: np.ndarray  # (L,) vertices
    sunk: np.ndarray  # (L,) metres from the centre of a socket that lies inside the ball, 0 for the rest
    radius: np.ndarray  # (31,) metres of the ball at ANGLES
    center: np.ndarray  # (3,)


def find_lids(template: Template, neutral: np.ndarray) -> list[Lids]:
    """Both eyes, subject's left first."""
    skin = np.flatnonzero(~np.isin(template.part, (*EYES, Part.TEETH, Part.TONGUE)))
    lids = []
    for label in EYES:
        eye = np.flatnonzero(template.part == label)
        center, radius = sphere(neutral[eye])
        away = np.linalg.norm(neutral[skin] - center, axis=1)
        near = (away < LID_REACH * radius) & (neutral[skin, 2] > center[2])
        # The sockets, which lie inside the eyeball, stay where they are; the lids' outer skin never lies inside.
        socket = template.part[skin[near]] != Part.SKIN
        sunk = np.where(socket & (away[near] < radius + LID_GAP), away[near], 0).astype(np.float32)
        lids.append(Lids(eye, skin[near], sunk, ball_radius(neutral[eye] - center), center))
    return lids


def ball_radius(ball: np.ndarray) -> np.ndarray:
    """(31,) radius at ANGLES from +Z of an eyeball about its centre. ball: (E, 3)."""
    far = np.linalg.norm(ball, axis=1)
    nearest = np.rint(np.arccos(np.clip(ball[:, 2] / far, -1, 1)) / ANGLES[1]).astype(int)
    out = np.zeros(len(ANGLES))
    np.maximum.at(out, nearest, far)
    return np.interp(ANGLES, ANGLES[out > 0], out[out > 0]).astype(np.float32)


def push_lids_out(vertices: np.ndarray, lids: list[Lids], axes: np.ndarray) -> None:
    """Move skin that has sunk into an eyeball to its surface, in place.

    Args:
        vertices: (F, V, 3). axes: (F, 2, 3) unit vectors along which the eyeballs look.
    """
    for number, lid in enumerate(lids):
        offset = vertices[:, lid.skin] - lid.center
        distance = np.maximum(np.linalg.norm(offset, axis=2), 1e-6)
        cosine = np.einsum("fls,fs->fl", offset, axes[:, number]) / distance
        outside = np.interp(np.arccos(np.clip(cosine, -1, 1)), ANGLES, lid.radius) + LID_GAP
        grow = np.maximum(np.where(lid.sunk > 0, lid.sunk, outside) / distance, 1).astype(np.float32)
        vertices[:, lid.skin] = lid.center + offset * grow[..., None]


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
