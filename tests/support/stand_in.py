"""A small head and a short performance that need neither the real template nor footage."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.reconstruct.keys import key_shapes
from faceanything_addon.take.take import Actor, Frames, Take, TakeInfo
from faceanything_addon.template import Part, Template
from faceanything_addon.template.shape import expression_offset, eyeball_rotation, rotate_eyes

_NAMES = (
    "eyeBlinkLeft eyeLookDownLeft eyeLookInLeft eyeLookOutLeft eyeLookUpLeft eyeSquintLeft eyeWideLeft eyeBlinkRight "
    "eyeLookDownRight eyeLookInRight eyeLookOutRight eyeLookUpRight eyeSquintRight eyeWideRight jawForward jawLeft "
    "jawRight jawOpen mouthClose mouthFunnel mouthPucker mouthLeft mouthRight mouthSmileLeft mouthSmileRight "
    "mouthFrownLeft mouthFrownRight mouthDimpleLeft mouthDimpleRight mouthStretchLeft mouthStretchRight mouthRollLower "
    "mouthRollUpper mouthShrugLower mouthShrugUpper mouthPressLeft mouthPressRight mouthLowerDownLeft "
    "mouthLowerDownRight mouthUpperUpLeft mouthUpperUpRight browDownLeft browDownRight browInnerUp browOuterUpLeft "
    "browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight noseSneerLeft noseSneerRight tongueOut"
)
ARKIT = tuple(_NAMES.split())


def _sphere(radius: np.ndarray, center: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cube sphere of quads: vertices (N, 3), quads (Q, 4), corner UVs (Q, 4, 2)."""
    line = np.linspace(-1, 1, size + 1)
    points: dict[tuple[float, ...], int] = {}
    quads, uvs = [], []
    for axis in range(3):
        for side in (-1.0, 1.0):
            for i in range(size):
                for j in range(size):
                    steps = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
                    steps = steps if side > 0 else steps[::-1]
                    quad = []
                    for a, b in steps:
                        p = np.zeros(3)
                        p[axis], p[(axis + 1) % 3], p[(axis + 2) % 3] = side, line[a], line[b]
                        quad.append(points.setdefault(tuple(np.round(p, 6)), len(points)))
                    quads.append(quad)
                    cell = np.array([axis / 3, 0.5 * (side > 0)])
                    uvs.append([cell + np.array([a / 3, b / 2]) / size for a, b in steps])
    shape = np.array(list(points))
    shape /= np.linalg.norm(shape, axis=1, keepdims=True)
    return shape * radius + center, np.array(quads), np.array(uvs)


