"""The picture generator: rasteriser, conventions and, where the head models are at hand, whole pictures."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.reconstruct.lips import find_seam
from faceanything_addon.template import Part, load_template
from training.generator import people, turned
from training.generator.faults import through_codec
from training.generator.looks import draw_tone
from training.generator.motion import converging, draw_motion
from training.generator.raster import empty_buffers, rasterize
from training.generator.render import with_touching_lips
from training.generator.standin import ARKIT
from training.generator.view import FLIP, View, draw_rotation, draw_view, rotation
from training.registration import closest_weights
from training.template.identity import with_rigid_eyes

needs_heads = pytest.mark.skipif("FACE_DATA" not in os.environ, reason="FACE_DATA is not set")


def draw(xy, z, tris, size=16, cull=0):
    """Opaque triangles -> z-buffer, ids, weights."""
    buffers = empty_buffers(size, size)
    n = len(tris)
    uv, cards = np.zeros((n, 3, 2), np.float32), np.zeros((1, 1, 1, 4), np.uint8)
    rasterize(np.float32(xy), np.float32(z), np.int32(tris), np.full(n, -1, np.int16), uv, np.full(n, cull, np.uint8),
              cards, False, *buffers)  # fmt: skip
    return buffers


def test_nearer_triangle_wins() -> None:
    """The z-buffer keeps what is nearest."""
    xy = [(0, 0), (20, 0), (0, 20)] * 2
    _, ids, _ = draw(xy, [2, 2, 2, 1, 1, 1], [(0, 1, 2), (3, 4, 5)])
    assert ids[3, 3] == 1


def test_weights_are_perspective_correct() -> None:
    """Halfway across a slanted triangle's picture is not halfway across the triangle."""
    camera = np.array([(-1.0, -1, 2), (3.0, -1, 4), (-1.0, 3, 2)])
    view = View(np.eye(4), 8.0, np.array([7.5, 7.5]), 16)
    zbuf, ids, bary = draw(view.project(camera), camera[:, 2], [(0, 1, 2)])
    y, x = 8, 8
    assert ids[y, x] == 0
    w = np.array([1 - bary[y, x].sum(), *bary[y, x]])
    point = w @ camera
    assert np.allclose(view.project(point[None])[0], (x, y), atol=1e-3)
    assert zbuf[y, x] == pytest.approx(point[2], abs=1e-4)


def test_map_pixels_lie_between_picture_pixels() -> None:
    """Map pixel (j, i) is centred at picture pixel (2 j + .5, 2 i + .5)."""
    view = View(np.eye(4), 50.0, np.array([10.0, 20.0]), 192)
    p = np.array([[0.3, 0.1, 1.0]])
    assert np.allclose(view.project(p), 2 * view.project(p, 96) + 0.5, atol=1e-4)


def test_a_barrel_lens_pulls_the_edges_in_and_leaves_the_middle() -> None:
    plain, barrel = (View(np.eye(4), 100.0, np.array([95.5, 95.5]), 192, bend=bend) for bend in (0.0, -0.2))
    points = np.array([[0.0, 0, 1], [0.5, 0, 1], [3.0, 3, 1]])
    off, bent = plain.project(points) - 95.5, barrel.project(points) - 95.5
    assert np.allclose(bent[0], 0, atol=1e-4) and np.allclose(bent[1], off[1] * 0.95, atol=1e-3)
    assert (bent[2] > 0).all() and (bent[2] < off[2]).all()


def test_a_rolling_shutter_shifts_rows_by_when_they_are_read() -> None:
    still, moving = (View(np.eye(4), 96.0, np.array([95.5, 95.5]), 192, roll_off=r) for r in ((0.0, 0.0), (8.0, 0.0)))
    points = np.array([[0.0, -1, 1], [0.0, 0.0052, 1], [0.0, 1, 1]])
    shift = (moving.project(points) - still.project(points))[:, 0]
    assert np.allclose(shift, [-4, 0, 4], atol=0.1)


