"""Meshes of a take."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from faceanything_addon.reconstruct.fine import template_waves
from faceanything_addon.reconstruct.lids import find_lids
from faceanything_addon.reconstruct.mesh import build_meshes
from faceanything_addon.solve.gaze import direction
from faceanything_addon.template import Part, Template
from faceanything_addon.template.shape import neutral_shape

EYES = (Part.EYE_LEFT, Part.EYE_RIGHT)
SIDES = ((0, 1), (1, 2), (2, 0))


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


def depth_of_spans(mesh: np.ndarray, template: Template, eye: int, neutral: np.ndarray) -> float:
    """Metres by which the middle of a side or of a triangle of the lids cuts into an eyeball."""
    ball = mesh[template.part == EYES[eye]]
    center = (neutral[template.part == EYES[eye]].max(axis=0) + neutral[template.part == EYES[eye]].min(axis=0)) / 2
    tris = template.triangles[(template.part[template.triangles] == Part.SKIN).all(axis=1)]
    near = (np.linalg.norm(mesh[tris] - center, axis=2).max(axis=1) < 0.02) & (mesh[tris][..., 2] > center[2]).all(1)
    corners = mesh[tris[near]]
    places = np.concatenate([corners.mean(axis=1), *((corners[:, a] + corners[:, b]) / 2 for a, b in SIDES)]) - center
    far = np.linalg.norm(places, axis=1)
    reach = np.linalg.norm(ball - center, axis=1)
    nearest = (places / far[:, None] @ ((ball - center) / reach[:, None]).T).argmax(axis=1)
    return float((reach[nearest] - far).max())


def meshes_of(template: Template, neutral: np.ndarray, blink: tuple[float, ...], pitch: float) -> np.ndarray:
    """(F, V, 3) lids that far shut, squinting as much, eyes that look aside and up."""
    shapes = np.zeros((len(blink), len(template.expression_names)), np.float32)
    for name in ("eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight"):
        shapes[:, template.expression_names.index(name)] = blink
    waves, gaze = template_waves(template), direction(np.radians([[[20.0, pitch]] * 2] * len(blink)))
    residual = np.zeros((len(blink), waves.basis.shape[1], 3), np.float32)
    return build_meshes(template, neutral, waves, find_lids(template, neutral), shapes, residual, gaze)


@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4])
def test_no_eyeball_shows_through_shut_lids(template: Template, seed: int | None) -> None:
    """Vertices lay outside the ball, but the wide quads of a shut lid cut through it by up to a millimetre."""
    identity = np.zeros(1) if seed is None else np.random.default_rng(seed).normal(size=60).clip(-2, 2)
    neutral = neutral_shape(template, identity).astype(np.float32)
    meshes = meshes_of(template, neutral, (0.7, 1.0), 5.0)
    assert max(depth_of_spans(mesh, template, eye, neutral) for mesh in meshes for eye in (0, 1)) < 2e-4


@pytest.mark.parametrize("pitch", [-25.0, 0.0, 15.0])
@pytest.mark.parametrize("seed", [None, 1, 2])
def test_lids_lie_outside_the_eyeball_and_its_cornea_wherever_the_eye_looks(
    template: Template, seed: int | None, pitch: float
) -> None:
    identity = np.zeros(1) if seed is None else np.random.default_rng(seed).normal(size=60).clip(-2, 2)
    neutral = neutral_shape(template, identity).astype(np.float32)
    meshes = meshes_of(template, neutral, (0.5, 1.0), pitch)
    assert max(depth_in_ball(mesh, template, eye, neutral) for mesh in meshes for eye in (0, 1)) < 2e-4
