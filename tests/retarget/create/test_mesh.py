"""Geometry of the characters: bodies of pieces, pictures, nearest points, warps, landmarks."""

# SPDX-License-Identifier: GPL-3.0-or-later
import json

import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.retarget.create import Piece, landmark_names, landmarks_from, read_landmarks
from faceanything_addon.retarget.create.closest import Mesh
from faceanything_addon.retarget.create.fronts import FRONTS, front_rotation
from faceanything_addon.retarget.create.mesh import join
from faceanything_addon.retarget.create.operators import gradient
from faceanything_addon.retarget.create.parts import covers, fit_sphere
from faceanything_addon.retarget.create.raster import View, shoot
from faceanything_addon.retarget.create.similarity import fit_similarity
from faceanything_addon.retarget.create.warp import fit_warp

SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])


def piece(vertices, *faces):
    sizes = [len(face) for face in faces]
    return Piece("Part", vertices, np.cumsum([0, *sizes])[:-1], np.concatenate([np.array(f) for f in faces]))


def some_points(count=60):
    return np.random.default_rng(5).uniform(-0.1, 0.1, (count, 3))


def test_polygons_of_any_size_become_triangles_that_cover_them():
    ring = np.array([[np.cos(a), np.sin(a), 0] for a in np.linspace(0, 2 * np.pi, 7)[:-1]])
    body = join([piece(ring, [0, 1, 2, 3, 4, 5])])
    assert len(body.triangles) == 4
    assert gradient(body.vertices, body.triangles)[1].sum() == pytest.approx(1.5 * np.sqrt(3))


def test_open_edges_that_lie_on_each_other_are_welded_and_pieces_apart_are_not():
    split = np.concatenate([SQUARE, SQUARE + [1, 0, 0]])  # an importer's seam at x = 1
    body = join([piece(split, [0, 1, 2, 3], [4, 5, 6, 7]), piece(SQUARE + [0, 0, 5], [0, 1, 2, 3])])
    assert len(body.vertices) == 6 + 4
    assert body.nodes[1] == body.nodes[4] and body.nodes[2] == body.nodes[7]
    assert len(np.unique(body.island)) == 2


def test_loose_vertices_keep_their_place_among_the_others():
    body = join([piece(np.concatenate([[[9.0, 9, 9]], SQUARE]), [1, 2, 3, 4])])
    assert np.array_equal(body.vertices[body.nodes[0]], [9, 9, 9])


@pytest.mark.parametrize(
    ("vertices", "faces", "line"),
    [(SQUARE * np.nan, [[0, 1, 2]], "have no place"), (SQUARE, [[0, 1]], "has no faces")],
)
def test_a_mesh_without_use_is_told(vertices, faces, line):
    with pytest.raises(UserError, match=line):
        join([piece(vertices, *faces)])


def test_the_nearer_of_two_triangles_is_shown():
    vertices = np.concatenate([SQUARE, SQUARE * 0.5 + [0.25, 0.25, 1]])
    triangles = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
    shot = shoot(View(np.eye(3), np.array([0.5, 0.5, 0]), 2.0, 100), vertices, triangles)
    assert shot.triangle[50, 50] >= 2 and 0 <= shot.triangle[50, 30] < 2 and shot.triangle[5, 5] == -1
    inside = shot.triangle >= 0
    assert (inside.sum() / 2500) == pytest.approx(1, abs=0.06)
    y, x = np.argwhere(inside)[0]
    point = shot.weights[y, x] @ vertices[triangles[shot.triangle[y, x]]]
    assert point[:2] == pytest.approx([0.5 + (x - 49.5) / 50, 0.5 - (y - 49.5) / 50], abs=1e-5)


def test_nearest_points_are_those_of_a_search_over_all_triangles():
    side = np.arange(8)
    vertices = np.array([[x, y, np.sin(3 * x) * np.cos(2 * y)] for x in side / 4 for y in side / 4])
    corner = (side[:-1, None] * 8 + side[:-1]).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 8, corner + 9], 1), np.stack([corner, corner + 9, corner + 1], 1)]
    )
    queries = vertices[::2] + some_points(32)
    near = Mesh(vertices, triangles).nearest(queries)
    steps = np.linspace(0, 1, 60)
    grid = np.array([[1 - a - b, a, b] for a in steps for b in steps if a + b <= 1])
    everything = np.einsum("gk,tkd->tgd", grid, vertices[triangles]).reshape(-1, 3)
    best = np.linalg.norm(everything[None] - queries[:, None], axis=2).min(axis=1)
    assert (near.distance <= best + 1e-9).all()
    again = np.einsum("mk,mkd->md", near.weights, vertices[triangles[near.triangle]])
    assert np.allclose(np.linalg.norm(again - queries, axis=1), near.distance)


