"""Eyeballs, teeth and tongue: simple closed quad shapes fitted to the head model's own."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from .headmodel import HeadModel
from .surface import Points, locate

EYE_SEGMENTS = 24
EYE_RINGS = (8, 14, 20, 26, 31, 37, 45, 56, 69, 83, 98, 114, 130, 146, 160)  # degrees from the pupil
ARCH_STEPS, ARCH_SECTION = 44, 8
CROWN_HEIGHT, CROWN_DEPTH, CLEAR_OF_LIPS = 1.0, 0.7, 0.15  # cm
TONGUE_AROUND, TONGUE_ALONG = 12, 12
TONGUE_BACK = ((0, 0.25, 0.5, 0.8, 1), (-3.15, -2.95, -3.0, -3.2, -3.55))  # share from root to tip, height of its back


@dataclass(frozen=True)
class PartMesh:
    """A piece of the template: positions in cm, quads, and where its motion is read off the head model."""

    name: str
    vertices: np.ndarray  # (N, 3) cm
    quads: np.ndarray  # (M, 4)
    source: Points
    uvs: np.ndarray  # (N, 2) own chart 0..1


def square_cap(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads that close a ring of 4n points: radius share and angle of the grid's points, and the quads.

    The grid's own rim has radius 1 and the ring's angles 0..2 pi, in the ring's order.
    """
    i, j = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    x, y = (i - n / 2).ravel(), (j - n / 2).ravel()
    reach = np.maximum(np.abs(x), np.abs(y))
    share = np.divide(np.where(np.abs(x) >= np.abs(y), y, x), np.maximum(reach, 1e-9))
    side = np.select([x >= np.abs(y), -x >= np.abs(y), y > np.abs(x)], [0, 2, 1], 3)
    sign = np.array([1, -1, -1, 1])[side]
    angle = side * np.pi / 2 + sign * share * np.pi / 4
    number = np.arange((n + 1) ** 2).reshape(n + 1, n + 1)
    quads = np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], -1).reshape(-1, 4)
    return reach / (n / 2), angle, quads


def tube_quads(rings: int, around: int) -> np.ndarray:
    """Quads between successive rings numbered ring * around + i."""
    i = np.arange(around)
    j = (i + 1) % around
    quads = [np.stack([i, i + around, j + around, j], 1) + r * around for r in range(rings - 1)]
    return np.concatenate(quads)


def weld(points: np.ndarray, quads: np.ndarray, extra: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, list]:
    """Merge coinciding points (1e-6); unused ones go."""
    tree = cKDTree(points)
    first = np.array([min(near) for near in tree.query_ball_point(points, 1e-6)])
    kept, inverse = np.unique(first, return_inverse=True)
    return points[kept], inverse.ravel()[quads], [e[kept] for e in extra]


def sphere_grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit eyeball looking along +Z: directions (N, 3), quads, chart (N, 2): pupil in the middle."""
    ring_angle = np.pi / 4 + np.pi / 2 * 0 + 2 * np.pi * np.arange(EYE_SEGMENTS) / EYE_SEGMENTS
    polar = np.radians(np.repeat(EYE_RINGS, EYE_SEGMENTS))
    azimuth = np.tile(ring_angle, len(EYE_RINGS))
    tube = tube_quads(len(EYE_RINGS), EYE_SEGMENTS)
    share, angle, cap = square_cap(EYE_SEGMENTS // 4)
    front, back = np.radians(EYE_RINGS[0]) * share, np.pi - (np.pi - np.radians(EYE_RINGS[-1])) * share
    n = len(polar)
    polar, azimuth = np.r_[polar, front, back], np.r_[azimuth, angle, angle]
    quads = np.concatenate([tube, cap + n, cap[:, ::-1] + n + len(share)])
    d = np.stack([np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)], 1)
    chart = 0.5 + 0.5 * (polar / np.pi)[:, None] * np.stack([np.cos(azimuth), np.sin(azimuth)], 1)
    d, quads, (chart,) = weld(d, quads, [chart])
    return d, quads, chart


def make_eye(head: HeadModel) -> PartMesh:
    """The subject's left eyeball, its cornea's bulge from the head model."""
    triangles = head.triangles_of("sclera_left")
    used = head.vertices[np.unique(triangles)]
    center = (used.max(0) + used.min(0)) / 2
    directions, quads, chart = sphere_grid()
    radius = (used.max(0) - used.min(0))[:2].mean() / 2
    source = locate(center + radius * directions, head.vertices, triangles, near=32)
    surface = source.of(head.vertices)
    reach = np.linalg.norm(surface - center, axis=1)
    return PartMesh("eye", center + directions * reach[:, None], outward(quads, directions), source, chart)


def outward(quads: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Quads of a star-shaped mesh wound counter-clockwise from outside."""
    corner = directions[quads]
    normal = np.cross(corner[:, 2] - corner[:, 0], corner[:, 3] - corner[:, 1])
    flip = (normal * corner.mean(1)).sum(1) < 0
    quads = quads.copy()
    quads[flip] = quads[flip][:, ::-1]
    return quads


