"""The template as data: one mesh of all parts, its bases, names and index sets."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from pathlib import Path

import numpy as np

from .packaged import reading

TEMPLATE_FILE = Path(__file__).resolve().parent.parent / "data" / "template.npz"


class Part(IntEnum):
    """Part labels, shared by the template's vertices and the network's maps."""

    BACKGROUND = 0  # also hair, glasses, hands and every other occluder
    SKIN = 1
    EYE_LEFT = 2  # the subject's left
    EYE_RIGHT = 3
    TEETH = 4
    TONGUE = 5
    MOUTH = 6  # inside of the mouth and of the lids: seldom seen


PART_NAMES = tuple(p.name.lower() for p in Part)


@dataclass(frozen=True)
class Template:
    """The canonical face. Metres; +X subject's left, +Y up, +Z out of the face.

    The origin lies midway between the eyeball centres of the mean neutral head.
    V vertices (all parts in one array), Q quads, K identity modes, P sparse points.
    """

    vertices: np.ndarray  # (V, 3) f4 mean neutral
    quads: np.ndarray  # (Q, 4) i4, counter-clockwise from outside
    uvs: np.ndarray  # (U, 2) f4, origin bottom left
    uv_quads: np.ndarray  # (Q, 4) i4 into uvs
    part: np.ndarray  # (V,) u1, see Part
    identity: np.ndarray  # (K, V, 3) f4, metres per standard deviation
    expressions: np.ndarray  # (52, V, 3) f4, metres at coefficient 1; eyeballs do not move in eyeLook*
    expression_names: tuple[str, ...]  # Apple's spelling and order
    mirror: np.ndarray  # (V,) i4: vertices[mirror] * (-1, 1, 1) mirrors a shape
    landmarks_index: np.ndarray  # (68, 3) i4 vertices of the triangle that holds each iBUG landmark
    landmarks_weight: np.ndarray  # (68, 3) f4 barycentric
    points: np.ndarray  # (P,) i4 vertices that the network's sparse head predicts
    eye_centers: np.ndarray  # (2, 3) f4 subject's left first
    regions: dict[str, np.ndarray]  # name -> (V,) f4 soft weight 0..1

    @property
    def triangles(self) -> np.ndarray:
        """(2Q, 3) i4: each quad cut along its first diagonal."""
        q = self.quads
        return np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]])

    def landmarks(self, vertices: np.ndarray) -> np.ndarray:
        """68 iBUG landmarks of any shape: (..., V, 3) -> (..., 68, 3)."""
        corners = vertices[..., self.landmarks_index, :]
        return np.einsum("...lcd,lc->...ld", corners, self.landmarks_weight)


@lru_cache(maxsize=2)
def load_template(path: Path = TEMPLATE_FILE) -> Template:
    """Read the template.

    Raises:
        UserError: the file is missing or damaged.
    """
    with reading(path, "face template"), np.load(path, allow_pickle=False) as data:
        fields = {k: data[k] for k in data.files}
    names = fields.pop("region_names")
    weights = fields.pop("region_weights").astype(np.float32)
    fields["regions"] = {str(n): w for n, w in zip(names, weights, strict=True)}
    fields["expression_names"] = tuple(str(n) for n in fields["expression_names"])
    for basis in ("identity", "expressions"):
        fields[basis] = fields[basis].astype(np.float32)
    return Template(**fields)
