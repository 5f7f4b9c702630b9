"""Meshes that are not the face: torso, glasses, hats, hands, things in front. Metres, head space unless said."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceanything_addon.template import Part, Template


@dataclass
class Shape:
    """Vertices (N, 3) and triangles (T, 3) i4."""

    vertices: np.ndarray
    tris: np.ndarray


def join(shapes: list[Shape]) -> Shape:
    """One mesh of several."""
    starts = np.cumsum([0] + [len(s.vertices) for s in shapes[:-1]])
    tris = [s.tris + k for s, k in zip(shapes, starts, strict=True)]
    return Shape(np.concatenate([s.vertices for s in shapes]), np.concatenate(tris).astype(np.int32))


def grid_tris(rows: int, columns: int, closed: bool) -> np.ndarray:
    """Triangles of a rows x columns grid; `closed` joins the last column to the first."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    k = (j + 1) % columns
    a, b, c, d = i * columns + j, i * columns + k, (i + 1) * columns + k, (i + 1) * columns + j
    return np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]).astype(
        np.int32
    )


def rings(centers: np.ndarray, radii: np.ndarray, across: np.ndarray, along: np.ndarray, columns: int = 24) -> Shape:
    """Loft of ellipses: centers (R, 3), radii (R, 2), unit axes (3,) of the ellipses."""
    angle = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    ring = (
        np.cos(angle)[None, :, None] * radii[:, None, :1] * across
        + np.sin(angle)[None, :, None] * radii[:, None, 1:] * along
    )
    return Shape((centers[:, None] + ring).reshape(-1, 3), grid_tris(len(centers), columns, True))


def tube(path: np.ndarray, radius: float, columns: int = 6, closed: bool = False) -> Shape:
    """Round tube along path (N, 3)."""
    ahead = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    if not closed:
        ahead[0], ahead[-1] = path[1] - path[0], path[-1] - path[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-12
    side = np.cross(ahead, [0.13, 0.2, 0.97])
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-12
    up = np.cross(ahead, side)
    angle = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None, :, None]
    points = path[:, None] + radius * (np.cos(angle) * side[:, None] + np.sin(angle) * up[:, None])
    rows = np.concatenate([points, points[:1]]) if closed else points
    return Shape(rows.reshape(-1, 3), grid_tris(len(rows), columns, True))


def capsule(start: np.ndarray, end: np.ndarray, r0: float, r1: float, columns: int = 12) -> Shape:
    """Tapered capsule with round ends."""
    axis = end - start
    axis = axis / (np.linalg.norm(axis) + 1e-9)
    side = np.cross(axis, [0.3, 0.5, 0.81])
    side /= np.linalg.norm(side)
    t = np.linspace(-np.pi / 2, 0, 4)
    centers = [start + axis * r0 * np.sin(a) for a in t] + [end + axis * r1 * np.sin(-a) for a in t[::-1]]
    radii = [max(r0 * np.cos(a), 1e-4) for a in t] + [max(r1 * np.cos(a), 1e-4) for a in t[::-1]]
    return rings(np.array(centers), np.array(radii)[:, None] * [1, 1], side, np.cross(axis, side), columns)


def hand(rng: np.random.Generator) -> Shape:
    """A rough hand about its palm's centre, size of a real one."""
    parts = [capsule(np.array([-0.02, 0, 0.0]), np.array([0.025, 0, 0]), 0.034, 0.034)]
    parts[0].vertices *= (1, 1.1, 0.45)
    bend, spread = rng.uniform(0, 1.3), rng.uniform(0.02, 0.16)
    for k in range(5):
        at = np.array([(k - 1.5) * 0.02, 0.035, 0.0]) if k < 4 else np.array([-0.035, -0.01, 0.0])
        angle = (k - 1.5) * spread if k < 4 else -0.9
        lengths = (0.042, 0.027, 0.022) if k < 4 else (0.035, 0.03, 0.01)
        curl = 0.0
        for length in lengths:
            curl += bend * rng.uniform(0.3, 0.8)
            step = length * np.array([np.sin(angle) * np.cos(curl), np.cos(angle) * np.cos(curl), np.sin(curl)])
            parts.append(capsule(at, at + step, 0.0095, 0.0085, 8))
            at = at + step
    parts.append(capsule(np.array([0, -0.03, 0.0]), np.array([0, -0.3, 0.0]), 0.026, 0.042))
    return join(parts)


def microphone(rng: np.random.Generator) -> Shape:
    """Ball or slim stick on a shaft."""
    r = rng.uniform(0.012, 0.04)
    parts = [
        capsule(np.zeros(3), np.array([0, 0.01, 0]), r, r),
        capsule(np.zeros(3), np.array([0, -0.25, 0.0]), r * 0.6, r * 0.5),
    ]
    return join(parts)


