"""Points of the face whose motion the bones are to bring about."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...template import Part, Template
from .anchors import EYES, LANDMARKS, anchor_points
from .bonemap import Bone
from .face import Face, fit_face

NEAR_BONE, NEAR_SKIN = 0.3, 0.12  # distances between the eyes: how far a probe may lie from its point of the template
BONE_TRUST, BONE_TRUST_BESIDE_SKIN, SKIN_TRUST = 2.0, 0.5, 0.5
LANDMARK_TRUST, RIM_TRUST = 2.0, 10.0
RIMS = (
    *range(36, 48),
    *range(60, 68),
)  # iBUG landmarks of lids and inner lips: what must meet when eyes or mouth close
BATCH = 64  # frames


@dataclass(frozen=True)
class Probes:
    """P points: first those of bones, then those of skin. Where the shapes are known, rest only counts the points."""

    bones: tuple[str, ...]  # bones of the first B points
    skin: np.ndarray  # (P - B,) i8 rows among the character's vertices
    rest: np.ndarray  # (P, 3) on the neutral template, head space, metres
    basis: np.ndarray  # (52, P, 3) their motion at coefficient 1, metres
    trust: np.ndarray  # (P,)
    shapes: np.ndarray | None = None  # (52, P, 3) armature units: on this character itself, where that is known
    ties: Any = None  # (P, P) sparse, beside the trust: what it costs that neighbours part otherwise than wanted

    def targets(self, face: Face, coefficients: np.ndarray) -> np.ndarray:
        """How far each point is to move on the character: coefficients (F, 52) -> (F, P, 3) armature units."""
        if self.shapes is not None:
            return np.tensordot(coefficients, self.shapes, axes=1)
        rest = face.place(self.rest)
        out = np.empty((len(coefficients), len(self.rest), 3))
        for start in range(0, len(coefficients), BATCH):
            part = slice(start, start + BATCH)
            out[part] = face.place(self.rest + np.tensordot(coefficients[part], self.basis, axes=1)) - rest
        return out


def face_of(template: Template, points: dict[str, np.ndarray], bones: dict[str, Bone], fallback: np.ndarray) -> Face:
    """The face that the rig's anchored bones span.

    Args:
        points: (3,) each, armature space: where the bones' points lie at rest.
        fallback: (3, 3) armature-from-head rotation where too few bones are anchored.
    """
    at = anchor_points(template, template.vertices.astype(np.float64))
    anchored = {bone.anchor: points[name] for name, bone in bones.items() if bone.anchor and name in points}
    if not anchored:
        return Face(fallback, 1.0, np.zeros(3))
    source = np.array([at[anchor] for anchor in anchored])
    return fit_face(source, np.array(list(anchored.values())), fallback)


def choose_probes(
    template: Template,
    face: Face,
    points: dict[str, np.ndarray],
    bones: dict[str, Bone],
    vertices: np.ndarray,
    normals: np.ndarray,
) -> Probes:
    """Points of bones, and of the skin where there is one.

    Args:
        points: (3,) each, armature space: where the bones' points lie at rest.
        vertices: (N, 3) of the character's meshes at rest, armature space; may be empty.
        normals: (N, 3) unit.
    """
    on_bones = _bone_probes(template, face, points, bones)
    landmarks = _landmark_sources(template)
    seen = np.unique(template.points[template.part[template.points] == Part.SKIN])
    spread = (template.vertices[seen].astype(np.float64), template.expressions[:, seen].astype(np.float64))
    rows, kept = [], []
    on_rim = np.isin(np.arange(LANDMARKS), RIMS)
    trusts = np.where(on_rim, RIM_TRUST, LANDMARK_TRUST), np.full(len(seen), SKIN_TRUST)
    for (rest, basis), trust in zip((landmarks, spread), trusts, strict=True):
        row, keep = _nearest_skin(template, face, rest, vertices, normals)
        rows.append(row)
        kept.append((rest[keep], basis[:, keep], trust[keep]))
    bone_trust = BONE_TRUST_BESIDE_SKIN if sum(map(len, rows)) else BONE_TRUST
    names = tuple(on_bones)
    first = (
        np.array([rest for rest, _ in on_bones.values()]).reshape(-1, 3),
        np.array([basis for _, basis in on_bones.values()]).reshape(-1, 52, 3).transpose(1, 0, 2),
        np.full(len(names), bone_trust),
    )
    parts = [first, *kept]
    return Probes(
        names,
        np.concatenate(rows).astype(np.int64),
        np.concatenate([p[0] for p in parts]),
        np.concatenate([p[1] for p in parts], axis=1),
        np.concatenate([p[2] for p in parts]),
    )


def _bone_probes(
    template: Template, face: Face, points: dict[str, np.ndarray], bones: dict[str, Bone]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Bone -> (3,) its point on the template and (52, 3) that point's motion; bones that lie on no skin are left out.

    What lies on no anchor moves as the skin nearest to it.
    """
    from scipy.spatial import KDTree

    neutral = template.vertices.astype(np.float64)
    at = anchor_points(template, neutral)
    moved = anchor_points(template, neutral + template.expressions)
    skin = np.flatnonzero(template.part == Part.SKIN)
    tree = KDTree(face.place(neutral[skin]))
    out = {}
    for name, bone in bones.items():
        if name not in points or bone.anchor in EYES:
            continue
        if bone.anchor:
            out[name] = at[bone.anchor], moved[bone.anchor] - at[bone.anchor]
            continue
        distance, nearest = tree.query(points[name])
        if distance < NEAR_BONE * face.size:
            vertex = skin[nearest]
            out[name] = neutral[vertex], template.expressions[:, vertex].astype(np.float64)
    return out


def _landmark_sources(template: Template) -> tuple[np.ndarray, np.ndarray]:
    """The 68 landmarks (68, 3) and their motion (52, 68, 3)."""
    neutral = template.vertices.astype(np.float64)
    rest = template.landmarks(neutral)
    return rest, template.landmarks(neutral + template.expressions) - rest


def _nearest_skin(
    template: Template, face: Face, points: np.ndarray, vertices: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the character's vertices that lie on points (N, 3) of the template, and which points have one."""
    from scipy.spatial import KDTree

    if len(vertices) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    outward = _normals(template) @ face.axes.T
    owner = KDTree(template.vertices).query(points)[1]
    distances, rows = KDTree(vertices).query(face.place(points), k=min(16, len(vertices)))
    distances, rows = distances.reshape(len(points), -1), rows.reshape(len(points), -1)
    facing = np.einsum("pkd,pd->pk", normals[rows], outward[owner]) > 0.3
    cost = np.where(facing, distances, np.inf)
    best = cost.argmin(axis=1)
    keep = np.flatnonzero(cost[np.arange(len(points)), best] < NEAR_SKIN * face.size)
    return rows[keep, best[keep]], keep


def _normals(template: Template) -> np.ndarray:
    """Unit normals (V, 3) of the neutral template."""
    corners = template.vertices[template.triangles].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    out = np.zeros((len(template.vertices), 3))
    for corner in range(3):
        np.add.at(out, template.triangles[:, corner], across)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
