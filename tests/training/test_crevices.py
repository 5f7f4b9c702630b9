"""Light between lips and below lids."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from support.faces import expression

from faceanything_addon.template import Part, load_template
from training.generator.crevices import eye_light, lip_light

SEEDS = range(8)


def seam_light(seed: int, face: np.ndarray) -> np.ndarray:
    """(K,) light of the skin at the inner edges of the lips, between the corners."""
    t = load_template()
    light, marks = lip_light(np.random.default_rng(seed), t, face), t.landmarks(face)
    at_edge = np.linalg.norm(face[:, None] - marks[[61, 62, 63, 65, 66, 67]], axis=2).min(axis=1) < 0.001
    return light[at_edge & (t.part == Part.SKIN)]


def test_lips_that_meet_are_dark_between() -> None:
    """The line between closed lips was the brightest of the mouth; on every photograph it is the darkest."""
    for seed in SEEDS:
        assert seam_light(seed, expression()).min() < 0.8
        assert seam_light(seed, expression(mouthPucker=1.0)).min() < 0.8


def test_lips_apart_are_lit() -> None:
    for seed in SEEDS:
        assert seam_light(seed, expression(jawOpen=0.5)).min() == 1


def test_skin_away_from_the_seam_keeps_its_light() -> None:
    t, face = load_template(), expression()
    marks = t.landmarks(face)
    away = np.linalg.norm((face[:, None] - marks[60:68])[..., :2], axis=2).min(axis=1) > 0.012
    for seed in SEEDS:
        assert lip_light(np.random.default_rng(seed), t, face)[away].min() > 0.99


def test_eyeballs_are_darker_below_the_upper_lid_than_in_the_middle() -> None:
    t = load_template()
    marks = t.landmarks(t.vertices)
    eye = t.part == Part.EYE_LEFT
    for seed in SEEDS:
        light = eye_light(np.random.default_rng(seed), t, t.vertices)
        lid, middle = marks[[43, 44]].mean(axis=0), marks[42:48].mean(axis=0)
        nearest = [
            np.linalg.norm((t.vertices - p)[:, :2] + ~eye[:, None] * 9.0, axis=1).argmin() for p in (lid, middle)
        ]
        assert light[nearest[0]] < light[nearest[1]] and np.all(light[~eye & (t.part != Part.EYE_RIGHT)] == 1)