def slab(rng: np.random.Generator) -> Shape:
    """Phone, cup or stick: a box or cylinder."""
    if rng.random() < 0.5:
        r, h = rng.uniform(0.01, 0.045), rng.uniform(0.05, 0.13)
        return rings(
            np.array([[0, -h, 0], [0, -h, 0], [0, h, 0], [0, h, 0]]),
            np.array([[1e-4] * 2, [r] * 2, [r] * 2, [1e-4] * 2]),
            np.eye(3)[0],
            np.eye(3)[2],
        )
    x, y, z = rng.uniform(0.03, 0.045), rng.uniform(0.06, 0.085), 0.005
    corners = np.array([[a, b, c] for a in (-x, x) for b in (-y, y) for c in (-z, z)])
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    corners = corners[quads].reshape(-1, 3)
    q = np.arange(24).reshape(6, 4)
    return Shape(corners, np.concatenate([q[:, :3], q[:, [0, 2, 3]]]).astype(np.int32))


def random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Uniform rotation."""
    q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def occluder(rng: np.random.Generator, target: np.ndarray) -> tuple[Shape, str]:
    """Something between the camera and camera-space point `target` (3,); kind 'skin' or 'thing'."""
    u = rng.random()
    if u < 0.55:
        shape, kind = hand(rng), "skin"
    elif u < 0.75:
        shape, kind = microphone(rng), "thing"
    else:
        shape, kind = slab(rng), "thing"
    near = rng.uniform(0.55, 0.97) if rng.random() < 0.5 else 1 - 0.03 / target[2]
    turn = random_rotation(rng)
    if rng.random() < 0.6:  # from below, upright
        a = rng.normal() * 0.6
        turn = np.array([[np.cos(a), np.sin(a), 0], [np.sin(a), -np.cos(a), 0], [0, 0, -1]])
    return Shape(shape.vertices @ turn.T * near + target * near, shape.tris), kind


def torso(rng: np.random.Generator, template: Template, vertices: np.ndarray) -> Shape:
    """Shoulders and chest with a collar of random height, about the neck of this head."""
    base = neck_ring(template, vertices)
    high = rng.random()
    collar = 0.0 if high < 0.55 else rng.uniform(0.0, 0.075)
    fit = rng.uniform(1.04, 1.25)
    width, depth = rng.uniform(0.17, 0.26), rng.uniform(0.09, 0.14)
    rx, rz = base[3] * fit, base[4] * fit
    drop = rng.uniform(0.02, 0.06)
    # height below the rim of the neck, half width, half depth
    rows = [
        (collar, rx, rz),
        (0.0, rx * 1.05, rz * 1.05),
        (-0.2 * drop, rx * 1.3, rz * 1.15),
        (-drop, width * 0.75, depth * 0.95),
    ]
    rows += [(-drop - 0.03, width * 0.95, depth), (-drop - 0.08, width, depth * 1.05), (-0.5, width * 0.9, depth * 1.1)]
    low = base[1] + rng.uniform(0.0, 0.05)
    centers = np.array([[base[0], low + h, base[2]] for h, _, _ in rows])
    return rings(centers, np.array([(a, b) for _, a, b in rows]), np.eye(3)[0], np.eye(3)[2], 32)


def neck_ring(template: Template, vertices: np.ndarray) -> tuple[float, ...]:
    """Centre x, y, z and half width, half depth of the neck at the lowest 3 cm of its column."""
    skin = template.part == Part.SKIN
    y = template.vertices[:, 1]
    level = max(y[skin].min() + 0.015, -0.15)
    ring = vertices[skin & (np.abs(y - level) < 0.015)]
    low, high = np.percentile(ring, [4, 96], axis=0)
    center = (low + high) / 2
    half = (high - low) / 2
    return float(center[0]), float(center[1]), float(center[2]), float(min(half[0], 0.075)), float(min(half[2], 0.075))


def glasses(rng: np.random.Generator, template: Template, vertices: np.ndarray) -> tuple[Shape, Shape]:
    """Frame and lenses resting on this face."""
    eyes = [vertices[template.part == p].mean(axis=0) + (0, 0, 0.012) for p in (Part.EYE_LEFT, Part.EYE_RIGHT)]
    a, b = rng.uniform(0.021, 0.030), rng.uniform(0.015, 0.026)
    power = rng.uniform(2, 5)
    drop, ahead = rng.uniform(-0.002, 0.008), rng.uniform(0.008, 0.016)
    tilt, thick = rng.uniform(-0.05, 0.15), rng.uniform(0.0006, 0.0028)
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    frame, lens = [], []
    hinge = []
    for sign, eye in zip((1, -1), eyes, strict=True):
        x = a * np.sign(c) * np.abs(c) ** (2 / power) * sign
        y = b * np.sign(s) * np.abs(s) ** (2 / power)
        outward = np.maximum(x * sign, 0)
        rim = eye + np.stack([x + sign * 0.002, y - drop, ahead + y * tilt - outward * 0.25], axis=1)
        frame.append(tube(rim, thick, closed=True))
        fan = np.stack([np.full(28, 28), np.arange(28), (np.arange(28) + 1) % 28], axis=1)
        lens.append(Shape(np.concatenate([rim, rim.mean(axis=0, keepdims=True)]), fan.astype(np.int32)))
        hinge.append(rim[np.argmax(x * sign)])
    inner = [e.vertices[:28][np.argmin(np.abs(e.vertices[:28, 0]))] for e in lens]
    middle = (inner[0] + inner[1]) / 2 + (0, 0.003, 0.003)
    frame.append(tube(np.stack([inner[0], middle, inner[1]]), thick))
    temple = (template.part == Part.SKIN) & (np.abs(template.vertices[:, 2] + 0.06) < 0.012)
    skin = vertices[temple & (np.abs(template.vertices[:, 1] - 0.005) < 0.015)]
    half = np.percentile(np.abs(skin[:, 0]), 90) + 0.002
    for sign, at in zip((1, -1), hinge, strict=True):
        reach = max(half, abs(at[0]) - 0.004)
        path = np.array([at, [sign * (abs(at[0]) + 0.002), at[1], at[2] - 0.008], [sign * reach, at[1], at[2] - 0.055],
                         [sign * (reach + 0.003), at[1] - 0.002, at[2] - 0.11]])  # fmt: skip
        frame.append(tube(path, max(thick, 0.001)))
    return join(frame), join(lens)


def hat(
    rng: np.random.Generator, template: Template, vertices: np.ndarray, normals: np.ndarray, tris: np.ndarray
) -> Shape:
    """Beanie, cap or hood: the skull's skin moved outward."""
    kind = rng.choice(["beanie", "cap", "hood"], p=[0.4, 0.4, 0.2])
    rest = template.vertices
    brow = rng.uniform(0.035, 0.075)
    if kind == "hood":
        keep = (rest[:, 2] < rng.uniform(-0.10, -0.06) + 0.0 * rest[:, 1]) | (rest[:, 1] > rng.uniform(0.08, 0.10))
        gap = rng.uniform(0.015, 0.03)
    else:
        keep = rest[:, 1] + 0.25 * rest[:, 2] > brow - 0.02
        gap = rng.uniform(0.005, 0.02)
    keep &= (template.part == Part.SKIN) & (np.abs(rest[:, 0]) < 0.083)
    chosen = tris[keep[tris].all(axis=1)]
    used, flat = np.unique(chosen, return_inverse=True)
    up = np.clip((rest[used, 1] - 0.05) / 0.06, 0, 1)[:, None]
    shell = vertices[used] + normals[used] * gap * (0.6 + 0.6 * up)
    parts = [Shape(shell, flat.reshape(-1, 3).astype(np.int32))]
    if kind == "cap":
        parts.append(visor(rng, shell))
    return join(parts)