def test_nearest_points_keep_to_their_side():
    two = np.concatenate([SQUARE, SQUARE + [0, 0, 0.2]])
    mesh = Mesh(two, np.array([[0, 1, 2], [0, 2, 3], [6, 5, 4], [7, 6, 4]]))
    query = np.array([[0.6, 0.4, 0.19]])
    assert mesh.nearest(query).triangle[0] >= 2
    assert mesh.nearest(query, np.array([[0, 0, 1.0]])).triangle[0] < 2


def test_a_similarity_is_found_among_wrong_pairs():
    here = some_points()
    turn = front_rotation("+X")
    there = 7 * here @ turn.T + [1, 2, 3]
    there[:12] += 5
    found = fit_similarity(here, there)
    assert found.scale == pytest.approx(7, rel=1e-3) and np.allclose(found.rotation, turn, atol=1e-3)
    assert np.allclose(found.undo(found.apply(here)), here)


def test_a_warp_repeats_any_affine_map_and_leaves_out_what_contradicts():
    here = some_points(300)
    there = here @ np.array([[1.4, 0.2, 0], [0, 0.7, 0.1], [0, 0, 1.1]]) + 0.03
    wrong = there.copy()
    wrong[::25] += 0.5
    warp = fit_warp(here, wrong, np.ones(300), np.zeros(300, int))
    keep = np.arange(300) % 25 > 0
    assert np.abs(warp.apply(here) - there)[keep].max() < 2e-3


def test_a_sphere_is_known_from_a_part_of_it_and_a_band_does_not_cover_it():
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    rings = [
        [0.6 * np.sin(t) * np.cos(a), 0.6 * np.sin(t) * np.sin(a), 0.6 * np.cos(t)] for t in (0.6, 0.8) for a in angles
    ]
    points = np.array(rings) + [1, 2, 3]
    center, radius = fit_sphere(points)
    assert radius == pytest.approx(0.6) and np.allclose(center, [1, 2, 3])
    next_one = np.roll(np.arange(24), -1)
    band = np.concatenate([np.stack([np.arange(24), next_one, next_one + 24], axis=1)])
    assert not covers(points, band, center)
    pole = np.concatenate([points, center[None] + [0, 0, 0.6]])
    assert covers(pole, np.concatenate([band, np.stack([np.arange(24), next_one, np.full(24, 48)], axis=1)]), center)


@pytest.mark.parametrize("name", FRONTS)
def test_fronts_are_rotations_that_bring_the_axis_to_z(name):
    turn = front_rotation(name)
    axis = np.eye(3)["XYZ".index(name[1])] * (-1 if name[0] == "-" else 1)
    assert np.linalg.det(turn) == pytest.approx(1) and np.allclose(turn @ axis, [0, 0, 1])


def test_an_unknown_front_is_told():
    with pytest.raises(UserError, match="is no direction to look in"):
        front_rotation("up")


def test_landmarks_are_read_by_name_and_number(tmp_path):
    places = {name: [number, 0, 1.5] for name, number in list(landmark_names().items())[:6]} | {"67": [1, 2, 3]}
    file = tmp_path / "landmarks.json"
    file.write_text(json.dumps({"landmarks": places}))
    found = read_landmarks(file)
    assert found.index[-1] == 67 and np.array_equal(found.points[-1], [1, 2, 3]) and len(found.index) == 7


@pytest.mark.parametrize(
    ("places", "line"),
    [
        ({"left_knee": [0, 0, 0]}, "'left_knee' is no landmark"),
        ({"chin": [0, 0]}, "the place of 'chin' is not three numbers"),
        ({"chin": "here"}, "the place of 'chin' is not three numbers"),
        ({"chin": [0, 0, 0]}, "1 landmarks are too few"),
    ],
)
def test_bad_landmarks_are_told(places, line):
    with pytest.raises(UserError, match=line):
        landmarks_from(places, "face.json")


@pytest.mark.parametrize("text", ["[1]", "{", '{"landmarks": 3}'])
def test_a_file_that_holds_no_landmarks_is_told(tmp_path, text):
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(UserError, match="bad.json"):
        read_landmarks(file)
