"""ARKit coefficients from the motion of a mesh, whatever it came from."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ..template import Part, Template
from ..template.shape import true_gaze
from .bounded import bounded_quadratic
from .gaze import angles, best_rotation, lid_coefficients, look_coefficients
from .smooth import smooth

# Shapes that undo each other: a face shows one of a pair at a time.
PAIRS = (
    ("jawLeft", "jawRight"),
    ("mouthLeft", "mouthRight"),
    ("eyeLookUpLeft", "eyeLookDownLeft"),
    ("eyeLookUpRight", "eyeLookDownRight"),
    ("eyeLookInLeft", "eyeLookOutLeft"),
    ("eyeLookInRight", "eyeLookOutRight"),
)
EYES = (Part.EYE_LEFT, Part.EYE_RIGHT)
SPARSITY = 0.002  # L1 weight relative to each shape's own energy: the fewest shapes that explain the motion
RIDGE = 0.003  # L2 weight, likewise


def solve_arkit(
    vertices: np.ndarray,
    neutral: np.ndarray,
    template: Template,
    weights: np.ndarray | None = None,
    initial: np.ndarray | None = None,
) -> np.ndarray:
    """Coefficients (F, 52) f4 in 0..1 that best explain the skin's motion.

    Args:
        vertices: (F, V, 3) head space, metres.
        neutral: (V, 3) the same face at rest.
        weights: (V,) or (F, V) trust in each vertex, None: all alike.
        initial: (52,) coefficients before the first frame, None: at rest.
    """
    moving = np.abs(template.expressions).max(axis=(0, 2)) > 1e-6
    skin = np.flatnonzero((template.part == Part.SKIN) & moving)
    basis = template.expressions[:, skin].astype(np.float64)
    flat = basis.reshape(len(basis), -1)
    trust = None if weights is None else np.broadcast_to(weights, vertices.shape[:2])
    look, known, lids = _look(vertices, neutral, template)
    state = np.zeros(len(basis)) if initial is None else np.asarray(initial, np.float64)
    out = np.empty((len(vertices), len(basis)))
    gram = flat @ flat.T
    for number, shape in enumerate(vertices):
        motion = (shape[skin] - neutral[skin]).astype(np.float64)
        if trust is not None:
            gram = _gram(basis, trust[number, skin])
            motion *= trust[number, skin, None]
        state = _solve_frame(gram, flat @ motion.ravel(), state, look, lids[number])
        out[number] = state
    out[:, look] = known
    out = np.clip(smooth(np.arange(len(out), dtype=np.float64), out, np.ones(len(out))), 0, 1)
    return exclusive(out, template.expression_names).astype(np.float32)


def exclusive(coefficients: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Of each pair that undoes itself leave only the difference. (F, 52) -> (F, 52)."""
    out = coefficients.copy()
    for first, second in PAIRS:
        a, b = names.index(first), names.index(second)
        shared = np.minimum(out[:, a], out[:, b])
        out[:, a] -= shared
        out[:, b] -= shared
    return out


def _gram(basis: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """(52, 52) inner products of the shapes, metres^2."""
    flat = (basis * np.sqrt(trust)[:, None]).reshape(len(basis), -1)
    return flat @ flat.T


def _look(vertices: np.ndarray, neutral: np.ndarray, template: Template) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns (8,) of the eyeLook shapes, their values (F, 8) from how far the eyeballs have turned, and the lids'."""
    turned = np.zeros((len(vertices), 2, 2))
    for eye, label in enumerate(EYES):
        ball = np.flatnonzero(template.part == label)
        rest = neutral[ball] - neutral[ball].mean(axis=0)
        for number, shape in enumerate(vertices[:, ball]):
            turn = best_rotation(rest, shape - shape.mean(axis=0), np.ones(len(ball)))
            turned[number, eye] = angles(true_gaze(turn[:, 2]))
    values = look_coefficients(turned)
    columns = np.array([template.expression_names.index(name) for name in values])
    lids = lid_coefficients(turned)
    return columns, np.stack(list(values.values()), axis=-1), np.stack(list(lids.values()), axis=-1)


def _solve_frame(
    gram: np.ndarray, target: np.ndarray, start: np.ndarray, look: np.ndarray, known: np.ndarray
) -> np.ndarray:
    """Coefficients (52,) of one frame; the eyeLook columns are known."""
    out = np.zeros(len(gram))
    out[look] = known
    energy = np.diag(gram)
    free = np.setdiff1d(np.flatnonzero(energy > 1e-12), look)
    hessian = gram[np.ix_(free, free)] + np.diag(RIDGE * energy[free])
    linear = target[free] - gram[np.ix_(free, look)] @ known - SPARSITY * energy[free]
    out[free] = bounded_quadratic(hessian, linear, start[free])
    return out