def make_teeth(head: HeadModel, name: str) -> PartMesh:
    """A dental arch (teeth_upper or teeth_lower) as a closed band."""
    triangles = head.triangles_of(name)
    v = head.vertices[np.unique(triangles)]
    pivot = v[:, 2].min()
    angle = np.arctan2(v[:, 0], v[:, 2] - pivot + 0.5)
    radius = np.hypot(v[:, 0], v[:, 2] - pivot + 0.5)
    reach = 0.98 * np.abs(angle).max()
    at = np.linspace(-reach, reach, ARCH_STEPS + 1)
    rows = np.array([arch_row(a, angle, radius, v[:, 1]) for a in at])
    rows = np.stack([np.convolve(np.pad(r, 2, mode="edge"), np.ones(5) / 5, "valid") for r in rows.T], 1)
    rows = (rows + rows[::-1]) / 2
    inner, outer, low, high = crowns(rows, upper=name == "teeth_upper").T
    middle = (low + high) / 2
    section = [(outer, high), (outer, middle), (outer, low), ((inner + outer) / 2, low)]
    section += [(inner, low), (inner, middle), (inner, high), ((inner + outer) / 2, high)]
    r, y = np.stack([s[0] for s in section], 1), np.stack([s[1] for s in section], 1)
    points = np.stack([r * np.sin(at)[:, None], y, r * np.cos(at)[:, None] + pivot - 0.5], -1).reshape(-1, 3)
    quads = tube_quads(ARCH_STEPS + 1, ARCH_SECTION)
    points, quads = close_ends(points, quads, ARCH_SECTION, ARCH_STEPS + 1)
    quads = quads[:, [0, 3, 2, 1]]  # the section runs clockwise, seen along the arch: out is out
    chart = (points[:, :2] - points[:, :2].min(0)) / np.ptp(points[:, :2], axis=0)
    return PartMesh(name, points, quads, locate(points, head.vertices, triangles), np.clip(chart, 0, 1))


def crowns(rows: np.ndarray, upper: bool) -> np.ndarray:
    """The head model's teeth with their roots -> what shows of them, clear of the lips: rows as in `arch_row`."""
    inner, outer, low, high = rows.T
    outer = outer - CLEAR_OF_LIPS
    inner = np.maximum(inner, outer - CROWN_DEPTH)
    if upper:
        return np.stack([inner, outer, low, np.minimum(high, low + CROWN_HEIGHT)], axis=1)
    return np.stack([inner, outer, np.maximum(low, high - CROWN_HEIGHT), high], axis=1)


def arch_row(at: float, angle: np.ndarray, radius: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Inner and outer radius, lowest and highest y of the teeth near an angle."""
    near = np.abs(angle - at) < 0.09
    if near.sum() < 8:
        near = np.argsort(np.abs(angle - at))[:40]
    return np.r_[np.percentile(radius[near], [15, 97]), np.percentile(y[near], [3, 97])]


def close_ends(points: np.ndarray, quads: np.ndarray, around: int, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """Close both ends of a tube of 8 points round with 2 x 2 quads each."""
    ends = [np.arange(around), (rings - 1) * around + np.arange(around)]
    for k, ring in enumerate(ends):
        center = len(points)
        points = np.concatenate([points, points[ring].mean(0, keepdims=True)])
        fill = np.array([[ring[j], ring[(j + 1) % 8], center, ring[j - 1]] for j in (0, 2, 4, 6)])
        quads = np.concatenate([quads, fill if k == 0 else fill[:, ::-1]])
    return points, quads


def make_tongue(head: HeadModel) -> PartMesh:
    """A tongue in the lower jaw, tip forwards."""
    along = np.linspace(0, 1, TONGUE_ALONG)
    z = 4.2 + 5.0 * along
    top = np.interp(along, TONGUE_BACK[0], TONGUE_BACK[1])
    height = 0.65 - 0.4 * along**3  # half
    y = top - height
    width = 1.75 * np.sqrt(np.clip(1 - (along**6) * 0.72, 0, 1)) * (0.85 + 0.15 * along)
    angle = np.pi / 4 + 2 * np.pi * np.arange(TONGUE_AROUND) / TONGUE_AROUND
    ring = np.stack([width[:, None] * np.cos(angle), y[:, None] + height[:, None] * np.sin(angle)], -1)
    points = np.concatenate([ring, np.broadcast_to(z[:, None, None], (*ring.shape[:2], 1))], -1).reshape(-1, 3)
    share, turn, cap = square_cap(TONGUE_AROUND // 4)
    tip = np.stack(
        [width[-1] * share * np.cos(turn), y[-1] + height[-1] * share * np.sin(turn), z[-1] + 0.28 * (1 - share**2)], 1
    )
    quads = np.concatenate([tube_quads(TONGUE_ALONG, TONGUE_AROUND)[:, ::-1], cap + len(points)])
    points, quads, _ = weld(np.concatenate([points, tip]), quads, [])
    triangles = head.triangles_of("gums_tongue")
    low = triangles[head.vertices[triangles][:, :, 1].max(1) < -3.0]
    chart = np.stack([0.5 + points[:, 0] / 4, (points[:, 2] - 4.2) / 5.3], 1)
    return PartMesh("tongue", points, quads, locate(points, head.vertices, low), np.clip(chart, 0, 1))
