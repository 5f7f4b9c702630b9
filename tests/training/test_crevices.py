"""Light between lips and below lids."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from support.faces import expression

from faceanything_addon.template import Part, load_template
from training.generator.crevices import eye_light, lip_light, overhang_light

SEEDS = range(8)


def seam_light(seed: int, face: np.ndarray) -> np.ndarray:
    """(K,) light of the skin at the inner edges of the lips, between the corners."""
    t = load_template()
    light, marks = lip_light(np.random.default_rng(seed), t, face), t.landmarks(face)
    at_edge = np.linalg.norm(face[:, None] - marks[[61, 62, 63, 65, 66, 67]], axis=2).min(axis=1) < 0.001
    return light[at_edge & (t.part == Part.SKIN)]


def nearest_skin(face: np.ndarray, place: np.ndarray) -> int:
    return int((np.linalg.norm(face - place, axis=1) + 9.0 * (load_template().part != Part.SKIN)).argmin())


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


def test_teeth_in_a_narrow_opening_are_darker_than_the_lower_lip() -> None:
    """They were as bright as skin: every opening was a white slit, and a shaded upper lip was taken for an opening."""
    t = load_template()
    slit, wide = expression(jawOpen=0.2), expression(jawOpen=0.9)
    dark = []
    for seed in range(40):
        light = {}
        for name, face in (("slit", slit), ("wide", wide)):
            marks = t.landmarks(face)
            seen = (t.part == Part.TEETH) & (face[:, 1] < marks[62, 1]) & (face[:, 1] > marks[66, 1])
            seen &= np.abs(face[:, 0]) < 0.02
            everything = overhang_light(np.random.default_rng(seed), t, face)
            assert everything[nearest_skin(face, marks[57])] == 1
            light[name] = everything[seen].mean()
        assert light["slit"] <= light["wide"]
        dark.append(light["slit"])
    assert np.min(dark) < 0.45 and np.max(dark) > 0.9  # lit from below and from the front too


def test_the_upper_lips_underside_is_shaded_and_the_skin_above_it_is_not() -> None:
    t, face = load_template(), expression(jawOpen=0.2)
    marks = t.landmarks(face)
    edge, nose = nearest_skin(face, marks[62] + (0, 0.001, 0)), nearest_skin(face, marks[33])
    seen = [overhang_light(np.random.default_rng(s), t, face) for s in range(40)]
    assert np.min([light[edge] for light in seen]) < 0.4
    assert np.min([light[nose] for light in seen]) > 0.9


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
