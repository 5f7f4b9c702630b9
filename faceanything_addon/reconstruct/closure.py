"""Openings that are shut stay shut: the last tenth of a blink or a lip seal is made exact."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ..template import Template
from ..template.shape import LIDS, lid_opening

BLINK_FROM, BLINK_FULL = 0.70, 0.84  # lids that have gone this share of the way to one another are shut
LIPS_SHUT = 0.0008  # metres beyond the neutral gap: lips closer than this touch
LIPS_APART = 0.0020
INNER_LIPS = ((61, 67), (62, 66), (63, 65))  # iBUG landmarks above and below the mouth's opening


def close_openings(coefficients: np.ndarray, template: Template, neutral: np.ndarray) -> np.ndarray:
    """(F, 52) smoothed coefficients -> the same with nearly shut lids and lips shut.

    Args:
        template: with the actor's own shapes, see `shape.own_shapes`.
        neutral: (V, 3) the actor's neutral face.
    """
    out = coefficients.copy()
    for side in LIDS:
        column = template.expression_names.index(f"eyeBlink{side}")
        shut = smooth_step(lids_shut(coefficients, template, neutral, side), BLINK_FROM, BLINK_FULL)
        out[:, column] += (1 - out[:, column]) * shut
    return _seal_lips(out, template, neutral)


def lids_shut(coefficients: np.ndarray, template: Template, neutral: np.ndarray, side: str) -> np.ndarray:
    """(F,) share of their way to one another that lids have gone by blinks, squints and looks; above 1 they overlap."""
    open_ = lid_opening(template, neutral, side)
    return -(coefficients @ opening_rate(template, LIDS[side])) / max(open_, 1e-4)


def lids_meeting(coefficients: np.ndarray, template: Template, neutral: np.ndarray) -> np.ndarray:
    """(F, 52) coefficients for meshes: a blink goes as far as lets lids meet that others would have overlap."""
    out = coefficients.copy()
    for side in LIDS:
        column = template.expression_names.index(f"eyeBlink{side}")
        over = lids_shut(coefficients, template, neutral, side) - 1
        out[:, column] = np.clip(out[:, column] - np.maximum(over, 0), 0, 1)
    return out


def lip_gap(coefficients: np.ndarray, template: Template, neutral: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Opening of the inner lips beyond neutral (F,) metres, and how it changes with each coefficient (52,)."""
    rate = opening_rate(template, INNER_LIPS)
    return coefficients @ rate, rate


def opening_rate(template: Template, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """(52,) metres by which each coefficient opens what lies between pairs of landmarks, above and below."""
    shapes = template.landmarks(template.expressions)
    return np.mean([shapes[:, upper, 1] - shapes[:, lower, 1] for upper, lower in pairs], axis=0)


def _seal_lips(coefficients: np.ndarray, template: Template, neutral: np.ndarray) -> np.ndarray:
    """Take a small gap, or lips that cross, out of the jaw."""
    jaw = template.expression_names.index("jawOpen")
    gap, rate = lip_gap(coefficients, template, neutral)
    if rate[jaw] < 1e-4:
        return coefficients
    small = np.where(gap > 0, 1 - smooth_step(gap, LIPS_SHUT, LIPS_APART), 1.0)
    out = coefficients.copy()
    out[:, jaw] = np.clip(out[:, jaw] - small * gap / rate[jaw], 0, 1)
    return out


def smooth_step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to low, 1 from high on, x (...)."""
    share = np.clip((x - low) / (high - low), 0, 1)
    return share * share * (3 - 2 * share)
