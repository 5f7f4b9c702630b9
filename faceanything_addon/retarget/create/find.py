"""Where the face is on a character: the face network looks at shaded pictures of it from several sides."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

from ...model.crop import apply
from ...model.framing import crop_from_points
from ...model.tracker import FOUND, SURE, FaceTracker, Seen
from ...reconstruct.surface import template_surface
from ...template import Part, Template
from .mesh import Body, vertex_normals
from .parts import Parts, drawn, paint, sort_parts
from .raster import Shot, View, shade, shoot
from .similarity import Similarity, fit_similarity

SKIN_COLOUR = (0.85, 0.66, 0.56)
SEARCH_SIZE, LOOK_SIZE = 400, 512  # pixels
MARGIN = 1.15
ANGLES = ((0, 0), (-22, 0), (22, 0), (-45, 0), (45, 0), (0, 18), (0, -18), (-30, 15), (30, 15))  # yaw, pitch, degrees
FIRST = ANGLES[:3]  # of the round that only says where to look
FRAME = 0.30  # metres of the template that a close look shows
SURE_PIXEL = 0.35  # least confidence of a pixel's pair
STRAY = 0.012  # metres off the template's surface beyond which a pair is no pair
BEST_FIRST = 3  # orientations tried before all 24


@dataclass(frozen=True)
class Pairs:
    """M places that are the same on template and character."""

    triangle: np.ndarray  # (M,) of the character
    weights: np.ndarray  # (M, 3) in it
    there: np.ndarray  # (M, 3) world
    here: np.ndarray  # (M, 3) metres, the template's surface
    confidence: np.ndarray  # (M,) 0..1
    part: np.ndarray  # (M,) u1 Part

    def chosen(self, mask: np.ndarray) -> Pairs:
        return Pairs(**{name: value[mask] for name, value in vars(self).items()})


@dataclass(frozen=True)
class Found:
    """The face on the character."""

    placing: Similarity  # template -> world
    parts: Parts
    pairs: Pairs
    score: float  # 0..1 of the front view


Step = Callable[[int, int], None]


class Finder:
    """Pictures of one body, seen by the network.

    Args:
        body: the character.
        template: whose space the pairs are in.
        tracker: the network.
    """

    def __init__(self, body: Body, template: Template, tracker: FaceTracker) -> None:
        self.body, self.template, self.tracker = body, template, tracker
        self.normals = vertex_normals(body.vertices, body.triangles)
        self.colours = np.tile(np.asarray(SKIN_COLOUR), (len(body.vertices), 1))
        self.drawn = np.arange(len(body.triangles))

    def draw_parts(self, parts: Parts, placing: Similarity) -> None:
        """From now on draw only face and eyes, the eyes painted."""
        self.drawn = np.flatnonzero(drawn(self.body, parts))
        self.colours = paint(self.body, parts, placing, self.colours)

    def picture(self, view: View) -> tuple[np.ndarray, Shot]:
        """The shaded body and what each pixel shows."""
        shot = shoot(view, self.body.vertices, self.body.triangles[self.drawn])
        shot = Shot(np.where(shot.triangle < 0, -1, self.drawn[shot.triangle]), shot.weights)
        return shade(view, shot, self.normals, self.body.triangles, self.colours), shot

    def orientation(self, rotations: list[np.ndarray], step: Step) -> tuple[View, Seen] | None:
        """The view that shows a face best; None where none does."""
        best: tuple[View, Seen] | None = None
        low, high = self.body.vertices.min(axis=0), self.body.vertices.max(axis=0)
        for number, rotation in enumerate(rotations):
            step(number, len(rotations))
            view = View(rotation, (low + high) / 2, float(np.linalg.norm(high - low)), SEARCH_SIZE)
            seen = self.tracker.search(self.picture(view)[0])
            if seen is not None and (best is None or seen.score > best[1].score):
                best = view, seen
            if best is not None and best[1].score >= SURE and number + 1 >= BEST_FIRST:
                break
        return best

    def look(self, view: View, points: np.ndarray | None) -> tuple[Pairs, float] | None:
        """Pairs of one view and the face's score.

        Args:
            points: (P, 3) world, roughly where the template's sparse points lie; None: search.
        """
        picture, shot = self.picture(view)
        if points is None:
            seen = self.tracker.search(picture)
        else:
            seen = self.tracker.follow(picture, crop_from_points(view.project(points)[:, :2], 0.0))
        if seen is None or seen.score < FOUND:
            return None
        return self.pairs(seen, shot), seen.score

    def pairs(self, seen: Seen, shot: Shot) -> Pairs:
        """What the network's dense coordinates say of the surface in the picture."""
        maps = self.tracker.maps(seen)
        rows, columns = np.nonzero(maps.confidence > SURE_PIXEL)
        pixel = np.rint(apply(maps.to_frame, np.stack([columns, rows], axis=1).astype(float))).astype(int)
        size = len(shot.triangle)
        hit = ((pixel >= 0) & (pixel < size)).all(axis=1)
        hit[hit] = shot.triangle[pixel[hit, 1], pixel[hit, 0]] >= 0
        rows, columns, pixel = rows[hit], columns[hit], pixel[hit]
        part = maps.part[rows, columns]
        here, off = self.on_template(maps.canonical[rows, columns], part)
        triangle, weights = shot.triangle[pixel[:, 1], pixel[:, 0]], shot.weights[pixel[:, 1], pixel[:, 0]]
        there = np.einsum("mk,mkc->mc", weights, self.body.vertices[self.body.triangles[triangle]])
        pairs = Pairs(triangle, weights, there, here, maps.confidence[rows, columns], part)
        return pairs.chosen(off < STRAY)

    def on_template(self, canonical: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Nearest points (M, 3) of the template and their distances (M,)."""
        surface = template_surface(self.template)
        triangle, weights, off = surface.closest(canonical, part)
        return np.einsum("mk,mkc->mc", weights, self.template.vertices[surface.triangles[triangle]]), off


def find_face(finder: Finder, front: np.ndarray | None, search: Step, step: Step) -> Found | None:
    """Find the face and look at it from several sides; None where no face is recognised.

    Args:
        front: (3, 3) rotation from world to template axes, where it is known.
        search, step: told of the orientations tried and of the looks.
    """
    best = finder.orientation([front] if front is not None else axis_rotations(), search)
    if best is None:
        return None
    view = best[0]
    seen = finder.look(view, None)
    if seen is None:
        return None
    placing = fit_similarity(seen[0].here, seen[0].there, seen[0].confidence)
    parts = sort_parts(finder.body, finder.template, placing, votes(seen[0], finder.body))
    finder.draw_parts(parts, placing)
    pairs, score = seen
    done = 0
    for angles in (FIRST, ANGLES):
        looks = []
        for yaw, pitch in angles:
            step(done, len(FIRST) + len(ANGLES))
            done += 1
            looks.append(finder.look(close_view(placing, yaw, pitch), sparse_points(finder.template, placing)))
        good = [look for look in looks if look is not None]
        if good:
            pairs, score = joined([look[0] for look in good]), max(look[1] for look in good)
            placing = fit_similarity(pairs.here, pairs.there, pairs.confidence)
    return Found(placing, parts, pairs, score)


def sparse_points(template: Template, placing: Similarity) -> np.ndarray:
    return placing.apply(template.vertices[template.points].astype(np.float64))


def close_view(placing: Similarity, yaw: float, pitch: float) -> View:
    """The face seen from the side by angles in degrees."""
    turn = rotation_xy(np.radians(pitch), np.radians(yaw)) @ placing.rotation.T
    center = placing.apply(np.array([0.0, -0.03, 0.0]))
    return View(turn, center, FRAME * placing.scale, LOOK_SIZE)


def rotation_xy(x: float, y: float) -> np.ndarray:
    """(3, 3) first about Y, then about X; radians."""
    cx, sx, cy, sy = np.cos(x), np.sin(x), np.cos(y), np.sin(y)
    return np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]]) @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])


def axis_rotations() -> list[np.ndarray]:
    """The 24 rotations from world to template axes; those of Blender's and of most other tools' characters first."""
    first = [np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]), np.eye(3), np.array([[-1, 0, 0], [0, 0, 1], [0, 1, 0]])]
    found = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        matrix = np.zeros((3, 3))
        matrix[np.arange(3), order] = signs
        if np.linalg.det(matrix) > 0 and not any(np.array_equal(matrix, f) for f in first):
            found.append(matrix)
    return [np.asarray(f, float) for f in first] + found


def joined(parts: list[Pairs]) -> Pairs:
    names = vars(parts[0])
    return Pairs(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in names})


def votes(pairs: Pairs, body: Body) -> np.ndarray:
    """(islands, parts): confidence with which each connected part of the body was seen as each Part."""
    table = np.zeros((int(body.island.max()) + 1, len(Part)))
    np.add.at(table, (body.island[body.triangles[pairs.triangle, 0]], pairs.part), pairs.confidence)
    return table
