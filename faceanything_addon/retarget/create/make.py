"""From a character without shape keys to the 52 ARKit shapes, or to any motion, on its own vertices."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import UserError
from ...template import Template
from ...template.shape import gaze_rotation
from .bind import Binding
from .find import Finder, Found, find_face, joined
from .fit import Target, fit_template, seen_triangles
from .follow import Attached, Inside, find_inside
from .landmarks import Landmarks, found_by_landmarks, landmark_pairs
from .mesh import Body, Piece, join, unique_edges
from .openings import find_openings
from .parts import Parts
from .rims import Surface
from .similarity import Similarity
from .transfer import Transfer
from .warp import fit_warp

LID_REACH, LID_GAP = 1.6, 0.0002  # radii; metres between eyeball and lid
STRETCH = 3.0  # square of how much longer a shutting lid's edges become
NOTHING = 1e-5  # metres: a shape that moves less moves nothing
CHUNK = 16  # shapes at a time
STAGES = {"searching": (0, 15), "looking": (15, 50), "fitting": (50, 75), "transfer": (75, 85), "shapes": (85, 100)}

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Laid:
    """The template laid on a character, all in template space but the placing."""

    body: Body
    placing: Similarity  # template -> world
    parts: Parts
    local: np.ndarray  # (N, 3) the body
    warped: np.ndarray  # (V, 3) the template with the character's proportions
    fitted: np.ndarray  # (V, 3) and on its surface
    target: Target
    edge: np.ndarray  # (N,) metres: mean length of the edges at each node
    score: float  # 0..1 of the recognition; 1 where landmarks alone say where the face is


@dataclass(frozen=True)
class ArkitShapes:
    """What was made."""

    names: tuple[str, ...]  # the 52, Apple's spelling
    offsets: tuple[np.ndarray, ...]  # for each piece (52, V, 3) f4 in the pieces' space
    empty: tuple[str, ...]  # names of shapes that move nothing on this character
    openings: tuple[str, ...]  # of mouth, eyeLeft, eyeRight: those that were found
    score: float


def stage(report: Report, name: str) -> Report:
    """A report of one stage as part of the whole."""
    begin, end = STAGES[name]
    return lambda done, total: report(int(begin + (end - begin) * min(done, total) / max(total, 1)), 100)


def lay_template(
    pieces: Sequence[Piece],
    template: Template,
    report: Report,
    landmarks: Landmarks | None = None,
    front: np.ndarray | None = None,
    threads: int | None = None,
) -> Laid:
    """Find the face on a character and lay the template on it.

    Args:
        landmarks: places that the user knows; they go before what is recognised.
        front: (3, 3) rotation from world to template axes, where it is known.
        threads: of the network's runtime.

    Raises:
        UserError: no face is recognised and no landmarks are given, or the mesh cannot be used.
    """
    body = join(pieces)
    found = _find(body, template, report, landmarks, front, threads)
    if found is None:
        raise UserError(
            f"{pieces[0].name}: no face is recognised on it; place landmarks (docs/make-shapes.md) or choose its front"
        )
    step = stage(report, "fitting")
    step(0, 8)
    local = found.placing.undo(body.vertices)
    warp = fit_warp(*_warp_pairs(found, landmarks, template))
    warped = warp.apply(template.vertices.astype(np.float64))
    step(1, 8)
    target = _target(body, local, found.parts, template.landmarks(warped))
    fitted = fit_template(template, warped, target, lambda done, total: step(2 + done, 2 + total))
    return Laid(body, found.placing, found.parts, local, warped, fitted, target, edge_lengths(local, body), found.score)


def edge_lengths(local: np.ndarray, body: Body) -> np.ndarray:
    """(N,) mean length of the edges at each node; 0 where there is none."""
    edges = unique_edges(body.triangles)
    length = np.linalg.norm(local[edges[:, 0]] - local[edges[:, 1]], axis=1)
    total = np.bincount(edges.ravel(), np.repeat(length, 2), minlength=len(local))
    return total / np.maximum(np.bincount(edges.ravel(), minlength=len(local)), 1)


def _find(
    body: Body,
    template: Template,
    report: Report,
    landmarks: Landmarks | None,
    front: np.ndarray | None,
    threads: int | None,
) -> Found | None:
    from ...model.tracker import FaceTracker

    finder = Finder(body, template, FaceTracker(template, threads))
    guess = found_by_landmarks(body, template, landmarks) if landmarks is not None else None
    if guess is not None:
        front = guess.placing.rotation.T
    found = find_face(finder, front, stage(report, "searching"), stage(report, "looking"))
    if found is None or guess is None:
        return found if guess is None else guess
    return Found(guess.placing, found.parts, found.pairs, found.score) if guess.agrees(found) else guess


def _warp_pairs(
    found: Found, landmarks: Landmarks | None, template: Template
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pairs for the warp, both sides in template space: here, there, weight, group."""
    pairs = found.pairs
    if landmarks is not None:
        own = landmark_pairs(template, landmarks)
        pairs = own if not len(pairs.here) else joined([pairs, own])
    return pairs.here, found.placing.undo(pairs.there), pairs.confidence, pairs.part


