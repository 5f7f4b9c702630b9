"""What lies between the lips: teeth and tongue of a person, how they are held, how much light reaches them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template import Part, Template
from training.template.parts import ARCH_SECTION, ARCH_STEPS

INSIDE = (Part.TEETH, Part.TONGUE, Part.MOUTH)
EYES_END = -0.03  # metres, y: what lies higher is the inside of lids
FRONT_TEETH = 0.006  # metres behind the lips: what lies no deeper is in full light
TOOTH = np.array([0.72, 0.62, 0.45])  # linear colours
TONGUE, GUM, CHEEK = np.array([0.48, 0.18, 0.17]), np.array([0.42, 0.15, 0.14]), np.array([0.30, 0.08, 0.07])
TEETH_BACK, TEETH_LIFTED = 0.005, 0.004  # metres: how far teeth lie behind the template's, upper ones higher
TOOTH_COLUMNS = 3  # of an arch's columns of vertices to a tooth
UPPER_ROOTS = np.array([1, 0.3, 0, 0, 0, 0.3, 1, 1])  # of a column's vertices: how much gum they are
LOWER_ROOTS = np.array([0, 0.3, 1, 1, 1, 0.3, 0, 0])


def hold_mouth(rng: np.random.Generator, template: Template, vertices: np.ndarray, out: float) -> np.ndarray:
    """(V, 3) vertices with the teeth as high as this person's are and the tongue as the moment has it.

    Args:
        vertices: (V, 3) metres, the face in its expression.
        out: coefficient of tongueOut; a tongue that is shown lies where it is shown.
    """
    held = vertices.copy()
    teeth = np.flatnonzero(template.part == Part.TEETH)
    back, lifted = rng.spawn(1)[0].uniform((0.0, -TEETH_LIFTED), (TEETH_BACK, TEETH_LIFTED)).clip(0)
    for half, lift in zip(np.split(teeth, [len(teeth) // 2]), (lifted, 0.0), strict=True):
        held[half, 1] += np.clip(rng.normal() * 0.0015, -0.003, 0.003) + lift
        held[half, 2] -= back
    marks = template.landmarks(vertices)
    room = min(np.linalg.norm(marks[62] - marks[66]), 0.03) * (1 - min(out * 2, 1.0))
    rise, curl, forward = rng.uniform(0, 0.55) * rng.random(), rng.normal() * 0.12, rng.uniform(-0.005, 0.003)
    tongue = np.flatnonzero(template.part == Part.TONGUE)
    along = template.vertices[tongue, 2]
    share = (along - along.min()) / np.ptp(along)  # 0 at the root
    held[tongue, 1] += room * (rise * np.minimum(0.4 + 1.2 * share, 1) + curl * share**3)
    held[tongue, 2] += forward * share * min(room / 0.01, 1.0)
    return held


def in_mouth(template: Template) -> np.ndarray:
    """(V,) bool: what lies behind the lips."""
    return np.isin(template.part, INSIDE) & (template.vertices[:, 1] < EYES_END)


def mouth_light(rng: np.random.Generator, template: Template, vertices: np.ndarray) -> np.ndarray:
    """(V,) how much light reaches what lies in the mouth: less far behind the lips, and where they hardly part.

    1 elsewhere. From caves to mouths that a lamp lights up to the throat. Teeth at the lips are as bright as skin is.
    """
    marks = template.landmarks(vertices)
    behind = np.maximum(marks[60:68, 2].mean() - FRONT_TEETH - vertices[:, 2], 0)
    gap = np.linalg.norm(marks[62] - marks[66])
    reach = np.exp(rng.uniform(np.log(0.008), np.log(0.1)))
    light = rng.uniform(0.4, 1.0) * np.exp(-behind / reach) * min(1.0, 0.15 + gap / 0.008)
    return np.where(in_mouth(template), light, 1.0).astype(np.float32)


def tint_mouth(rng: np.random.Generator, template: Template, tint: np.ndarray) -> None:
    """Linear colours of teeth, gums, tongue and the mouth's walls, into tint (V, 3)."""
    part, red = template.part, np.exp(rng.normal(size=3) * (0.05, 0.15, 0.15))
    tint[part == Part.TONGUE] = TONGUE * red * rng.uniform(0.6, 1.5)
    tint[part == Part.MOUTH] = CHEEK * red * rng.uniform(0.4, 1.6)
    teeth = np.flatnonzero(part == Part.TEETH)
    tint[teeth] = TOOTH ** rng.uniform(0.3, 1.4) * rng.uniform(0.7, 1.25)
    columns = (ARCH_STEPS + 1) * ARCH_SECTION
    gum, between = GUM * red * rng.uniform(0.6, 1.4), rng.uniform(0.0, 0.45)
    if len(teeth) < 2 * columns:  # a simpler template
        return
    for half, roots in zip(np.split(teeth, [len(teeth) // 2]), (UPPER_ROOTS, LOWER_ROOTS), strict=True):
        arch = tint[half[:columns]].reshape(ARCH_STEPS + 1, ARCH_SECTION, 3)
        arch[ARCH_STEPS // 2 % TOOTH_COLUMNS :: TOOTH_COLUMNS] *= 1 - between  # one gap lies in the middle
        arch += roots[:, None] * (gum - arch)
        tint[half[:columns]] = arch.reshape(-1, 3)
