"""Meshes of a take."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
from support.lids import EYES, behind, depth_in_ball, depth_of_spans

from faceanything_addon.reconstruct.fine import template_waves
from faceanything_addon.reconstruct.lids import find_lids
from faceanything_addon.reconstruct.mesh import build_meshes
from faceanything_addon.solve.gaze import direction
from faceanything_addon.template import Part, Template
from faceanything_addon.template.shape import neutral_shape


def undersides_out(mesh: np.ndarray, template: Template, eye: int, neutral: np.ndarray) -> np.ndarray:
    """(N,) metres by which places on the undersides of lids and in sockets stand out through the lids' skin, 0 inside.

    But for the corners of the eye, where upper and lower lids go one behind the other.
    """
    ball = mesh[template.part == EYES[eye]]
    center = (neutral[template.part == EYES[eye]].max(axis=0) + neutral[template.part == EYES[eye]].min(axis=0)) / 2
    lids = (np.linalg.norm(neutral - center, axis=1) < 0.025) & (neutral[:, 2] > center[2])
    tris = template.triangles[lids[template.triangles].all(axis=1)]
    is_skin = np.isin(template.part[tris], (Part.SKIN, Part.MOUTH)).all(axis=1)
    under = behind(template)[tris].any(axis=1)
    places = mesh[tris[under & is_skin]].mean(axis=1)
    cover = mesh[tris[~under & is_skin]]
    places = places[np.abs(places[:, 0] - center[0]) < 0.01]
    inside = np.linalg.norm(places - center, axis=1) < np.linalg.norm(ball - center, axis=1).min()
    before = places[:, 2] - np.nan_to_num(skin_depth(places, cover), nan=np.inf)
    return np.where(inside, 0, np.maximum(before, 0))


def skin_depth(places: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(N,) z of the foremost of the triangles (T, 3, 3) where the places (N, 3) are seen along z; nan without one."""
    a, b, c = (triangles[:, k] for k in range(3))
    area = cross(b - a, c - a)
    a, b, c, area = (each[np.abs(area) > 1e-12] for each in (a, b, c, area))
    weights = [cross(q - p, places[:, None] - p) / area for p, q in ((b, c), (c, a), (a, b))]
    depth = sum(w * corner[:, 2] for w, corner in zip(weights, (a, b, c), strict=True))
    foremost = np.where(np.min(weights, axis=0) >= 0, depth, -np.inf).max(axis=1)
    return np.where(np.isfinite(foremost), foremost, np.nan)


def cross(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(...) z of the cross products."""
    return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


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


@pytest.mark.parametrize("seed", [None, 1, 2, 3, 4])
def test_undersides_of_lids_do_not_show_through_them(template: Template, seed: int | None) -> None:
    """Pushed out of the ball to where the lids are, they stood out through them in patches."""
    identity = np.zeros(1) if seed is None else np.random.default_rng(seed).normal(size=60).clip(-2, 2)
    neutral = neutral_shape(template, identity).astype(np.float32)
    meshes = meshes_of(template, neutral, (0.4, 0.7, 1.0), 5.0)
    out = [undersides_out(mesh, template, eye, neutral) for mesh in meshes for eye in (0, 1)]
    share = [(metres > 0).mean() for metres in out]
    assert max(share) < 0.012 and np.mean(share) < 0.002
    assert max(metres.max() for metres in out) < 1e-4
