"""The rims of mouth and eyes: where, seen from the front, one lip or lid ends and what lies behind it begins.

The same rule finds them on the template and on a character, so that both give the same line of skin.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .mesh import unique_edges
from .operators import weighted_rows
from .raster import Shot, View, shoot

SIZE = 640  # pixels of a close look
NEAR, MOST_RINGS = 0.0025, 8  # metres, edges: triangles nearer than this in the mesh are one surface
POINTS = 25  # along each rim
WINDOW = 1.5  # points' distances over which a rim's point is averaged
LEAST_COLUMNS = 12  # pixel columns that must show the opening
GAP_COLUMNS = 6  # a rim may be interrupted for so many
SHORT = 0.1  # share of the expected width by which a break of the surface may end before the corner
LEAST_SEEN = 0.15  # share of the expected opening in which something lies behind


@dataclass(frozen=True)
class Rim:
    """POINTS surface points from the subject's right to left corner, evenly spaced along the line."""

    rows: Any  # (POINTS, N) sparse: each point from the vertices, averaged over a short piece of the line
    point: np.ndarray  # (POINTS, 3)


@dataclass(frozen=True)
class Opening:
    """Both sides of a mouth or an eye."""

    upper: Rim
    lower: Rim


@dataclass(frozen=True)
class Surface:
    """What is looked at."""

    vertices: np.ndarray  # (N, 3)
    triangles: np.ndarray  # (T, 3)
    skin: np.ndarray  # (T,) bool: may carry a rim; the rest is what lies behind


def find_opening(surface: Surface, view: View, upper: np.ndarray, lower: np.ndarray, band: float) -> Opening | None:
    """Find an opening's rims; None where the surface has none there.

    Args:
        view: from the front, the opening in the middle.
        upper, lower: (K, 3) world, about where its rims lie, each from the subject's right to left.
        band: world units around these within which the rims lie. What is seen through an open eye shows its extent
            by itself.
    """
    surface = _within(surface, view)
    shot = shoot(view, surface.vertices, surface.triangles)
    lines = view.project(upper), view.project(lower)
    hits = _through(surface, shot, lines)
    if hits is None:
        hits = _between(surface, shot, lines, round(band / view.side * view.size))
    run = _longest_run(hits[:, 0] >= 0)
    if run is None:
        return None
    columns = run.start + np.flatnonzero(hits[run, 0] >= 0)
    rims = _rim(surface, shot, columns, hits[columns, 0]), _rim(surface, shot, columns, hits[columns, 1])
    return None if rims[0] is None or rims[1] is None else Opening(rims[0], rims[1])


def _within(surface: Surface, view: View) -> Surface:
    """Only what the picture shows."""
    corner = view.project(surface.vertices)[surface.triangles][..., :2]
    seen = (corner.max(axis=1) >= 0).all(axis=1) & (corner.min(axis=1) <= view.size - 1).all(axis=1)
    return Surface(surface.vertices, surface.triangles[seen], surface.skin[seen])


def _through(surface: Surface, shot: Shot, lines: tuple[np.ndarray, np.ndarray]) -> np.ndarray | None:
    """Rows (S, 2) beside the patch of non-skin between the lines, -1 where it is not; None without one."""
    import cv2

    size = len(shot.triangle)
    outline = np.concatenate([lines[0][:, :2], lines[1][::-1, :2]])
    inside = np.zeros((size, size), np.uint8)
    cv2.fillPoly(inside, [np.rint(outline).astype(np.int32)], (1,))
    behind = ~np.append(surface.skin, False)[shot.triangle]
    _, patches = cv2.connectedComponents(behind.astype(np.uint8), connectivity=4)
    there = patches[(inside > 0) & behind]
    if len(there) < LEAST_SEEN * max(int(inside.sum()), 1):
        return None
    patch = patches == np.bincount(there).argmax()
    if patch[0].any() or patch[-1].any():
        return None
    rows = np.stack([patch.argmax(axis=0) - 1, size - patch[::-1].argmax(axis=0)], axis=1)
    return np.where(patch.any(axis=0)[:, None], rows, -1)


def _between(surface: Surface, shot: Shot, lines: tuple[np.ndarray, np.ndarray], reach: int) -> np.ndarray:
    """Rows (S, 2) of the highest and below the lowest break of the surface around the lines, -1 where there is none."""
    size = len(shot.triangle)
    x = np.arange(size)
    upper, lower = (np.interp(x, *line[np.argsort(line[:, 0]), :2].T) for line in lines)
    y = np.arange(size)[:, None]
    first, last = min(line[:, 0].min() for line in lines), max(line[:, 0].max() for line in lines)
    near = (y > np.minimum(upper, lower) - reach) & (y < np.maximum(upper, lower) + reach)
    near &= (x >= first) & (x <= last)
    broken = _breaks(surface, shot, near[:-1])
    rows = np.stack([broken.argmax(axis=0), size - 1 - broken[::-1].argmax(axis=0)], axis=1)
    rows = np.where(broken.any(axis=0)[:, None], rows, -1)
    return _to_corners(rows, lines[0][[1, -2], :2]) if (rows[:, 0] >= 0).sum() >= LEAST_COLUMNS else rows


