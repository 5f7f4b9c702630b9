"""Shapes from coefficients."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np

from .template import Part, Template

EYES = (Part.EYE_LEFT, Part.EYE_RIGHT)
# A real pupil lies 10.5 mm from the centre that the eye turns about, the template's iris 15.7 mm from its ball's.
EYE_TURN = 0.67
# Degrees of the ball's turn at which the template's eyeLook shapes have their lids follow in full.
LID_FOLLOW = {"In": 38.0, "Out": 38.0, "Up": 23.0, "Down": 28.0}

LIDS = {
    "Left": ((43, 47), (44, 46)),
    "Right": ((37, 41), (38, 40)),
}  # iBUG landmarks above and below each opening
CLOSURE = 0.1, 1.5  # least and most that the template's eyeBlink is scaled by to shut an actor's eyes


def neutral_shape(template: Template, identity: np.ndarray) -> np.ndarray:
    """(K,) standard deviations -> (V, 3) metres, head space."""
    return template.vertices + np.tensordot(identity, template.identity[: len(identity)], axes=1)


def lid_opening(template: Template, vertices: np.ndarray, side: str) -> np.ndarray:
    """(...) metres by which the lids of a side ("Left" or "Right") stand apart in faces (..., V, 3), or change."""
    marks = template.landmarks(vertices)[..., 1]
    return np.mean([marks[..., upper] - marks[..., lower] for upper, lower in LIDS[side]], axis=0)


def own_shapes(template: Template, rest: np.ndarray, neutral: np.ndarray) -> Template:
    """The template with an actor's own expressions: what of each is in the neutral face already is left out.

    A coefficient of 1 thus stays the full shape, and a blink of 1 shuts these very eyes: lids that lie low or eyes
    that are narrow have less of a way to go than the template's, wide ones more.

    Args:
        rest: (52,) share of each expression in the actor's neutral face, or (0,): none.
        neutral: (V, 3) that face.
    """
    share = 1 - (rest if rest.any() else np.zeros(len(template.expressions)))
    for side in LIDS:
        blink = template.expression_names.index(f"eyeBlink{side}")
        way = -lid_opening(template, template.expressions[blink], side)
        if way > 1e-3:
            share[blink] = np.clip(lid_opening(template, neutral, side) / way, *CLOSURE)
    return replace(template, expressions=template.expressions * share[:, None, None].astype(np.float32))


def expression_offset(template: Template, coefficients: np.ndarray) -> np.ndarray:
    """(..., 52) ARKit coefficients -> (..., V, 3) displacement in metres, eyeballs unrotated."""
    return np.tensordot(coefficients, template.expressions, axes=1)


def rotate_eyes(template: Template, vertices: np.ndarray, rotations: np.ndarray) -> np.ndarray:
    """Turn each eyeball about its own centre.

    Args:
        vertices: (V, 3) head space; not changed.
        rotations: (2, 3, 3) head space, subject's left eye first.
    """
    out = vertices.copy()
    for part, rotation in zip(EYES, rotations, strict=True):
        mask = template.part == part
        ball = vertices[mask]
        center = (ball.max(axis=0) + ball.min(axis=0)) / 2
        out[mask] = (ball - center) @ rotation.T + center
    return out


def shown_gaze(direction: np.ndarray) -> np.ndarray:
    """Axis of the template's eyeball whose iris lies where that of an eye with this gaze does.

    The ball is larger than an eye, so that it turns by less. Unit vectors (..., 3) of head space both.
    """
    across = EYE_TURN * np.asarray(direction, dtype=np.float64)[..., :2]
    return np.concatenate([across, np.sqrt(1 - (across**2).sum(-1, keepdims=True))], axis=-1)


def true_gaze(axis: np.ndarray) -> np.ndarray:
    """Inverse of `shown_gaze`; what no eye reaches ends at a right angle."""
    across = np.asarray(axis, dtype=np.float64)[..., :2] / EYE_TURN
    across = across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1)
    return np.concatenate([across, np.sqrt(np.maximum(1 - (across**2).sum(-1, keepdims=True), 0))], axis=-1)


def gaze_rotation(direction: np.ndarray) -> np.ndarray:
    """Rotation that carries +Z to a unit direction without roll (Listing's law is not needed here).

    (..., 3) -> (..., 3, 3)
    """
    direction = np.asarray(direction, dtype=np.float64)
    yaw = np.arctan2(direction[..., 0], direction[..., 2])
    pitch = -np.arcsin(np.clip(direction[..., 1], -1, 1))
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    zero = np.zeros_like(cy)
    rows = [
        np.stack([cy, sy * sp, sy * cp], axis=-1),
        np.stack([zero, cp, -sp], axis=-1),
        np.stack([-sy, cy * sp, cy * cp], axis=-1),
    ]
    return np.stack(rows, axis=-2).astype(np.float32)


def eyeball_rotation(direction: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3) of the template's eyeballs that show a gaze (..., 3)."""
    return gaze_rotation(shown_gaze(direction))