def visor(rng: np.random.Generator, shell: np.ndarray) -> Shape:
    """The peak of a cap, at the front rim of its shell."""
    front = shell[np.argsort(-shell[:, 2] + 2 * np.abs(shell[:, 0]) + shell[:, 1] * 1.5)[:6]].mean(axis=0)
    length, width, fall = rng.uniform(0.05, 0.085), rng.uniform(0.055, 0.075), rng.uniform(-0.1, 0.5)
    t = np.linspace(-1, 1, 15)
    rows = []
    for k in np.linspace(0, 1, 5):
        z = front[2] - 0.035 * t**2 * 1.4 + k * length * np.sqrt(np.maximum(1 - t**2, 0)) - 0.004
        rows.append(np.stack([width * t, front[1] + 0.004 - fall * k * length - 0.012 * t**2, z], axis=1))
    return Shape(np.concatenate(rows), grid_tris(5, 15, False))


def headphones(rng: np.random.Generator, template: Template, vertices: np.ndarray) -> Shape:
    """Band over the crown and a cup on each ear."""
    skin = vertices[template.part == Part.SKIN]
    crown = skin[:, 1].max() + 0.012
    ear = skin[(np.abs(skin[:, 1] + 0.02) < 0.03) & (np.abs(skin[:, 2] + 0.095) < 0.02)]
    half = np.abs(ear[:, 0]).max() + 0.012 if len(ear) else 0.09
    angle = np.linspace(0, np.pi, 24)
    path = np.stack([half * np.cos(angle), -0.02 + (crown + 0.02) * np.sin(angle), np.full(24, -0.095)], axis=1)
    cup = rng.uniform(0.025, 0.042)
    parts = [tube(path, rng.uniform(0.004, 0.012))]
    for sign in (1, -1):
        at = np.array([sign * (half - 0.012), -0.025, -0.095])
        parts.append(
            rings(
                at + np.array([[0, 0, 0], [sign * 0.0, 0, 0], [sign * 0.022, 0, 0], [sign * 0.03, 0, 0]]),
                cup * np.array([[0.9, 1.1], [1, 1.2], [1, 1.2], [0.01, 0.01]]),
                np.eye(3)[2],
                np.eye(3)[1],
                20,
            )
        )
    return join(parts)
