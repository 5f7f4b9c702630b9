"""Lips of the template are even from point to point, and what evens them keeps their form."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from faceanything_addon.reconstruct.lids import quad_lines
from faceanything_addon.reconstruct.lips import find_seam
from faceanything_addon.template import Part, Template, load_template
from training.template import topology as topo
from training.template.even import RINGS, evening, lip_rings
from training.template.shut import on_midline

UNEVEN = 0.0002  # metres, root mean square from point to point
WIDE = 0.02  # metres to either side of the mouth's middle: its corners lie beyond


@pytest.fixture(name="keys")
def keys_of_a_head() -> list[topo.Key]:
    half = [*dict.fromkeys([*topo.build_half().keys(), *topo.build_inside().keys()])]
    return half + [(*key, "R") for key in half if not on_midline(key)]


@pytest.fixture(name="mouth")
def mouth_of_flat_lips(keys: list[topo.Key]) -> np.ndarray:
    """(V, 3) centimetres: rings that are flat ellipses, one within the other; the rest at the origin."""
    out = np.zeros((len(keys), 3))
    for depth, ring in enumerate(lip_rings(keys)):
        angle = 2 * np.pi * np.arange(len(ring)) / len(ring) - np.pi / 2
        out[ring, 0] = 2.5 * np.cos(angle)
        out[ring, 1] = (0.8 - 0.1 * depth) * np.sin(angle)
        out[ring, 2] = 0.2 * depth
    return out


def out_of_line(vertices: np.ndarray, template: Template) -> np.ndarray:
    """(N,) metres by which each point of the lips, away from the corners, juts out between its neighbours along them,
    less than what these do themselves."""
    lips = (template.regions["lips"] > 0.5) & (template.part == Part.SKIN)
    lips = np.flatnonzero(lips & (np.abs(template.vertices[:, 0]) < WIDE))
    along = {vertex: pair for vertex in lips if (pair := neighbours_along(vertex, template)) is not None}
    here, pairs = np.array(list(along)), np.array(list(along.values()))
    jut = np.full(vertices.shape, np.nan)
    jut[here] = vertices[here] - vertices[pairs].mean(axis=1)
    ripple = jut[here] - jut[pairs].mean(axis=1)
    ripple = ripple[np.isfinite(ripple).all(axis=1)]
    return np.linalg.norm(ripple[:, 1:], axis=1)


def neighbours_along(vertex: int, template: Template) -> tuple[int, int] | None:
    """Those to the left and to the right of a vertex, where a straight line of the mesh leads through it."""
    quads = template.quads[(template.quads == vertex).any(axis=1)]
    lines = quad_lines(Template(**{**template.__dict__, "quads": quads}))
    near = lines[(lines == vertex).any(axis=1)].ravel()
    near = [n for n in set(near[near != vertex]) if (quads == n).any(axis=1).sum() == 2]  # sides, not diagonals
    ways = template.vertices[near] - template.vertices[vertex]
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    left, right = ways[:, 0].argmax(), ways[:, 0].argmin()
    straight = ways[left] @ ways[right] < -0.8 and ways[left, 0] > 0.7 and ways[right, 0] < -0.7
    return (near[left], near[right]) if straight else None


@pytest.mark.parametrize("who", range(4))
def test_lips_do_not_ripple_from_point_to_point(who: int) -> None:
    template = load_template()
    likeness = np.random.default_rng(who).normal(size=len(template.identity)) * (who > 0)
    ripples = out_of_line(template.vertices + np.tensordot(likeness, template.identity, axes=1), template)
    assert len(ripples) > 80
    assert np.sqrt((ripples**2).mean()) < UNEVEN


def test_ripples_go_and_a_cupids_bow_stays(keys: list[topo.Key], mouth: np.ndarray) -> None:
    even, ring = evening(mouth, keys), lip_rings(keys)[1]
    upper = slice(len(ring) // 2 - 6, len(ring) // 2 + 7)  # about the middle of the upper lip
    for points, least, most in ((2, 0.0, 0.05), (8, 0.6, 1.1)):
        field = np.zeros(len(keys))
        field[ring] = np.cos(2 * np.pi * np.arange(len(ring)) / points)
        left = np.abs((even @ field)[ring][upper]).max()
        assert least <= left <= most


def test_nothing_but_the_lips_is_touched_and_flat_lips_stay_flat(keys: list[topo.Key], mouth: np.ndarray) -> None:
    even, rings = evening(mouth, keys), lip_rings(keys)
    field = np.random.default_rng(1).normal(size=len(keys))
    changed = np.flatnonzero(np.abs(even @ field - field) > 1e-12)
    assert len(rings) == len(RINGS)
    assert np.isin(changed, np.concatenate(rings)).all()
    assert len(changed) > 0.8 * np.concatenate(rings).size
    np.testing.assert_allclose((even @ mouth)[:, 2], mouth[:, 2], atol=1e-9)
    np.testing.assert_allclose(even @ mouth, mouth, atol=0.03)


def test_lips_of_a_shut_mouth_still_touch(keys: list[topo.Key], mouth: np.ndarray) -> None:
    template = load_template()
    seam = find_seam(template)
    rest = np.linalg.norm((template.vertices[seam.upper] - template.vertices[seam.lower]), axis=1)
    assert rest.max() < 0.00015
    pucker = template.expressions[template.expression_names.index("mouthPucker")]
    assert np.abs((pucker[seam.upper] - pucker[seam.lower])[seam.middle]).max() < 0.0004
