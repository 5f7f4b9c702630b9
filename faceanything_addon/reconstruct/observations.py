"""Evidence of one frame as weighted observations of surface points."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..template import Part, Template
from .closure import INNER_LIPS, LIDS
from .per_template import per_template
from .surface import template_surface

CANONICAL_SIGMA = 0.004  # metres: how far a pixel's canonical coordinate is off, along the surface
POINT_SHARE = 1.0  # sparse points err together too, though less
DENSE_SHARE = 0.2  # neighbouring pixels err together: so many independent observations is one pixel worth
DEPTH_SIGMA = 0.008  # metres
DEPTH_SHARE = 0.06
POINT_FLOOR = 0.0004  # metres: no sparse point is trusted further than this
GAP_SHARPNESS = 0.5  # the distance of two lips or lids is known this much better than either place
GAP_REACH = 0.005  # metres from a landmark to the sparse point that stands for it
GAP_LANDMARKS = (*LIDS["Right"], *LIDS["Left"], *INNER_LIPS)  # above and below each opening


@dataclass(frozen=True)
class Observations:
    """M surface points with the pixel each was seen at: first the P sparse points, then dense pixels.

    Eyeballs are left out: they turn on their own and say nothing about pose or expression. So are teeth: a network
    tells which pixels show them, but not how high a person's are.
    """

    vertex: np.ndarray  # (M, 3) i4
    bary: np.ndarray  # (M, 3) f4
    xy: np.ndarray  # (M, 2) f4 frame pixels
    sigma: np.ndarray  # (M,) f4 frame pixels
    share: np.ndarray  # (M,) f4 how many independent observations each is worth
    depth: np.ndarray  # (M,) f4 metres along the line of sight to the head, minus its origin's own
    depth_share: np.ndarray  # (M,) f4; 0 for sparse points


@dataclass(frozen=True)
class PointTables:
    """Which sparse points lie on the face proper, and which face each other across an opening."""

    usable: np.ndarray  # (P,) bool: not on an eyeball
    vertex: np.ndarray  # (P, 3) i4, the point's vertex thrice, so that points look like pixels
    gaps: np.ndarray  # (G, 2) i4 upper and lower sparse point
    opening: np.ndarray  # (G,) i4 0 right eye, 1 left eye, 2 mouth


@per_template
def point_tables(template: Template) -> PointTables:
    usable = ~np.isin(template.part[template.points], (Part.EYE_LEFT, Part.EYE_RIGHT))
    vertex = np.repeat(template.points[:, None], 3, axis=1).astype(np.int32)
    gaps, opening = _gap_pairs(template, usable)
    return PointTables(usable, vertex, gaps, opening)


def _gap_pairs(template: Template, usable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sparse points nearest to the landmarks on either side of each opening."""
    jaw = template.expressions[template.expression_names.index("jawOpen")]
    open_face = template.vertices + jaw  # lips at rest touch: only apart is it plain which point is on which
    places = open_face[template.points]
    places[~usable] = np.inf
    landmarks = template.landmarks(open_face)
    pairs, opening = [], []
    for number, (upper, lower) in enumerate(GAP_LANDMARKS):
        far = np.linalg.norm(places[:, None] - landmarks[[upper, lower]][None], axis=2)
        best = far.argmin(axis=0)
        if best[0] != best[1] and far.min(axis=0).max() < GAP_REACH:
            pairs.append(best)
            opening.append(min(number // 2, 2))
    return np.array(pairs, np.int32).reshape(-1, 2), np.array(opening, np.int32)


def gather(frame: dict[str, np.ndarray], template: Template, scale: float, limit: int | None = None) -> Observations:
    """Observations of one frame.

    Args:
        frame: evidence of one frame.
        scale: frame pixels per metre at the head.
        limit: use at most about so many dense pixels.
    """
    tables, surface = point_tables(template), template_surface(template)
    dense = np.flatnonzero((frame["weight"] > 0) & ~_on_its_own(frame, template))
    if limit is not None and len(dense) > limit:
        dense = dense[np.linspace(0, len(dense) - 1, limit).astype(int)]
    inner = frame["bary"][dense]
    told = np.isfinite(frame["depth"][dense])
    count, points = len(dense), len(tables.usable)
    confidence = frame["weight"][dense]
    dense_sigma = np.hypot(CANONICAL_SIGMA * scale, 0.3 * float(frame["spacing"]))
    first = np.tile(np.array([[1, 0, 0]], np.float32), (points, 1))
    return Observations(
        vertex=np.concatenate([tables.vertex, surface.triangles[frame["triangle"][dense]]]),
        bary=np.concatenate([first, np.concatenate([1 - inner.sum(axis=1, keepdims=True), inner], axis=1)]),
        xy=np.concatenate([frame["points"], frame["xy"][dense]]),
        sigma=np.concatenate([point_sigma(frame, scale), np.full(count, dense_sigma, np.float32)]),
        share=np.concatenate([POINT_SHARE * tables.usable.astype(np.float32), DENSE_SHARE * confidence]),
        depth=np.concatenate([np.zeros(points, np.float32), np.nan_to_num(frame["depth"][dense])]),
        depth_share=np.concatenate([np.zeros(points, np.float32), DEPTH_SHARE * confidence * told]),
    )


def point_sigma(frame: dict[str, np.ndarray], scale: float) -> np.ndarray:
    """(P,) f4 frame pixels, never below what the network can know."""
    return np.hypot(frame["point_sigma"], POINT_FLOOR * scale).astype(np.float32)


def _on_its_own(frame: dict[str, np.ndarray], template: Template) -> np.ndarray:
    """(N,) bool: pixels on an eyeball or on teeth."""
    return np.isin(template_surface(template).part[frame["triangle"]], (Part.EYE_LEFT, Part.EYE_RIGHT, Part.TEETH))
