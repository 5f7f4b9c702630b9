"""How lids and eyeballs lie to each other."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template import Part, Template

EYES = (Part.EYE_LEFT, Part.EYE_RIGHT)
SIDES = ((0, 1), (1, 2), (2, 0))


def behind(template: Template) -> np.ndarray:
    """(V,) bool: the inside of mouth and sockets, and the undersides of lids, which are next to it, in the ball."""
    inside = template.part == Part.MOUTH
    out = inside.copy()
    for quad in template.quads[inside[template.quads].any(axis=1)]:
        out[quad] = True
    return out


def outer_skin(template: Template) -> np.ndarray:
    """(V,) bool: what one sees of a face."""
    return (template.part == Part.SKIN) & ~behind(template)


def depth_in_ball(mesh: np.ndarray, template: Template, eye: int, neutral: np.ndarray) -> float:
    """Metres by which skin lies nearer to an eyeball's centre than the ball's own vertices in the same direction."""
    center = (neutral[template.part == EYES[eye]].max(axis=0) + neutral[template.part == EYES[eye]].min(axis=0)) / 2
    ball = mesh[template.part == EYES[eye]] - center
    skin = mesh[template.part == Part.SKIN] - center
    near = (np.linalg.norm(skin, axis=1) < 0.02) & (skin[:, 2] > 0.004)
    toward = skin[near] / np.linalg.norm(skin[near], axis=1, keepdims=True)
    reach = np.linalg.norm(ball, axis=1)
    nearest = (toward @ (ball / reach[:, None]).T).argmax(axis=1)
    return float((reach[nearest] - np.linalg.norm(skin[near], axis=1)).max())


def depth_of_spans(mesh: np.ndarray, template: Template, eye: int, neutral: np.ndarray) -> float:
    """Metres by which the middle of a side or of a triangle of the lids cuts into an eyeball."""
    ball = mesh[template.part == EYES[eye]]
    center = (neutral[template.part == EYES[eye]].max(axis=0) + neutral[template.part == EYES[eye]].min(axis=0)) / 2
    tris = template.triangles[outer_skin(template)[template.triangles].all(axis=1)]
    near = (np.linalg.norm(mesh[tris] - center, axis=2).max(axis=1) < 0.02) & (mesh[tris][..., 2] > center[2]).all(1)
    corners = mesh[tris[near]]
    places = np.concatenate([corners.mean(axis=1), *((corners[:, a] + corners[:, b]) / 2 for a, b in SIDES)]) - center
    far = np.linalg.norm(places, axis=1)
    reach = np.linalg.norm(ball - center, axis=1)
    nearest = (places / far[:, None] @ ((ball - center) / reach[:, None]).T).argmax(axis=1)
    return float((reach[nearest] - far).max())
