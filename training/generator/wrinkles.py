"""Lines of the skin: those that expressions fold into it, and those that years have left.

Each part of the face has a field of parallel or radiating lines on the template: how far across the lines a vertex
lies, how strong they are there, and in which direction they tilt the skin. A person has a spacing and a depth for
each, an expression makes them deeper. The shader cuts the grooves, see `grain.groove`.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceanything_addon.reconstruct.per_template import per_template
from faceanything_addon.template import Part, Template

from .shapes import distance_to_line, ramp

SIDE = 0.004  # metres over which lines go over from what the left of the face does to what the right does
SIDES = ("Left", "Right")
DEEPEST = 0.9  # tangent of a groove's steepest flank


@dataclass(frozen=True)
class Fold:
    """What makes the lines of one part: spacing in metres or radians, share of age, coefficients' strengths."""

    spacing: tuple[float, float]
    age: float
    drive: dict[str, float]


FOLDS = {
    "forehead": Fold((0.0055, 0.012), 0.6, {"browInnerUp": 0.6, "browOuterUp": 0.8}),
    "frown": Fold((0.007, 0.014), 0.5, {"browDown": 1.0}),
    "bridge": Fold((0.0035, 0.006), 0.2, {"noseSneer": 1.0, "browDown": 0.4}),
    "crow": Fold((0.25, 0.5), 0.6, {"eyeSquint": 0.7, "cheekSquint": 0.7, "mouthSmile": 0.3, "eyeBlink": 0.1}),
    "bag": Fold((0.003, 0.005), 0.6, {"cheekSquint": 0.6, "eyeSquint": 0.6, "mouthSmile": 0.2, "noseSneer": 0.3}),
    "cheek": Fold((0.013, 0.022), 0.8, {"mouthSmile": 0.9, "noseSneer": 0.7, "mouthUpperUp": 0.6, "mouthStretch": 0.3,
                                        "cheekSquint": 0.3, "mouthDimple": 0.4}),
    "lips": Fold((0.10, 0.22), 0.35, {"mouthPucker": 0.8, "mouthFunnel": 0.2, "mouthClose": 0.1}),
    "chin": Fold((0.004, 0.007), 0.2, {"mouthShrugLower": 0.8, "mouthPucker": 0.3, "mouthFrown": 0.4}),
}  # fmt: skip


@dataclass(frozen=True)
class Field:
    """The lines on the template's T triangles, each of which belongs to one part."""

    part: np.ndarray  # (T,) row of FOLDS
    across: np.ndarray  # (T, 3) metres or radians, of the corners
    mask: np.ndarray  # (T, 3) 0..1
    way: np.ndarray  # (T, 3) unit, head space, where `across` grows
    left: np.ndarray  # (T, 3) 1 on the left of the face


@per_template
def field(template: Template) -> Field:
    """Worked out once."""
    places = [PLACES[name](template) for name in FOLDS]
    tris, skin = template.triangles, template.part == Part.SKIN
    masks = np.stack([(mask * skin)[tris] for _, mask in places])
    part = masks.sum(axis=2).argmax(axis=0)
    each = np.arange(len(part))
    across = np.stack([across for across, _ in places])[:, tris][part, each]
    left = ramp(template.vertices[:, 0], -SIDE, SIDE)[tris]
    return Field(part, across, masks[part, each], uphill(template.vertices[tris], across), left)


