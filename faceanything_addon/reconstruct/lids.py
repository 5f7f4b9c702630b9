"""Lids lie on their eyeballs: skin that has sunk into one is moved out, and so is skin that spans one like a chord."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..solve.gaze import sphere
from ..template import Part, Template
from ..template.shape import EYES
from .per_template import per_template

LID_REACH = 1.6  # radii: skin closer than this to an eyeball's centre may have to give way to it
LID_GAP = 0.0002  # metres between an eyeball and the inner edge of a lid
EDGE_GAP, SKIN_GAP = 0.0004, 0.0007  # metres between it and the outer edge of the lid, and its skin
AHEAD = (0.0, 0.0, 1.0)
ANGLES = np.linspace(0, np.pi, 31)  # from the eyeball's axis, at which its radius is known: the cornea stands out
ROUNDS = 2  # of moving out what spans the ball: neighbours share their middles


@dataclass(frozen=True)
class Lids:
    """Skin around one eye that must stay outside the eyeball."""

    eye: np.ndarray  # (E,) vertices of the eyeball
    skin: np.ndarray  # (L,) vertices
    sunk: np.ndarray  # (L,) metres from the centre of a socket that lies inside the ball, 0 for the rest
    clear: np.ndarray  # (L,) metres that the rest keeps off the ball
    ends: np.ndarray  # (S, 2) rows of `skin`: sides and diagonals of quads of the lids' outer skin
    radius: np.ndarray  # (31,) metres of the ball at ANGLES
    center: np.ndarray  # (3,)


def find_lids(template: Template, neutral: np.ndarray) -> list[Lids]:
    """Both eyes, subject's left first; of a template without eyes, nothing."""
    if not np.isin(template.part, EYES).any():
        return []
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
        clear = lid_gaps(template)[skin[near]]
        outer = skin[near][~inner_edges(template)[skin[near]]]
        ends = rows_of(quad_lines(template), outer, skin[near])
        lids.append(Lids(eye, skin[near], sunk, clear, ends, ball_radius(neutral[eye] - center), center))
    return lids


@per_template
def inner_edges(template: Template) -> np.ndarray:
    """(V,) bool: what lies behind the skin, and skin next to it: of the lids, the edges that lie on the ball."""
    return _with_neighbours(template, template.part == Part.MOUTH)


@per_template
def lid_gaps(template: Template) -> np.ndarray:
    """(V,) f4 metres that skin keeps off an eyeball: inner edges of lids lie on it, outer edges and skin farther out.

    All as far out, the undersides of lids would stand out through their skin in patches.
    """
    inner = inner_edges(template)
    edge = _with_neighbours(template, inner)
    return np.select([inner, edge], [LID_GAP, EDGE_GAP], SKIN_GAP).astype(np.float32)


def _with_neighbours(template: Template, chosen: np.ndarray) -> np.ndarray:
    """(V,) bool: chosen vertices, and all that share a quad with one."""
    out = chosen.copy()
    out[template.quads[chosen[template.quads].any(axis=1)]] = True
    return out


@per_template
def quad_lines(template: Template) -> np.ndarray:
    """(S, 2) vertices: each side and diagonal of a quad once."""
    pairs = [template.quads[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 3), (3, 0), (0, 2), (1, 3))]
    pairs = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    return pairs[pairs[:, 0] != pairs[:, 1]]


def rows_of(pairs: np.ndarray, wanted: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """(S, 2) rows of `vertices` for the pairs of vertices of which both are wanted."""
    row = np.full(max(pairs.max(initial=-1), vertices.max(initial=-1)) + 1, -1)
    row[vertices] = np.arange(len(vertices))
    chosen = np.zeros(len(row), bool)
    chosen[wanted] = True
    return row[pairs[chosen[pairs].all(axis=1)]]


def ball_radius(ball: np.ndarray) -> np.ndarray:
    """(31,) radius at ANGLES from +Z of an eyeball about its centre. ball: (E, 3)."""
    far = np.linalg.norm(ball, axis=1)
    nearest = np.rint(np.arccos(np.clip(ball[:, 2] / far, -1, 1)) / ANGLES[1]).astype(int)
    out = np.zeros(len(ANGLES))
    np.maximum.at(out, nearest, far)
    return np.interp(ANGLES, ANGLES[out > 0], out[out > 0]).astype(np.float32)


def push_lids_out(vertices: np.ndarray, lids: list[Lids], axes: np.ndarray | None = None) -> None:
    """Move skin that has sunk into an eyeball out of it, in place, and no quad cuts through the ball.

    Args:
        vertices: (F, V, 3). axes: (F, 2, 3) unit vectors along which the eyeballs look; None: ahead.
    """
    if axes is None:
        axes = np.tile(np.array(AHEAD, np.float32), (len(vertices), 2, 1))
    for number, lid in enumerate(lids):
        offset = vertices[:, lid.skin] - lid.center
        distance, reach = _depths(offset, lid, axes[:, number])
        outside = reach + lid.clear
        offset *= np.maximum(np.where(lid.sunk > 0, lid.sunk, outside) / distance, 1).astype(np.float32)[..., None]
        for _ in range(ROUNDS):
            _lift_spans(offset, lid, axes[:, number])
        vertices[:, lid.skin] = lid.center + offset


def _depths(offset: np.ndarray, lid: Lids, axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(F, N) metres from the ball's centre, and those of the ball's surface there. offset (F, N, 3), axis (F, 3)."""
    distance = np.maximum(np.linalg.norm(offset, axis=2), 1e-6)
    cosine = np.einsum("fls,fs->fl", offset, axis) / distance
    return distance, np.interp(np.arccos(np.clip(cosine, -1, 1)), ANGLES, lid.radius)


def _lift_spans(offset: np.ndarray, lid: Lids, axis: np.ndarray) -> None:
    """Move both ends of a line out by what its middle lacks; an end of several lines by the most of them. In place."""
    first, second = lid.ends.T
    distance, reach = _depths((offset[:, first] + offset[:, second]) / 2, lid, axis)
    outside = reach + np.minimum(lid.clear[first], lid.clear[second])
    frame, line = np.nonzero(outside > distance)
    lack = (outside - distance)[frame, line]
    lift = np.zeros(offset.shape[:2])
    for end in (first, second):
        np.maximum.at(lift, (frame, end[line]), lack)
    offset *= (1 + lift / np.maximum(np.linalg.norm(offset, axis=2), 1e-6)).astype(np.float32)[..., None]
