"""Lids that meet when they shut, whatever the shape of somebody's eyes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template import Template

BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")
MIDDLES = (((43, 47), (44, 46)), ((37, 41), (38, 40)))  # iBUG landmarks above and below, subject's left eye first
LIMITS = 0.6, 1.5


def opening(marks: np.ndarray) -> np.ndarray:
    """(..., 68, 3) landmarks -> (..., 2) metres between the lids, left first; below 0 where they overlap."""
    heights = [[marks[..., a, 1] - marks[..., b, 1] for a, b in pairs] for pairs in MIDDLES]
    return np.moveaxis(np.mean(heights, axis=1), 0, -1)


def full_closure(template: Template, neutral: np.ndarray) -> np.ndarray:
    """(..., V, 3) neutral faces -> (..., 2) how far the template's eyeBlink must go for the lids to meet; left first.

    Wide eyes keep a gap of up to 2.6 mm where the template's own shut, narrow ones overlap by as much.
    """
    open_ = opening(template.landmarks(neutral))
    blinks = template.expressions[[template.expression_names.index(n) for n in BLINKS]].sum(axis=0)
    marks = template.landmarks(template.vertices)
    way = opening(marks) - opening(template.landmarks(template.vertices + blinks))
    return np.clip(open_ / way, *LIMITS)


def with_full_closure(template: Template, neutral: np.ndarray, arkit: np.ndarray) -> np.ndarray:
    """(..., 52) how far a face (..., V, 3) moves that means these coefficients, lids that are shut meeting.

    Those that squints or looks would have overlap meet too.
    """
    moved = arkit.copy()
    columns = [template.expression_names.index(n) for n in BLINKS]
    moved[..., columns] *= full_closure(template, neutral)
    rate = opening(template.landmarks(template.expressions))  # (52, 2) metres by which each opens the lids
    over = np.maximum(-(opening(template.landmarks(neutral)) + moved @ rate), 0)
    way = -rate[columns].sum(axis=0)
    moved[..., columns] = np.maximum(moved[..., columns] - over / way, 0)
    return moved