def uphill(corners: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(T, 3) unit direction in each triangle (T, 3, 3) in which its corners' values (T, 3) grow."""
    a, b, c = corners.transpose(1, 0, 2)
    normal = np.cross(b - a, c - a)
    rise = (values[:, 1] - values[:, 0])[:, None] * np.cross(c - a, normal)
    rise -= (values[:, 2] - values[:, 0])[:, None] * np.cross(b - a, normal)
    return rise / (np.linalg.norm(rise, axis=1, keepdims=True) + 1e-20)


def draw_folds(rng: np.random.Generator) -> np.ndarray:
    """(F, 4) a person's lines: spacing, phase, depth at rest, depth of a full expression."""
    age = max(rng.normal() * 0.35, 0.0)
    lively = rng.uniform(0.1, 0.8)
    rows = [
        (rng.uniform(*fold.spacing), rng.uniform(-0.5, 0.5), age * fold.age * rng.uniform(0.4, 1.4),
         lively * rng.uniform(0.4, 1.4))
        for fold in FOLDS.values()
    ]  # fmt: skip
    out = np.array(rows)
    names = list(FOLDS)
    out[names.index("cheek"), 1] = 0.0  # one line, where the fold runs
    out[names.index("frown"), 1] = 0.5 if rng.random() < 0.7 else 0.0  # two lines, seldom one
    return out


def wrinkle(template: Template, folds: np.ndarray, arkit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lines that a person's skin has in an expression.

    Args:
        folds: (F, 4) from `draw_folds`.
        arkit: (52,) coefficients.

    Returns:
        (T, 3, 2) of the triangles' corners: phase in lines, and steepness of the lines' flanks (tangent); (T, 3) unit
        direction across, head space.
    """
    f = field(template)
    drives = np.array([
        [sum(g * coefficient(template, arkit, name, side) for name, g in fold.drive.items()) for side in SIDES]
        for fold in FOLDS.values()
    ])[f.part]  # fmt: skip
    strength = drives[:, :1] * f.left + drives[:, 1:] * (1 - f.left)
    spacing, phase, rest, moved = folds[f.part].T[..., None]
    steep = np.clip(f.mask * (rest + moved * strength), 0, DEEPEST)
    return np.stack([f.across / spacing + phase, steep], axis=-1).astype(np.float32), f.way


def coefficient(template: Template, arkit: np.ndarray, stem: str, side: str) -> float:
    """One side's value of a coefficient that may have sides."""
    names = template.expression_names
    name = stem if stem in names else stem + side
    return float(np.clip(arkit[names.index(name)], 0, 1))


def forehead(t: Template) -> tuple[np.ndarray, np.ndarray]:
    """Lines across, sagging in the middle."""
    x, y, z = t.vertices.T
    brow = t.landmarks(t.vertices)[17:27, 1].max()
    mask = ramp(y, brow + 0.004, brow + 0.012) * ramp(y, brow + 0.055, brow + 0.035) * ramp(np.abs(x), 0.058, 0.042)
    return y - 2.0 * x**2, mask * (z > -0.05)


def frown(t: Template) -> tuple[np.ndarray, np.ndarray]:
    """Lines between the brows, farther apart above."""
    x, y, _ = t.vertices.T
    marks = t.landmarks(t.vertices)
    low, high = marks[27, 1] + 0.004, marks[[21, 22], 1].mean() + 0.014
    mask = ramp(np.abs(x), 0.016, 0.009) * ramp(y, low - 0.003, low + 0.004) * ramp(y, high, high - 0.010)
    return x * (1 - 12 * (y - low)), mask


def bridge(t: Template) -> tuple[np.ndarray, np.ndarray]:
    """Lines over the root and the sides of the nose."""
    x, y, z = t.vertices.T
    marks = t.landmarks(t.vertices)
    high, low = marks[27, 1] + 0.003, marks[29, 1]
    mask = ramp(np.abs(x), 0.015, 0.008) * ramp(y, high, high - 0.005) * ramp(y, low - 0.004, low + 0.004)
    return y + 0.4 * np.abs(x), mask * (z > 0)


def crow(t: Template) -> tuple[np.ndarray, np.ndarray]:
    """Lines that fan out from the outer corners of the eyes."""
    marks = t.landmarks(t.vertices)
    angle, mask = np.zeros(len(t.vertices)), np.zeros(len(t.vertices))
    for corner, sign in ((marks[36], -1), (marks[45], 1)):
        out, up = sign * (t.vertices[:, 0] - corner[0]) + 0.006, t.vertices[:, 1] - corner[1]
        far, turn = np.hypot(out, up), np.arctan2(up, out)
        here = ramp(far, 0.010, 0.015) * ramp(far, 0.034, 0.022) * ramp(np.abs(turn), 1.1, 0.7) * (out > 0)
        angle, mask = np.where(sign * t.vertices[:, 0] > 0, turn, angle), np.maximum(mask, here)
    return angle, mask


def bag(t: Template) -> tuple[np.ndarray, np.ndarray]:
    """Lines below the eyes, along the lids."""
    marks = t.landmarks(t.vertices)
    across, mask = np.zeros(len(t.vertices)), np.zeros(len(t.vertices))
    for lid in ((36, 41, 40, 39), (42, 47, 46, 45)):
        away = distance_to_line(t.vertices[:, :2], marks[list(lid), :2])
        side = np.sign(marks[lid[0], 0]) == np.sign(t.vertices[:, 0])
        below = t.vertices[:, 1] < np.interp(t.vertices[:, 0], *marks[list(lid), :2].T) - 0.001
        here = ramp(away, 0.002, 0.005) * ramp(away, 0.014, 0.009) * side * below
        across, mask = np.where(side, away, across), np.maximum(mask, here)
    return across, mask


def cheek(t: Template) -> tuple[np.ndarray, np.ndarray]:
    """The fold from the wing of the nose past the corner of the mouth: one line."""
    marks = t.landmarks(t.vertices)
    across, mask = np.zeros(len(t.vertices)), np.zeros(len(t.vertices))
    for wing, corner, sign in ((marks[31], marks[48], -1), (marks[35], marks[54], 1)):
        start = wing[:2] + (0.005 * sign, 0.004)
        middle = (wing[0] * 0.45 + corner[0] * 0.55 + 0.008 * sign, wing[1] * 0.4 + corner[1] * 0.6)
        end = corner[:2] + (0.009 * sign, -0.008)
        curve = np.array([start, middle, end])
        away = distance_to_line(t.vertices[:, :2], curve)
        inner = sign * (np.interp(-t.vertices[:, 1], -curve[:, 1], curve[:, 0]) - t.vertices[:, 0]) > 0
        side = sign * t.vertices[:, 0] > 0
        here = ramp(away, 0.006, 0.004) * ramp(t.vertices[:, 1], end[1] - 0.002, end[1] + 0.010) * side
        across, mask = np.where(side, away * np.where(inner, -1, 1), across), np.maximum(mask, here)
    return across, mask


def lips(t: Template) -> tuple[np.ndarray, np.ndarray]:
    """Lines that radiate from the lips, over the red and the skin around it."""
    marks = t.landmarks(t.vertices)
    middle, wide = marks[48:60].mean(axis=0), marks[54, 0]
    x, y = (t.vertices[:, 0] - middle[0]) / wide, (t.vertices[:, 1] - middle[1]) / (0.6 * wide)
    far = np.hypot(x, y)
    mask = ramp(far, 0.1, 0.4) * ramp(far, 1.25, 0.9) * ramp(np.abs(x), 0.95, 0.75)
    return np.arcsin(np.clip(x / (far + 1e-6), -1, 1)) * np.minimum(far, 1), mask * (t.vertices[:, 2] > marks[48, 2])


def chin(t: Template) -> tuple[np.ndarray, np.ndarray]:
    """Dimples of the chin's pad."""
    x, y, z = t.vertices.T
    marks = t.landmarks(t.vertices)
    low, high = marks[8, 1] + 0.004, marks[57, 1] - 0.008
    mask = ramp(np.abs(x), 0.020, 0.012) * ramp(y, low, low + 0.005) * ramp(y, high, high - 0.004)
    return y + 0.6 * np.abs(x), mask * (z > 0)


PLACES = {
    "forehead": forehead, "frown": frown, "bridge": bridge, "crow": crow, "bag": bag, "cheek": cheek, "lips": lips,
    "chin": chin,
}  # fmt: skip
