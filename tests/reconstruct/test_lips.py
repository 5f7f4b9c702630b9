"""Lips that are shut touch along their whole length."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.faces import expression

from faceanything_addon.reconstruct.fine import template_waves
from faceanything_addon.reconstruct.lids import find_lids
from faceanything_addon.reconstruct.likeness import as_unlike
from faceanything_addon.reconstruct.lips import REACH, find_seam, seal_lips, shut_at_rest
from faceanything_addon.reconstruct.mesh import build_meshes
from faceanything_addon.solve.gaze import direction
from faceanything_addon.take.take import Actor
from faceanything_addon.template import Template
from faceanything_addon.template.shape import neutral_shape

SMILE = {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8}
SHUT = (
    SMILE,
    SMILE | {"mouthRollLower": 0.6, "mouthRollUpper": 0.6},
    {"mouthPressLeft": 0.6, "mouthPressRight": 0.6},
    {"mouthPucker": 0.8, "mouthShrugLower": 0.5},
)


def gaps(face: np.ndarray, template: Template) -> np.ndarray:
    """(P,) metres by which the upper lip lies above the lower (V, 3), beyond what it does at rest."""
    seam = find_seam(template)
    return (face[seam.upper] - face[seam.lower] - seam.rest)[:, 1]


def sealed(face: np.ndarray, template: Template) -> np.ndarray:
    """(V, 3) a copy."""
    faces = face[None].astype(np.float32)
    seal_lips(faces, template)
    return faces[0]


def with_parting_mode(template: Template) -> Template:
    """The template with a mode of likenesses that parts the lips by some millimetres, which its own do not."""
    jaw = template.expressions[template.expression_names.index("jawOpen")]
    return replace(template, identity=np.concatenate([0.1 * jaw[None], template.identity[1:]]))


def test_the_seam_runs_from_corner_to_corner_and_is_its_own_mirror_image(template: Template) -> None:
    seam = find_seam(template)
    upper, lower = template.vertices[seam.upper], template.vertices[seam.lower]
    assert len(upper) > 20 and np.linalg.norm(upper - lower, axis=1).max() < 2e-4
    assert np.allclose(upper[:, 0], -upper[::-1, 0], atol=5e-4)
    corners = template.landmarks(template.vertices)[[60, 64], 0]
    assert np.allclose(np.sort(corners), upper[[0, -1], 0], atol=2e-3)


@pytest.mark.parametrize("shapes", SHUT, ids=lambda shapes: "+".join(shapes))
def test_shapes_of_shut_lips_add_up_to_shut_lips(template: Template, shapes: dict[str, float]) -> None:
    face = expression(**shapes)
    assert np.abs(gaps(face, template)).max() > 8e-4
    assert np.abs(gaps(sealed(face, template), template)).max() < 1e-5


@pytest.mark.parametrize("opening", [0.06, 0.12, 0.5])
def test_an_open_mouth_stays_as_it_is(template: Template, opening: float) -> None:
    face = expression(jawOpen=opening)
    assert np.abs(sealed(face, template) - face).max() < 1e-5


def test_lips_close_little_by_little(template: Template) -> None:
    """The gap that is left grows with the gap that there was, without a jump."""
    openings = [gaps(sealed(expression(jawOpen=jaw), template), template).max() for jaw in np.linspace(0, 0.1, 41)]
    steps = np.diff(openings)
    assert steps.min() > -1e-6 and steps.max() < 4e-4


def test_only_what_lies_around_the_lips_moves(template: Template) -> None:
    face = expression(**SHUT[1])
    moved = np.linalg.norm(sealed(face, template) - face, axis=1) > 1e-7
    lips = template.vertices[np.concatenate([find_seam(template).upper, find_seam(template).lower])]
    away = np.linalg.norm(template.vertices[moved][:, None] - lips, axis=2).min(axis=1)
    assert moved.any() and away.max() < REACH


def test_an_actors_lips_touch_at_rest_whoever_it_is(template: Template) -> None:
    """No coefficient could shut lips that a likeness parts."""
    template = with_parting_mode(template)
    identity = np.eye(len(template.identity), dtype=np.float32)[0]
    neutral = neutral_shape(template, identity)
    assert gaps(neutral, template).max() > 1e-3
    assert np.abs(gaps(shut_at_rest(neutral, template), template)).max() < 1e-5
    actor = Actor(template.vertices, np.zeros_like(identity), 700.0)
    likeness = np.diag(np.ones(len(identity)))
    told = as_unlike(replace(actor, identity=identity, neutral=neutral.astype(np.float32)), template, likeness)
    assert np.abs(gaps(told.neutral, template)).max() < 1e-5


def test_meshes_of_a_take_have_their_lips_sealed(template: Template) -> None:
    names, waves = template.expression_names, template_waves(template)
    coefficients = np.zeros((len(SHUT), len(names)), np.float32)
    for row, shapes in enumerate(SHUT):
        for name, value in shapes.items():
            coefficients[row, names.index(name)] = value
    residual = np.zeros((len(SHUT), waves.basis.shape[1], 3), np.float32)
    gaze, lids = direction(np.zeros((len(SHUT), 2, 2))), find_lids(template, template.vertices)
    meshes = build_meshes(template, template.vertices, waves, lids, coefficients, residual, gaze)
    assert max(np.abs(gaps(mesh, template)).max() for mesh in meshes) < 1e-5