def _target(body: Body, local: np.ndarray, parts: Parts, landmarks: np.ndarray) -> Target:
    island = body.island[body.triangles[:, 0]]
    face, eye = np.isin(island, parts.face), np.isin(island, parts.eye_islands)

    def surface(mask: np.ndarray) -> Surface:
        return Surface(local, body.triangles[mask], face[mask])

    triangles = body.triangles[face]
    openings = find_openings(landmarks, surface(face), surface(face | eye))
    return Target(local, triangles, seen_triangles(local, triangles), openings)


class Carrier:
    """Motion of a neutral with the template's topology -> motion of a character's vertices.

    Args:
        laid: the template on the character.
        rest: (V, 3) the neutral that moves.
    """

    def __init__(self, template: Template, laid: Laid, rest: np.ndarray) -> None:
        self.laid = laid
        self.transfer = Transfer(template, rest, laid.fitted, laid.target)
        self.binding = Binding(template, laid.fitted, laid.target)
        self.inside = self._inside(template)
        self.attached = self._attached()

    def carry(
        self, displacement: np.ndarray, rims: np.ndarray | None = None, gaze: np.ndarray | None = None
    ) -> np.ndarray:
        """(S, V, 3) metres away from the neutral -> (S, N, 3) of the body's nodes, the character's own space.

        Args:
            rims: as of `Transfer.carry`.
            gaze: (S, 2, 3) unit vectors in head space, subject's left eye first, to turn the eyeballs by; None: they
                stay.
        """
        moved = self.binding.carry(self.transfer.carry(displacement, rims))
        push_lids_out(moved, self.laid)
        for item in self.inside:
            moved[:, item.nodes] = self.transfer.mouth_scale * (item.rows @ displacement[:, item.source])
        if self.attached is not None:
            flat = moved.transpose(1, 0, 2).reshape(moved.shape[1], -1)
            held = self.attached.carry(flat).reshape(len(self.attached.used), len(moved), 3)
            moved[:, self.attached.used] = held.transpose(1, 0, 2)
        if gaze is not None:
            turn_eyes(moved, self.laid, gaze)
        return self.laid.placing.scale * (moved @ self.laid.placing.rotation.T)

    def _inside(self, template: Template) -> list[Inside]:
        laid = self.laid
        shown = seen_triangles(laid.local, laid.body.triangles)
        island = laid.body.island[laid.body.triangles[:, 0]]
        seen = np.bincount(island, shown) / np.maximum(np.bincount(island), 1)
        seen = np.pad(seen, (0, int(laid.body.island.max()) + 1 - len(seen)))
        return find_inside(laid.body, laid.local, laid.parts, template, laid.warped, seen)

    def _attached(self) -> Attached | None:
        laid, body = self.laid, self.laid.body
        rest = ~np.isin(body.island, (*laid.parts.face, *laid.parts.eye_islands))
        for item in self.inside:
            rest[item.nodes] = False
        if not rest[body.triangles].all(axis=1).any():
            return None
        return Attached(body, laid.local, rest, laid.target.triangles[laid.target.seen])


