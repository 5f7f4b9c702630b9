"""The canonical face as shipped."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.solve.gaze import direction
from faceanything_addon.template import Part, Template, load_template
from faceanything_addon.template.shape import (
    expression_offset,
    eyeball_rotation,
    gaze_rotation,
    neutral_shape,
    rotate_eyes,
    shown_gaze,
    true_gaze,
)


@pytest.fixture(scope="module")
def template() -> Template:
    return load_template()


def directed_edges(quads: np.ndarray) -> Counter:
    pairs = np.concatenate([quads[:, [i, (i + 1) % 4]] for i in range(4)])
    return Counter(map(tuple, pairs.tolist()))


def test_it_is_all_quads_of_a_consistently_wound_manifold(template: Template) -> None:
    assert all(len(set(q)) == 4 for q in template.quads.tolist())
    assert max(directed_edges(template.quads).values()) == 1


@pytest.mark.parametrize("part", [Part.SKIN, Part.EYE_LEFT, Part.EYE_RIGHT, Part.TEETH, Part.TONGUE])
def test_its_faces_point_outwards(template: Template, part: Part) -> None:
    """Teeth did not: programs that cull what faces away showed their insides."""
    tris = template.triangles[(template.part[template.triangles] == part).all(axis=1)]
    halves = [tris[tris[:, 0] < tris.mean()], tris[tris[:, 0] >= tris.mean()]] if part == Part.TEETH else [tris]
    for piece in halves:
        corners = template.vertices[piece] - template.vertices[piece].mean(axis=(0, 1))
        assert np.linalg.det(corners).sum() > 0


def test_it_mirrors_onto_itself(template: Template) -> None:
    m = template.mirror
    assert np.array_equal(m[m], np.arange(len(m)))
    assert np.abs(template.vertices[m] * [-1, 1, 1] - template.vertices).max() < 1e-6
    assert set(template.points[None].ravel()) == set(m[template.points])


def test_its_faces_come_in_mirrored_pairs(template: Template) -> None:
    quads = {frozenset(q) for q in template.quads.tolist()}
    assert {frozenset(template.mirror[list(q)].tolist()) for q in quads} == quads


def test_it_is_as_large_as_promised(template: Template) -> None:
    assert len(template.vertices) >= 3000
    assert len(template.identity) >= 60
    assert len(template.expression_names) == len(set(template.expression_names)) == 52
    assert template.landmarks(template.vertices).shape == (68, 3)


def test_edge_loops_close_round_eyes_and_mouth(template: Template) -> None:
    """The skin's own boundary: two lid loops, the lips' loop and the neck's, each closed."""
    skin = template.quads[(template.part[template.quads] == Part.SKIN).all(axis=1)]
    edges = directed_edges(skin)
    following = {a: b for a, b in edges if (b, a) not in edges}
    lengths = []
    while following:
        start, current = next(iter(following.items()))
        length = 1
        del following[start]
        while current != start:
            current, length = following.pop(current), length + 1
        lengths.append(length)
    assert sorted(lengths) == sorted([36, 36, 60, 72])


@pytest.mark.parametrize(
    "name", ["jawOpen", "mouthClose", "eyeBlinkLeft", "mouthSmileRight", "browInnerUp", "tongueOut"]
)
def test_every_named_shape_moves_something(template: Template, name: str) -> None:
    shape = template.expressions[template.expression_names.index(name)]
    assert np.linalg.norm(shape, axis=1).max() > 0.002


def test_left_shapes_are_the_mirror_of_right_ones(template: Template) -> None:
    names = template.expression_names
    left = template.expressions[names.index("mouthSmileLeft")]
    right = template.expressions[names.index("mouthSmileRight")]
    assert np.abs(left[template.mirror] * [-1, 1, 1] - right).max() < 1e-4


def test_a_blink_closes_the_lids(template: Template) -> None:
    blink = np.zeros(52)
    blink[[template.expression_names.index(f"eyeBlink{s}") for s in ("Left", "Right")]] = 1
    opened = template.landmarks(template.vertices)
    closed = template.landmarks(template.vertices + expression_offset(template, blink))
    gap = lambda marks: marks[[37, 38, 43, 44], 1] - marks[[41, 40, 47, 46], 1]  # noqa: E731
    assert (gap(closed) < 0.1 * gap(opened)).all()


def test_the_lips_at_rest_are_closed(template: Template) -> None:
    marks = template.landmarks(template.vertices)
    assert np.abs(marks[[61, 62, 63], 1] - marks[[67, 66, 65], 1]).max() < 0.0005


def test_a_pucker_narrows_the_mouth_and_leaves_the_lips_shut(template: Template) -> None:
    pucker = template.expression_names.index("mouthPucker")
    marks = [template.landmarks(template.vertices + share * template.expressions[pucker]) for share in (0, 0.5, 1)]
    width = [np.linalg.norm(m[54] - m[48]) for m in marks]
    gap = [np.linalg.norm(m[[61, 62, 63]] - m[[67, 66, 65]], axis=1) for m in marks]
    assert 0.70 < width[2] / width[0] < 0.76
    assert np.max(np.subtract(gap[1:], gap[0])) < 0.001


