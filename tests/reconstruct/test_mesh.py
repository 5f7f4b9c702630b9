"""Meshes of a take."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from faceanything_addon.reconstruct.fine import template_waves
from faceanything_addon.reconstruct.mesh import build_meshes, find_lids
from faceanything_addon.solve.gaze import direction
from faceanything_addon.template import Part, Template
from faceanything_addon.template.shape import neutral_shape

EYES = (Part.EYE_LEFT, Part.EYE_RIGHT)


def depth_in_ball(mesh: np.ndarray, template: Template, eye: int, neutral: np.ndarray) -> float:
    """Metres by which skin lies nearer to an eyeball's centre than the ball's own vertices in the same direction."""
    center = (neutral[template.part == EYES[eye]].max(axis=0) + neutral[template.part == EYES[eye]].min(axis=0)) / 2
    ball = mesh[template.part == EYES[eye]] - center
    skin = mesh[template.part == Part.SKIN] - center
    near = (np.linalg.norm(skin, axis=1) < 0.02) & (skin[:, 2] > 0.004)
    toward = skin[near] / np.linalg.norm(skin[near], axis=1, keepdims=True)
    reach = np.linalg.norm(ball, axis=1)
    nearest = (toward @ (ball / reach[:, None]).T).argmax(axis=1)
    return float((reach[nearest] - np.linalg.norm(skin[near], axis=1)).max())


@pytest.mark.parametrize("pitch", [-25.0, 0.0, 15.0])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_lids_lie_outside_the_eyeball_and_its_cornea_wherever_the_eye_looks(
    template: Template, seed: int | None, pitch: float
) -> None:
    identity = np.zeros(1) if seed is None else np.random.default_rng(seed).normal(size=60).clip(-2, 2)
    neutral = neutral_shape(template, identity).astype(np.float32)
    shapes = np.zeros((2, len(template.expression_names)), np.float32)
    for name in ("eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight"):
        shapes[:, template.expression_names.index(name)] = 0.5, 1.0
    waves, gaze = template_waves(template), direction(np.radians([[[20.0, pitch]] * 2] * 2))
    residual = np.zeros((2, waves.basis.shape[1], 3), np.float32)
    meshes = build_meshes(template, neutral, waves, find_lids(template, neutral), shapes, residual, gaze)
    assert max(depth_in_ball(mesh, template, eye, neutral) for mesh in meshes for eye in (0, 1)) < 2e-4
