"""Lower lips that turn outwards: their wet, lighter inner side faces up and takes the light."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template import Part, Template

from .crevices import LOWER_RIM
from .shapes import distance_to_line, ramp

TURNING = ("mouthPucker", "mouthFunnel", "mouthShrugLower")
AT_REST = 0.5  # of how far a person's lip turns, without any of these
TURNED = 2.2  # tangent to which the normals tilt up
BAND = 0.002, 0.008  # metres from the lips' inner edge
EDGE = 0.0006  # metres above it over which the upper lip begins
LIGHTER = np.array([0.95, 0.68, 0.68])  # of the root of the cheeks' linear colour


def turning(template: Template, arkit: np.ndarray, person: float) -> float:
    """How far a lower lip turns, 0..1, of somebody whose lip turns by `person` in a full pucker."""
    pout = max(float(arkit[template.expression_names.index(name)]) for name in TURNING)
    return person * (AT_REST + (1 - AT_REST) * min(pout, 1.0))


def inner_side(template: Template, vertices: np.ndarray, lips: np.ndarray, reach: float) -> np.ndarray:
    """(V,) 1 at the lower lip's inner edge, falling off over `reach` metres on the lip (lips: (V,) its weight)."""
    rim = template.landmarks(vertices)[list(LOWER_RIM)]
    near = np.flatnonzero((lips > 0) & (template.part == Part.SKIN))
    places = vertices[near]
    below = np.interp(places[:, 0], rim[:, 0], rim[:, 1]) - places[:, 1]
    weight = np.zeros(len(vertices), np.float32)
    falling = np.exp(-((distance_to_line(places, rim) / reach) ** 4))
    weight[near] = lips[near] * falling * ramp(below, -EDGE, 0.5 * EDGE)
    return weight


def tilt_up(normal: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(V, 3) unit normals in head space, tilted up by a weight (V,)."""
    tilted = normal + TURNED * weight[:, None] * (0, 1, 0)
    return tilted / (np.linalg.norm(tilted, axis=1, keepdims=True) + 1e-12)