def test_a_picture_through_the_codec_is_of_its_size_and_like_it() -> None:
    y, x = np.mgrid[:96, :96]
    picture = np.stack([2 * x, 2 * y, 128 + 0 * x], axis=-1).astype(np.uint8)
    good, bad = (np.abs(through_codec(picture, q).astype(int) - picture).mean() for q in (18, 40))
    assert good < 4 and good < bad < 20


def test_upright_face_looks_into_the_camera() -> None:
    """Yaw to the subject's left moves the nose to the right of the picture."""
    nose = np.array([0, 0, 1.0])
    assert (FLIP @ rotation(30, 0, 0) @ nose)[0] > 0.4
    assert (FLIP @ rotation(0, 30, 0) @ nose)[1] < -0.4


def test_views_hold_the_face() -> None:
    """Most pictures show the face's centre, none is behind the camera."""
    rng = np.random.default_rng(0)
    face = rng.uniform((-0.07, -0.12, 0), (0.07, 0.08, 0.03), (200, 3))
    inside = []
    for _ in range(200):
        view = draw_view(rng, face, 192)
        at = view.project(view.camera(face)).mean(axis=0)
        inside.append(((at > 0) & (at < 191)).all())
        assert view.camera(face)[:, 2].min() > 0.05
    assert np.mean(inside) > 0.9


def test_turned_heads_are_twice_as_many_where_they_are_asked_for() -> None:
    """Shares of heads that look more than 45 degrees aside."""

    def share(**turns: tuple[float, float]) -> float:
        axes = np.array([draw_rotation(np.random.default_rng(k), **turns)[:, 2] for k in range(3000)])
        return float((np.degrees(np.arctan2(np.abs(axes[:, 0]), -axes[:, 2])) > 45).mean())

    assert 1.7 < share(turns=turned.TURNS) / share() < 2.1


@needs_heads
def test_turned_pictures_are_the_generators_own_but_for_their_turns() -> None:
    from training.generator import load_assets, render_batch

    assets = load_assets(Path(os.environ["FACE_DATA"]))
    told, plain = turned.render_batch(40, 6, assets, 64), render_batch(40, 6, assets, 64)
    asked = render_batch(40, 6, assets, 64, turned.TURNS)
    assert all(np.array_equal(told[k], asked[k]) for k in told)
    assert np.array_equal(told["arkit"], plain["arkit"]) and not np.array_equal(told["pose"], plain["pose"])


def test_expressions_stay_in_range() -> None:
    """Coefficients lie in 0..1; mouthClose never exceeds jawOpen."""
    rng = np.random.default_rng(1)
    rows = np.array([people.draw_expression(rng, tuple(ARKIT), people.draw_gaze(rng)) for _ in range(300)])
    assert rows.min() >= 0 and rows.max() <= 1
    assert (rows[:, ARKIT.index("mouthClose")] <= rows[:, ARKIT.index("jawOpen")] + 1e-6).all()
    assert (rows[:, ARKIT.index("eyeBlinkLeft")] > 0.9).mean() > 0.08


def acted(kind: Callable[[people.Face, np.random.Generator], None], count: int = 100) -> np.ndarray:
    """(N, 52) coefficients of several people's expressions of one kind."""
    faces = [people.Face(load_template().expression_names) for _ in range(count)]
    for k, face in enumerate(faces):
        kind(face, np.random.default_rng(k))
    return np.array([people.constrain(face) for face in faces])


def test_rounded_lips_come_forward_and_are_shut_or_nearly_so() -> None:
    """Lips that are taken for open ones where their wet side takes the light: half of them within 2 mm."""
    template = load_template()
    seam = find_seam(template)
    moved = np.tensordot(acted(people.rounded), template.expressions, axes=1)
    gap = (moved[:, seam.upper] - moved[:, seam.lower])[:, seam.middle, 1].mean(axis=1)
    assert np.median(gap) < 0.002 < np.quantile(gap, 0.9)
    forward = moved[:, seam.lower][:, seam.middle, 2].mean(axis=1)
    assert forward.min() > 0 and np.quantile(forward, 0.1) > 0.002