def push_lids_out(moved: np.ndarray, laid: Laid) -> None:
    """Keep skin in front of an eyeball out of it, in place. moved: (S, N, 3) displacements, template space."""
    skin = np.unique(laid.target.triangles)
    for eye in laid.parts.eyes:
        if eye is None:
            continue
        offset = laid.local[skin] - eye.center
        away = np.linalg.norm(offset, axis=1)
        near = (away < LID_REACH * eye.radius) & (offset[:, 2] > 0)
        shift = moved[:, skin[near]]
        # The middles of coarse edges lie deeper than their ends.
        sag = np.minimum(STRETCH * laid.edge[skin[near]] ** 2 / (8 * eye.radius), eye.radius / 3)
        floor = np.minimum(away[near] + np.linalg.norm(shift, axis=2) / 2, eye.radius + LID_GAP + sag)
        place = offset[near] + shift
        grow = np.maximum(floor / np.maximum(np.linalg.norm(place, axis=2), 1e-6), 1)
        moved[:, skin[near]] += place * (grow[..., None] - 1)


def turn_eyes(moved: np.ndarray, laid: Laid, gaze: np.ndarray) -> None:
    """Turn the eyeballs about their centres, in place. moved: (S, N, 3) displacements; gaze: (S, 2, 3) head space."""
    for number, eye in enumerate(laid.parts.eyes):
        if eye is not None:
            nodes = np.flatnonzero(np.isin(laid.body.island, eye.islands))
            offset = laid.local[nodes] - eye.center
            moved[:, nodes] = offset @ gaze_rotation(gaze[:, number]).transpose(0, 2, 1) - offset


def make_shapes(
    pieces: Sequence[Piece],
    template: Template,
    report: Report,
    landmarks: Landmarks | None = None,
    front: np.ndarray | None = None,
    threads: int | None = None,
) -> ArkitShapes:
    """The 52 ARKit shapes on a character's meshes. Arguments and errors as of `lay_template`."""
    laid = lay_template(pieces, template, report, landmarks, front, threads)
    shapes = carry_shapes(laid, template, shutting(template), report)
    largest = np.linalg.norm(shapes, axis=2).max(axis=1)
    names = template.expression_names
    return ArkitShapes(
        names=names,
        offsets=split(shapes, laid.body, pieces),
        empty=tuple(n for n, m in zip(names, largest, strict=True) if m < NOTHING * laid.placing.scale),
        openings=tuple(sorted(laid.target.openings)),
        score=laid.score,
    )


def carry_shapes(laid: Laid, template: Template, rims: np.ndarray, report: Report) -> np.ndarray:
    """(52, N, 3) f4 of the body's nodes: the template's shapes on the character.

    Args:
        rims: (52, V, 3) what the rims do, as of `Transfer.carry`.
    """
    stage(report, "transfer")(0, 1)
    carrier = Carrier(template, laid, template.vertices)
    step, parts = stage(report, "shapes"), []
    for first in range(0, len(rims), CHUNK):
        step(first, len(rims))
        chunk = slice(first, first + CHUNK)
        parts.append(carrier.carry(template.expressions[chunk], rims[chunk]).astype(np.float32))
    return np.concatenate(parts)


def shutting(template: Template) -> np.ndarray:
    """(52, V, 3) the template's shapes, but mouthClose shuts what jawOpen opens; the template's lips overlap there."""
    names, shapes = template.expression_names, template.expressions.copy()
    shapes[names.index("mouthClose")] = -shapes[names.index("jawOpen")]
    return shapes


def split(shapes: np.ndarray, body: Body, pieces: Sequence[Piece]) -> tuple[np.ndarray, ...]:
    """(S, N, 3) of the body's nodes -> (S, V, 3) of each piece's vertices."""
    ends = np.cumsum([len(p.vertices) for p in pieces])[:-1]
    return tuple(shapes[:, nodes] for nodes in np.split(body.nodes, ends))
