"""Mouths of the generator's people that move in shapes of their own."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.reconstruct.lips import find_seam
from faceanything_addon.template import Part, load_template
from training.generator.personal import JAW, movement_field, own_movement


def movement(**values: float) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) what coefficients make of the template, and (52,) these."""
    t, how = load_template(), np.zeros(52, np.float32)
    for name, value in values.items():
        how[t.expression_names.index(name)] = value
    return np.tensordot(how, t.expressions, axes=1), how


def people(moved: np.ndarray, how: np.ndarray, count: int = 12) -> np.ndarray:
    """(N, V, 3) the same movement by several people."""
    return np.stack([own_movement(np.random.default_rng(k), load_template(), moved, how) for k in range(count)])


def test_people_pucker_in_shapes_of_their_own_but_some_as_the_template_does() -> None:
    moved, how = movement(mouthPucker=1.0)
    away = np.linalg.norm(people(moved, how) - moved, axis=-1).max(axis=1)
    assert 2 <= (away == 0).sum() <= 8
    assert 0.001 < np.median(away[away > 0]) < 0.008


def test_the_jaw_opens_in_everybody_as_a_jaw_does() -> None:
    moved, how = movement(**dict.fromkeys(JAW, 0.4))
    assert np.abs(people(moved, how) - moved).max() < 1e-6


def test_what_lies_far_from_the_mouth_or_is_no_skin_moves_as_before() -> None:
    t = load_template()
    moved, how = movement(mouthPucker=1.0, browInnerUp=1.0, eyeBlinkLeft=1.0)
    away = np.linalg.norm(people(moved, how) - moved, axis=-1).max(axis=0)
    assert away[np.isin(t.part, [Part.TEETH, Part.TONGUE, Part.EYE_LEFT])].max() == 0
    assert away[t.vertices[:, 1] > t.eye_centers[:, 1].mean()].max() < 0.0005


def test_lips_that_meet_at_rest_go_alike_and_so_do_left_and_right() -> None:
    t, seam = load_template(), find_seam(load_template())
    field = movement_field(np.random.default_rng(3), t)
    assert np.abs(field[seam.upper] - field[seam.lower]).max() < 0.1 < np.ptp(field, axis=0).max()
    left, right = (t.landmarks(t.vertices)[k] for k in (54, 48))
    ends = [np.linalg.norm(t.vertices - place, axis=1).argmin() for place in (left, right)]
    assert np.abs(np.subtract(*field[ends])).max() < 0.1