def test_pressed_lips_are_thin_and_shut() -> None:
    """Tight smiles, which were taken for open mouths: no gap, and less of the lower lip in sight than at rest."""
    template, rows = load_template(), acted(people.pressed)
    seam = find_seam(template)
    shown = [
        with_touching_lips(template, template.vertices.astype(np.float32), moved)[1]
        for moved in np.tensordot(rows, template.expressions, axes=1)
    ]
    marks = np.stack([template.landmarks(v) for v in [template.vertices, *shown]])
    gaps = np.array([(v[seam.upper] - v[seam.lower])[seam.middle, 1].mean() for v in shown])
    assert np.quantile(gaps, 0.9) < 0.0007
    lower_lip = marks[:, 66, 1] - marks[:, 57, 1]
    assert np.median(lower_lip[1:]) < 0.75 * lower_lip[0]
    smiles = rows[:, template.expression_names.index("mouthSmileLeft")] > 0.2
    assert 0.3 < smiles.mean() < 0.6


def test_motion_blinks_and_speaks() -> None:
    """A few seconds hold full closures and an open mouth."""
    motion = draw_motion(np.random.default_rng(2), tuple(ARKIT), 150, 30.0)
    assert motion.arkit[:, ARKIT.index("eyeBlinkLeft")].max() > 0.9
    assert motion.arkit[:, ARKIT.index("jawOpen")].max() > 0.3
    assert np.abs(np.diff(motion.angles, axis=0)).max() < 8


def test_closest_point_weights() -> None:
    """Inside, on an edge, at a corner."""
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    for point, expected in (((0.2, 0.2, 1), (0.6, 0.2, 0.2)), ((0.5, -1, 0), (0.5, 0.5, 0)), ((3, -1, 0), (0, 1, 0))):
        assert np.allclose(closest_weights(np.array(point, float), corners), expected)


def test_darkness_makes_dark_skins_more_frequent_and_no_other_than_before() -> None:
    """Brightness of wanted tones: half of them at 2, the same range."""
    mean = np.array([0.3, 0.2, 0.15])
    even, dark = (
        np.array([draw_tone(np.random.default_rng(i), mean, power)[0].mean() for i in range(600)])
        for power in (1.0, 2.0)
    )
    assert np.median(dark) < 0.85 * np.median(even)
    assert abs(dark.max() / even.max() - 1) < 0.1 and abs(dark.min() / even.min() - 1) < 0.3


@needs_heads
def test_truth_agrees_with_the_points() -> None:
    """Where a sparse point is seen, the canonical map holds its vertex's coordinate; same seed, same picture."""
    from training.generator import load_assets, render_batch

    assets = load_assets()
    batch, again = (render_batch(5, 12, assets) for _ in range(2))
    assert all((batch[k] == again[k]).all() for k in batch)
    t, error = assets.template, []
    for i in np.nonzero(batch["face"])[0]:
        cell = np.rint((batch["points"][i] - 0.5) / 2).astype(int)
        ok = ((cell >= 0) & (cell < 96)).all(axis=1)
        x, y = cell[ok].T
        skin = batch["part"][i][y, x] == 1
        found = batch["canonical"][i][y, x].astype(float) - t.vertices[t.points[ok]]
        error.extend(np.linalg.norm(found[skin], axis=1))
    assert np.percentile(error, 40) < 0.003


def test_a_shape_that_turns_everything_leaves_the_eyeballs_unturned() -> None:
    template = load_template()
    turn = np.cross([0.0, 0.1, 0.02], template.vertices)
    rigid = with_rigid_eyes(np.stack([turn]), template.vertices, template.part)[0]
    skin = template.part == Part.SKIN
    assert np.array_equal(rigid[skin], turn[skin])
    for part in (Part.EYE_LEFT, Part.EYE_RIGHT):
        assert np.ptp(rigid[template.part == part], axis=0).max() < 1e-6


def test_eyes_that_look_at_something_near_turn_inwards() -> None:
    gaze = converging(np.zeros((3, 2)))
    assert (gaze[:, 0, 0] < 0).all() and (gaze[:, 1, 0] > 0).all() and not gaze[..., 1].any()
