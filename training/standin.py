"""Painted ellipsoids in place of faces: tests and timing without the generator's assets."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template import Part, Template

RADII = np.array([0.075, 0.11, 0.09])
CENTER = np.array([0.0, -0.03, -0.08])
EYES = np.array([[0.032, 0.0, 0.0], [-0.032, 0.0, 0.0]])
SIDES = ("Left", "Right")
NAMES = (
    *(f"eye{a}{s}" for s in SIDES for a in ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")),
    *("jawForward", "jawLeft", "jawRight", "jawOpen", "mouthClose", "mouthFunnel", "mouthPucker"),
    *("mouthLeft", "mouthRight"),
    *(f"mouth{a}{s}" for a in ("Smile", "Frown", "Dimple", "Stretch") for s in SIDES),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *(f"mouth{a}{s}" for a in ("Press", "LowerDown", "UpperUp") for s in SIDES),
    *("browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    *("cheekPuff", "cheekSquintLeft", "cheekSquintRight", "noseSneerLeft", "noseSneerRight", "tongueOut"),
)


def standin_template(rows: int = 17, columns: int = 15) -> Template:
    """The ellipsoid's front as a grid of vertices; every vertex is a sparse point."""
    v, u = np.meshgrid(np.linspace(-1.0, 1.0, rows), np.linspace(-1.2, 1.2, columns), indexing="ij")
    unit = np.stack([np.sin(u) * np.cos(v), np.sin(v), np.cos(u) * np.cos(v)], axis=-1)
    vertices = (unit * RADII + CENTER).reshape(-1, 3).astype(np.float32)
    n = len(vertices)
    index = np.arange(n).reshape(rows, columns)
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], axis=-1).reshape(-1, 4)
    marks = np.linspace(0, n - 1, 68).round().astype(np.int32)
    return Template(
        vertices=vertices,
        quads=quads.astype(np.int32),
        uvs=vertices[:, :2].copy(),
        uv_quads=quads.astype(np.int32),
        part=np.full(n, Part.SKIN, dtype=np.uint8),
        identity=np.zeros((1, n, 3), np.float32),
        expressions=np.zeros((52, n, 3), np.float32),
        expression_names=NAMES,
        mirror=index[:, ::-1].reshape(-1).astype(np.int32),
        landmarks_index=np.stack([marks] * 3, axis=-1),
        landmarks_weight=np.full((68, 3), 1 / 3, np.float32),
        points=np.arange(n, dtype=np.int32),
        eye_centers=EYES.astype(np.float32),
        regions={},
    )


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Camera (x right, y down, z forward) from head, (3, 3)."""
    (cy, cp, cr), (sy, sp, sr) = np.cos([yaw, pitch, roll]), np.sin([yaw, pitch, roll])
    turn = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]]) @ np.diag([1.0, -1.0, -1.0]) @ turn


def cast(pixels: np.ndarray, rot: np.ndarray, scale: float, center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthographic rays onto the ellipsoid.

    (..., 2) px -> head-space place (..., 3) metres, and whether it was hit.
    """
    flat = (pixels - center) / scale
    origin = np.concatenate([flat, np.full((*flat.shape[:-1], 1), -1.0)], axis=-1) @ rot  # camera -> head
    o, d = (origin - CENTER) / RADII, rot[2] / RADII  # the ray is the camera's z axis
    a, b, c = d @ d, o @ d, (o * o).sum(-1) - 1
    root = b * b - a * c
    t = (-b - np.sqrt(np.maximum(root, 0))) / a
    place = origin + t[..., None] * rot[2]
    return place, (root > 0) & (place[..., 2] > CENTER[2] - 0.02)


def paint(place: np.ndarray, hit: np.ndarray, rng: np.random.Generator, jaw: float) -> np.ndarray:
    """Colours that tell where on the head a pixel is: (h, w, 3) uint8."""
    image = np.tile(rng.integers(0, 255, 3), (*hit.shape, 1)).astype(np.float32)
    skin = np.array([200, 150, 130]) + 40 * np.sin(place * [60, 45, 60])
    dark = np.linalg.norm(place[..., None, :2] - EYES[:, :2], axis=-1).min(-1) < 0.012
    mouth = np.hypot(place[..., 0] / 0.025, (place[..., 1] + 0.07) / (0.004 + 0.02 * jaw)) < 1
    skin = np.where((dark | mouth)[..., None], [50, 30, 30], skin)
    image = np.where(hit[..., None], skin, image) + rng.normal(0, 4, image.shape)
    return image.clip(0, 255).astype(np.uint8)


def render_one(rng: np.random.Generator, template: Template, size: int) -> dict[str, np.ndarray]:
    """One picture with its truth; every tenth shows no face."""
    half, face = size // 2, rng.random() > 0.1
    rot = rotation(*rng.uniform(-0.5, 0.5, 3))
    scale = size / 0.28 * rng.uniform(0.9, 1.1)
    center = np.array([size, size]) / 2 + rng.uniform(-0.05, 0.05, 2) * size
    arkit = (rng.random(52) * (rng.random(52) < 0.3)).astype(np.float32)
    fine = np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float64)
    place, hit = cast(fine, rot, scale, center)
    hit &= face
    image = paint(place, hit, rng, float(arkit[NAMES.index("jawOpen")]))
    coarse = np.stack(np.meshgrid(np.arange(half), np.arange(half)), axis=-1) * 2 + 0.5
    place, hit = cast(coarse, rot, scale, center)
    hit &= face
    gaze = np.tile(rot @ [0, 0, 1], (2, 1))
    return {
        "image": image,
        "canonical": (place * hit[..., None]).astype(np.float16),
        "depth": ((place @ rot.T)[..., 2] * hit).astype(np.float16),
        "part": hit.astype(np.uint8) * int(Part.SKIN),
        "points": ((template.vertices[template.points] @ rot.T)[:, :2] * scale + center).astype(np.float32),
        "arkit": arkit,
        "gaze": gaze.astype(np.float32),
        "pose": np.block([[rot, np.zeros((3, 1))], [np.zeros((1, 3)), np.ones((1, 1))]]).astype(np.float32),
        "focal": np.array(size, np.float32),
        "face": np.array(face),
    }


def load_assets() -> Template:
    """The stand-in's only asset."""
    return standin_template()


def render_batch(seed: int, n: int, assets: Template, size: int) -> dict[str, np.ndarray]:
    """n pictures, the same for the same seed."""
    items = [render_one(np.random.default_rng((seed, i)), assets, size) for i in range(n)]
    return {name: np.stack([item[name] for item in items]) for name in items[0]}
