"""An actor's face at rest."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.lids import depth_in_ball

from faceanything_addon.reconstruct.fine import template_waves
from faceanything_addon.reconstruct.lids import AHEAD, find_lids
from faceanything_addon.reconstruct.mesh import build_meshes
from faceanything_addon.reconstruct.neutral import at_rest
from faceanything_addon.template import Part, Template
from faceanything_addon.template.shape import lid_opening, neutral_shape


def somebody(template: Template, seed: int) -> np.ndarray:
    """(V, 3) as the modes have it."""
    return neutral_shape(template, np.random.default_rng(seed).normal(size=60).clip(-2, 2))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_face_at_rest_has_its_lids_on_the_eyeballs(template: Template, seed: int) -> None:
    plain = somebody(template, seed)
    face = at_rest(plain, template)
    assert np.linalg.norm(face - plain, axis=1).max() > 1e-3
    for eye in (0, 1):
        assert depth_in_ball(face, template, eye, face) < 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_mesh_of_a_face_that_does_nothing_is_the_face_at_rest(template: Template, seed: int) -> None:
    """Lids pushed out once more were open wider than the eyes were seen."""
    face, waves = at_rest(somebody(template, seed), template), template_waves(template)
    nothing = np.zeros((1, len(template.expressions)), np.float32)
    residual = np.zeros((1, waves.basis.shape[1], 3), np.float32)
    gaze = np.tile(np.array(AHEAD), (1, 2, 1))
    mesh = build_meshes(template, face, waves, find_lids(template, face), nothing, residual, gaze)[0]
    assert np.linalg.norm(mesh - face, axis=1).max() < 3e-4
    for side in ("Left", "Right"):
        assert abs(lid_opening(template, mesh, side) - lid_opening(template, face, side)) < 5e-5


def test_a_template_without_eyes_and_lips_stays_as_it_is(template: Template) -> None:
    names = tuple(f"no{name}" for name in template.expression_names)
    bare = replace(template, part=np.full_like(template.part, Part.SKIN), expression_names=names)
    np.testing.assert_array_equal(at_rest(template.vertices, bare), template.vertices)
