"""Shut lips touch along their whole length, and lips do not pass through each other.

Shapes that are each of shut lips do not add up to shut lips: a smile and rolled lips leave the corners apart.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..template import Part, Template
from .closure import smooth_step
from .lids import quad_lines
from .per_template import per_template

TOUCHING = 0.00015  # metres: how far apart at rest what touches is
MOUTH_REACH = 0.04  # metres from the mouth's middle
MOVED_APART = 0.003  # metres by which an open jaw parts what touches at rest
MIDDLE = 0.010  # metres to either side: whether lips are shut is told there
SHUT, APART = 0.0004, 0.0012  # metres there: `closure.close_openings` has already made small gaps smaller
SLACK = (0.0025, 0.004)  # metres: from here to there, one place of shut lips may be apart after all
FALLOFF, ALONG = 0.004, 0.003  # metres over the skin, away from the seam and along it, of what goes along
REACH = 0.012  # metres over the skin: nothing beyond goes along


@dataclass(frozen=True)
class Seam:
    """Where the lips meet."""

    upper: np.ndarray  # (P,) vertices, from the subject's right to the left
    lower: np.ndarray  # (P,) vertices that touch those when the face is at rest
    rest: np.ndarray  # (P, 3) metres from lower to upper there
    middle: np.ndarray  # (P,) bool
    skin: np.ndarray  # (L,) vertices that go along
    share: np.ndarray  # (L, P) f4 of each pair's gap by which they move: lower lip up, upper lip down


@per_template
def find_seam(template: Template) -> Seam:
    """Of a template whose lips touch at rest; without pairs where they do not."""
    upper, lower = _touching(template)
    x = template.vertices[upper]
    skin, share = _carried(template, upper, lower) if len(upper) else (upper, np.zeros((0, 0), np.float32))
    rest = (x - template.vertices[lower]).astype(np.float32)
    return Seam(upper, lower, rest, np.abs(x[:, 0]) < MIDDLE, skin, share)


def _touching(template: Template) -> tuple[np.ndarray, np.ndarray]:
    """(P,) vertices of the upper lip and those of the lower lip that touch them."""
    from scipy.spatial import KDTree

    if "jawOpen" not in template.expression_names:
        return np.zeros(0, int), np.zeros(0, int)
    center = template.landmarks(template.vertices)[60:68].mean(axis=0)
    near = np.linalg.norm(template.vertices - center, axis=1) < MOUTH_REACH
    lips = np.flatnonzero(near & (template.part == Part.SKIN))
    pairs = lips[KDTree(template.vertices[lips]).query_pairs(TOUCHING, output_type="ndarray")].reshape(-1, 2)
    drop = template.expressions[template.expression_names.index("jawOpen"), :, 1]
    pairs = np.take_along_axis(pairs, np.argsort(drop[pairs], axis=1), axis=1)  # the lower lip drops further
    pairs = pairs[drop[pairs[:, 1]] - drop[pairs[:, 0]] > MOVED_APART]
    pairs = pairs[np.argsort(template.vertices[pairs[:, 1], 0])]
    return pairs[:, 1], pairs[:, 0]


def _carried(template: Template, upper: np.ndarray, lower: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices around the seam (L,) and their share (L, P) in what each pair moves by."""
    away = np.minimum(_over_skin(template, np.concatenate([upper, lower])), 2 * REACH)  # (2 P, V)
    above, below = away[: len(upper)], away[len(upper) :]
    to_upper, to_lower = (side.min(axis=0, initial=2 * REACH) for side in (above, below))
    skin = np.flatnonzero(np.minimum(to_upper, to_lower) < REACH)
    total = np.zeros((len(skin), len(upper)))
    for side, own, other, sign in ((above, to_upper, to_lower, -1), (below, to_lower, to_upper, 1)):
        along = np.exp(-((side[:, skin].T / ALONG) ** 2))
        along /= np.maximum(along.sum(axis=1, keepdims=True), 1e-9)
        # Halfway between the lips, at the corners, skin goes neither way.
        lean = np.clip((other - own)[skin] / np.maximum(own + other, 1e-6)[skin], 0, 1)
        total += sign / 2 * (lean * np.exp(-((own[skin] / FALLOFF) ** 2)))[:, None] * along
    rows = {vertex: row for row, vertex in enumerate(skin)}
    for vertices, sign in ((upper, -1), (lower, 1)):  # what touches meets exactly
        for pair, vertex in enumerate(vertices):
            total[rows[vertex]] = 0
            total[rows[vertex], pair] = sign / 2
    return skin, total.astype(np.float32)


def _over_skin(template: Template, starts: np.ndarray) -> np.ndarray:
    """(S, V) metres over the mesh from some vertices, inf beyond twice the reach or far from all of them."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra

    middle = template.vertices[starts].mean(axis=0)
    near = np.linalg.norm(template.vertices - middle, axis=1) < MOUTH_REACH
    lines = quad_lines(template)
    lines = lines[near[lines].all(axis=1)]
    length = np.linalg.norm(template.vertices[lines[:, 0]] - template.vertices[lines[:, 1]], axis=1)
    count = len(template.vertices)
    graph = coo_matrix((np.maximum(length, 1e-6), lines.T), shape=(count, count)).tocsr()
    return dijkstra(graph, directed=False, indices=starts, limit=2 * REACH)


def seal_lips(vertices: np.ndarray, template: Template) -> None:
    """Let shut lips touch everywhere, and part those that pass through each other, in place.

    Args:
        vertices: (F, V, 3) metres, head space.
    """
    seam = find_seam(template)
    if seam.middle.any():
        apart = _apart(vertices, seam)
        shut = 1 - smooth_step(apart[:, seam.middle, 1].mean(axis=1), SHUT, APART)
        _close(vertices, seam, apart, shut[:, None] * (1 - smooth_step(apart[..., 1], *SLACK)))


def shut_at_rest(neutral: np.ndarray, template: Template) -> np.ndarray:
    """(V, 3) f4 a neutral face with lips that touch: what is in it besides the likeness's modes may part them."""
    seam, faces = find_seam(template), neutral[None].astype(np.float32)
    apart = _apart(faces, seam)
    _close(faces, seam, apart, np.ones(apart.shape[:2]))
    return faces[0]


def _apart(vertices: np.ndarray, seam: Seam) -> np.ndarray:
    """(F, P, 3) metres from where the upper lip touches the lower to where it is."""
    return vertices[:, seam.upper] - vertices[:, seam.lower] - seam.rest


def _close(vertices: np.ndarray, seam: Seam, apart: np.ndarray, shut: np.ndarray) -> None:
    """Move lips together by the share `shut` (F, P) of what they are apart, those that overlap in full, in place."""
    pull = np.zeros_like(apart)
    pull[..., 1] = np.where(apart[..., 1] < 0, 1, shut) * apart[..., 1]
    pull[..., 2] = shut * apart[..., 2]
    vertices[:, seam.skin] += seam.share @ pull
