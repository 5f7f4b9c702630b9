"""The template's teeth: which vertices are of which jaw, and where they bite."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .template import Part, Template

REACH, STEP = 0.02, 0.002  # metres to either side: molars are hardly seen; an edge has a vertex in each step
STILL = 1e-6  # metres


@dataclass(frozen=True)
class Arch:
    """The teeth of one jaw."""

    vertices: np.ndarray  # (N,)
    edge: np.ndarray  # (E,) vertices along the biting edge, from the subject's right to the left


@dataclass(frozen=True)
class Teeth:
    """Both arches; empty ones where a template has none."""

    upper: Arch  # still when the jaw opens
    lower: Arch

    @staticmethod
    def of(template: Template) -> Teeth:
        """Those of a template."""
        teeth = np.flatnonzero(template.part == Part.TEETH)
        jaw = template.expressions[template.expression_names.index("jawOpen")][teeth]
        moved = np.abs(jaw).max(axis=1, initial=0) > STILL
        return Teeth(_arch(template, teeth[~moved], -1), _arch(template, teeth[moved], 1))


def _arch(template: Template, vertices: np.ndarray, up: int) -> Arch:
    """The edge is an arch's highest (up 1) or its lowest (-1)."""
    x, y, _ = template.vertices[vertices].T
    step = np.floor((x + STEP / 2) / STEP)  # one step is centred in the middle
    near = np.abs(step) <= REACH / STEP
    edge = [min(np.flatnonzero(step == s), key=lambda i: -up * y[i]) for s in np.unique(step[near])]
    return Arch(vertices, vertices[np.array(edge, np.intp)])