def make_template(size: int = 12) -> Template:
    """A head of about 6 size^2 vertices, two eyeballs, teeth and a tongue."""
    pieces = [
        (Part.SKIN, (0.08, 0.11, 0.09), (0, -0.03, -0.06), size),
        (Part.EYE_LEFT, (0.012,) * 3, (0.032, 0, 0.01), max(4, size // 3)),
        (Part.EYE_RIGHT, (0.012,) * 3, (-0.032, 0, 0.01), max(4, size // 3)),
        (Part.TEETH, (0.02, 0.006, 0.006), (0, -0.065, 0.02), 4),
        (Part.TONGUE, (0.012, 0.004, 0.016), (0, -0.075, 0.01), 4),
    ]
    vertices, quads, uvs, part = [], [], [], []
    for label, radius, center, count in pieces:
        v, q, uv = _sphere(np.array(radius), np.array(center), count)
        quads.append(q + sum(map(len, vertices)))
        vertices.append(v)
        uvs.append(uv)
        part.append(np.full(len(v), label, dtype=np.uint8))
    v = np.concatenate(vertices).astype(np.float32)
    corner_uvs = np.concatenate(uvs).reshape(-1, 2).astype(np.float32)
    parts = np.concatenate(part)
    return Template(
        vertices=v,
        quads=np.concatenate(quads).astype(np.int32),
        uvs=corner_uvs,
        uv_quads=np.arange(len(corner_uvs), dtype=np.int32).reshape(-1, 4),
        part=parts,
        identity=np.zeros((1, len(v), 3), np.float32),
        expressions=_expressions(v, parts),
        expression_names=ARKIT,
        mirror=np.arange(len(v), dtype=np.int32),
        landmarks_index=np.zeros((68, 3), np.int32),
        landmarks_weight=np.full((68, 3), 1 / 3, np.float32),
        points=np.arange(10, dtype=np.int32),
        eye_centers=np.array([[0.032, 0, 0.01], [-0.032, 0, 0.01]], np.float32),
        regions={
            "skin": (parts == Part.SKIN).astype(np.float32),
            "chin": _bump(v, np.array([0, -0.1, 0.02])),
            "shoulders": np.zeros(len(v), np.float32),
        },
    )


def _bump(v: np.ndarray, center: np.ndarray, width: float = 0.03) -> np.ndarray:
    return np.exp(-((v - center) ** 2).sum(axis=1) / (2 * width**2)).astype(np.float32)


def _expressions(v: np.ndarray, part: np.ndarray) -> np.ndarray:
    random = np.random.default_rng(1)
    skin = v[part == Part.SKIN]
    front = skin[skin[:, 2] > 0]
    moved = ~np.isin(part, [Part.EYE_LEFT, Part.EYE_RIGHT])
    centers = front[random.integers(len(front), size=52)]
    directions = random.normal(size=(52, 3)) * 0.006
    return np.stack([(_bump(v, c) * moved)[:, None] * d for c, d in zip(centers, directions, strict=True)]).astype("f4")


def make_take(
    template: Template, count: int = 12, width: int = 640, height: int = 480, fps: float = 30.0, footage: str = ""
) -> Take:
    """A head that nods, turns and talks before a camera with an off-centre principal point."""
    time = np.arange(count) / fps
    phase = np.sin(2 * np.pi * (time[:, None] * np.linspace(0.3, 2, 52) + np.linspace(0, 1, 52)))
    arkit = (0.5 + 0.5 * phase).astype(np.float32)
    pose = np.stack([_pose(t) for t in time]).astype(np.float32)
    gaze_head = np.stack([0.3 * np.sin(3 * time), 0.2 * np.cos(2 * time), np.ones(count)], axis=1)
    gaze_head /= np.linalg.norm(gaze_head, axis=1, keepdims=True)
    actor = make_actor(template, 1.2 * max(width, height))
    neutral, offsets = key_shapes(template, actor)
    vertices = (neutral + np.tensordot(arkit, offsets, axes=1)).astype(np.float32)
    turns = eyeball_rotation(gaze_head)
    vertices = np.stack([rotate_eyes(template, v, np.stack([r, r])) for v, r in zip(vertices, turns, strict=True)])
    matrix = np.array([[actor.focal, 0, width / 2 + 7.3], [0, actor.focal, height / 2 - 11.6], [0, 0, 1]], np.float32)
    gaze = np.einsum("fij,fj->fi", pose[:, :3, :3], gaze_head)
    frames = Frames(
        vertices=vertices,
        head_pose=pose,
        intrinsics=np.tile(matrix, (count, 1, 1)),
        arkit=arkit,
        gaze=np.stack([gaze, gaze], axis=1).astype(np.float32),
        confidence=np.ones(vertices.shape[:2], np.float32),
        visible=np.ones(vertices.shape[:2], bool),
        found=np.ones(count, bool),
        time=time,
    )
    info = TakeInfo(footage or "/nowhere/clip.mp4", width, height, 0, count, fps, "embedded", "stand-in")
    return Take(info, actor, frames)


def make_actor(template: Template, focal: float) -> Actor:
    """Two of the shapes are there in part when the face is at rest."""
    rest = np.zeros(len(template.expressions), np.float32)
    rest[[0, 7]] = 0.5, 0.3
    neutral = (template.vertices + expression_offset(template, rest)).astype(np.float32)
    return Actor(neutral, np.zeros(1, np.float32), focal, rest)


def _pose(t: float) -> np.ndarray:
    """Camera-from-head half a metre away; it turns all the way round in four seconds' time."""
    yaw, pitch = 0.5 * np.sin(1.5 * t), 0.2 * np.sin(2.2 * t)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    pose = np.eye(4)
    pose[:3, :3] = np.diag([1.0, -1.0, -1.0]) @ turn @ nod
    pose[:3, 3] = (0.03 * np.sin(t), 0.02, 0.6)
    return pose