def _to_corners(rows: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Rows (S, 2) that go on to the corners (2, 2) expected, where coarse meshes show no break of the surface."""
    known = np.flatnonzero(rows[:, 0] >= 0)
    x, y = list(known), rows[known].astype(float)
    short = SHORT * (corners[1, 0] - corners[0, 0])
    if known[0] > corners[0, 0] + short:
        x, y = [corners[0, 0], *x], np.vstack([[corners[0, 1]] * 2, y])
    if known[-1] < corners[1, 0] - short:
        x, y = [*x, corners[1, 0]], np.vstack([y, [corners[1, 1]] * 2])
    columns = np.arange(int(np.ceil(x[0])), int(x[-1]) + 1)
    out = np.full_like(rows, -1)
    out[columns] = np.rint([np.interp(columns, x, y[:, side]) for side in (0, 1)]).astype(int).T
    return out


def _breaks(surface: Surface, shot: Shot, where: np.ndarray) -> np.ndarray:
    """(S - 1, S) bool: a pixel and the one below, where wanted, show different places of the mesh."""
    upper, lower = shot.triangle[:-1], shot.triangle[1:]
    out = where & ((upper < 0) != (lower < 0))
    both = np.flatnonzero((where & (upper >= 0) & (lower >= 0) & (upper != lower)).ravel())
    if not len(both):
        return out
    pairs = np.stack([upper.ravel()[both], lower.ravel()[both]], axis=1)
    unique, back = np.unique(pairs, axis=0, return_inverse=True)
    out.ravel()[both] = ~_near(surface, unique)[back.reshape(-1)]
    return out


def _near(surface: Surface, pairs: np.ndarray) -> np.ndarray:
    """(N,) bool: the two triangles of each pair share a vertex, or on fine meshes are but NEAR apart in the mesh."""
    from scipy.sparse import coo_matrix

    used, compact = np.unique(surface.triangles, return_inverse=True)
    triangles, count = compact.reshape(-1, 3), len(used)
    edges = unique_edges(triangles)
    ones = np.ones(len(edges), np.int32)
    step = coo_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(count, count)).tocsr()
    step = step + step.T
    shown, place = np.unique(pairs, return_inverse=True)
    place = place.reshape(pairs.shape)
    rows = np.repeat(np.arange(len(shown)), 3)
    start: Any = coo_matrix(
        (np.ones(3 * len(shown), np.int32), (rows, triangles[shown].ravel())), shape=(len(shown), count)
    ).tocsr()
    reach = start
    length = np.linalg.norm(np.diff(surface.vertices[used[edges]], axis=1), axis=2)
    for _ in range(min(int(NEAR / max(float(np.median(length)), 1e-12)), MOST_RINGS)):
        reach = ((reach @ step + reach) > 0).astype(np.int32)
    return np.asarray(reach[place[:, 0]].multiply(start[place[:, 1]]).sum(axis=1)).ravel() > 0


def _longest_run(seen: np.ndarray) -> slice | None:
    """The longest stretch of columns with only short gaps."""
    there = np.flatnonzero(seen)
    if not len(there):
        return None
    cuts = np.flatnonzero(np.diff(there) > GAP_COLUMNS) + 1
    run = max(np.split(there, cuts), key=len)
    return slice(int(run[0]), int(run[-1]) + 1) if len(run) >= LEAST_COLUMNS else None


def _rim(surface: Surface, shot: Shot, x: np.ndarray, y: np.ndarray) -> Rim | None:
    """The rim through pixels, from the first column to the last."""
    from scipy.sparse import csr_matrix

    triangle = shot.triangle[y, x]
    held = (triangle >= 0) & np.append(surface.skin, False)[triangle]
    if held.sum() < LEAST_COLUMNS:
        return None
    picks = weighted_rows(triangle[held], shot.weights[y, x][held], surface.triangles, len(surface.vertices))
    smooth = _smoothed(picks @ surface.vertices)
    along = np.append(0, np.cumsum(np.linalg.norm(np.diff(smooth, axis=0), axis=1)))
    wanted = np.linspace(0, along[-1], POINTS)
    # Single pixels lie now on the front, now on the underside of a lip: a piece of the line tells more than a point.
    share = np.maximum(0, 1 - np.abs(along[None] - wanted[:, None]) / (WINDOW * along[-1] / (POINTS - 1)))
    share[np.arange(POINTS), np.abs(along[None] - wanted[:, None]).argmin(axis=1)] += 1e-3
    rows = csr_matrix(share / share.sum(axis=1, keepdims=True)) @ picks
    return Rim(rows, rows @ surface.vertices)


def _smoothed(points: np.ndarray, width: int = 7) -> np.ndarray:
    """Running mean, so that the pixels' steps do not count as length."""
    padded = np.pad(points, ((width // 2, width // 2), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, k], np.ones(width) / width, "valid") for k in range(3)], axis=1)