@pytest.mark.parametrize("jaw", [0.3, 1.0])
def test_lips_closed_over_an_open_jaw_just_meet(template: Template, jaw: float) -> None:
    coefficients = np.zeros(52)
    coefficients[[template.expression_names.index(name) for name in ("jawOpen", "mouthClose")]] = jaw
    marks = template.landmarks(template.vertices + expression_offset(template, coefficients))
    assert np.abs(marks[[61, 62, 63], 1] - marks[[67, 66, 65], 1]).max() < 0.0015


def test_the_teeth_stay_behind_the_lips(template: Template) -> None:
    teeth = template.vertices[template.part == Part.TEETH]
    lips = template.landmarks(template.vertices)[60:68]
    for mark in lips:
        near = teeth[np.abs(teeth[:, 0] - mark[0]) < 0.003]
        assert near[:, 2].max() < mark[2] - 0.001


def test_the_eyes_turn_about_their_centres(template: Template) -> None:
    turned = rotate_eyes(template, template.vertices, gaze_rotation(np.array([[0.5, 0, 0.866], [0.5, 0, 0.866]])))
    ball = template.part == Part.EYE_LEFT
    center = template.eye_centers[0]
    before = np.linalg.norm(template.vertices[ball] - center, axis=1)
    assert np.abs(np.linalg.norm(turned[ball] - center, axis=1) - before).max() < 1e-5
    assert np.array_equal(turned[template.part == Part.SKIN], template.vertices[template.part == Part.SKIN])


def test_a_ball_turned_for_a_gaze_has_its_iris_where_a_real_eye_has_its_pupil(template: Template) -> None:
    for yaw, pitch in ((0.0, 0.0), (30.0, 0.0), (-20.0, 15.0), (0.0, -25.0)):
        gaze = direction(np.radians([yaw, pitch]))
        turned = rotate_eyes(template, template.vertices, np.stack([eyeball_rotation(gaze)] * 2))
        for eye, part in enumerate((Part.EYE_LEFT, Part.EYE_RIGHT)):
            ball = np.flatnonzero(template.part == part)
            rest = template.vertices[ball] - template.eye_centers[eye]
            iris = np.abs(np.degrees(np.arctan2(np.linalg.norm(rest[:, :2], axis=1), rest[:, 2])) - 12) < 12
            moved = (turned[ball[iris]] - template.vertices[ball[iris]]).mean(axis=0)
            assert moved[:2] == pytest.approx(0.0105 * gaze[:2], abs=2.5e-4)
        assert true_gaze(shown_gaze(gaze)) == pytest.approx(gaze, abs=1e-6)


def test_who_somebody_is_does_not_turn_the_eyes(template: Template) -> None:
    for part in (Part.EYE_LEFT, Part.EYE_RIGHT):
        rest = template.vertices[template.part == part]
        rest = rest - rest.mean(axis=0)
        moves = template.identity[:, template.part == part].astype(np.float64)
        torque = np.cross(rest, moves - moves.mean(axis=1, keepdims=True)).sum(axis=1)
        assert np.degrees(np.abs(torque) / (rest**2).sum()).max() < 0.05


def test_identities_differ_by_millimetres_not_centimetres(template: Template) -> None:
    rng = np.random.default_rng(0)
    face = template.regions["face"] > 0.5
    for _ in range(5):
        moved = neutral_shape(template, rng.normal(size=len(template.identity))) - template.vertices
        assert 0.001 < np.sqrt((moved[face] ** 2).sum(axis=1).mean()) < 0.02


def test_every_corner_has_a_place_in_the_uv_chart(template: Template) -> None:
    assert template.uv_quads.shape == template.quads.shape
    assert template.uv_quads.max() < len(template.uvs)
    assert template.uvs.min() >= 0 and template.uvs.max() <= 1


def test_a_damaged_file_is_named_in_one_line(tmp_path: Path) -> None:
    bad = tmp_path / "template.npz"
    bad.write_bytes(b"nothing")
    with pytest.raises(UserError, match="template.npz"):
        load_template(bad)


@pytest.mark.parametrize("jaw", [0.3, 0.5, 0.9])
def test_a_tongue_put_out_lies_on_the_lower_lip(jaw: float) -> None:
    """It went through lip and chin."""
    t = load_template()
    names = list(t.expression_names)
    face = t.vertices + jaw * t.expressions[names.index("jawOpen")] + t.expressions[names.index("tongueOut")]
    tongue = face[t.part == Part.TONGUE]
    lip = t.landmarks(face)[[65, 66, 67]].mean(axis=0)  # the lower lip's inner edge
    over = tongue[np.abs(tongue[:, 2] - lip[2]) < 0.004]
    assert len(over) and over[:, 1].min() > lip[1] - 0.002
    assert tongue[:, 2].max() > lip[2] + 0.012
    assert tongue[tongue[:, 2].argmax(), 1] < over[:, 1].mean()


def test_the_tongue_shows_behind_the_lower_teeth() -> None:
    """It lay below their edge, so that an open mouth looked empty."""
    t = load_template()
    teeth = np.flatnonzero(t.part == Part.TEETH)
    lower = teeth[len(teeth) // 2 :]
    edge = t.vertices[lower, 1].max()
    tongue = t.vertices[t.part == Part.TONGUE]
    assert edge < tongue[:, 1].max() < edge + 0.008
