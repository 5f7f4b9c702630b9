"""Skin from the footage on the template's UVs."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from support.stand_in import make_take, make_template

from faceanything_addon.errors import UserError
from faceanything_addon.exchange.texture import choose_frames, fill, lay_out, project_texture, vertex_normals
from faceanything_addon.take.take import camera_vertices, project
from faceanything_addon.template import Part

SIZE = 256


@pytest.fixture(scope="module")
def template():
    return make_template(12)


def test_texels_lie_on_their_triangles(template):
    texels = lay_out(template, SIZE)
    uvs = np.zeros((len(template.vertices), 2))
    uvs[template.quads.ravel()] = template.uvs[template.uv_quads.ravel()]
    quads = template.quads[(template.part[template.quads] == Part.SKIN).all(axis=1)]
    inner = np.isin(texels.corners, np.unique(quads)).all(axis=1)
    assert inner.all() and np.allclose(texels.weights.sum(axis=1), 1)
    assert len(texels.row) > 0.9 * SIZE * SIZE  # the stand-in's faces cover the whole square


def test_seen_skin_has_the_colours_of_the_footage(template, tmp_path):
    """A picture whose colours are its pixel coordinates tells where each texel was looked up."""
    height, width = 200, 240
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1], image[..., 2] = np.arange(width), np.arange(height)[:, None], 100
    cv2.imwrite(str(tmp_path / "still.png"), image[..., ::-1])
    take = make_take(template, 1, width, height, footage=str(tmp_path / "still.png"))
    texture = project_texture(take, template, SIZE).astype(float)
    texels = lay_out(template, SIZE)
    points = camera_vertices(take.frames)[0]
    facing = -(vertex_normals(points, template.quads) * points).sum(axis=1) / np.linalg.norm(points, axis=1)
    good = (facing[texels.corners] > 0.4).all(axis=1)
    place = np.einsum("nk,nkc->nc", texels.weights, points[texels.corners])
    truth = project(place[None], take.frames.intrinsics)[0]
    found = texture[texels.row[good], texels.column[good]][:, :2]
    assert good.sum() > 1000 and np.abs(found - truth[good]).max() < 1.0


def test_the_calm_frontal_frame_comes_first(template):
    take = make_take(template, 60)
    arkit = np.full_like(take.frames.arkit, 0.5)
    pose = np.tile(np.diag([1, -1, -1, 1]).astype(np.float32), (60, 1, 1))
    arkit[17] = 0
    assert choose_frames(replace(take.frames, arkit=arkit, head_pose=pose), template.expression_names) == [17]


def test_a_frame_is_shown_once_where_the_frontal_one_is_turned_too(template):
    take = make_take(template, 20)
    pose = np.tile(np.diag([1, -1, -1, 1]).astype(np.float32), (20, 1, 1))
    for number in range(20):
        angle = 0.7 + 0.01 * number
        pose[number, :3, :3] = pose[number, :3, :3] @ Rotation.from_euler("y", angle).as_matrix()
    chosen = choose_frames(
        replace(take.frames, arkit=np.zeros_like(take.frames.arkit), head_pose=pose), template.expression_names
    )
    assert chosen == [0]


def test_unknown_places_take_their_surroundings_colour():
    canvas, mask = np.zeros((32, 48, 3), np.float32), np.zeros((32, 48), np.float32)
    canvas[10:20, 10:20], mask[10:20, 10:20] = (200, 100, 50), 1
    assert np.allclose(fill(canvas, mask), (200, 100, 50), atol=1e-3)


def test_a_take_without_a_face_has_no_texture(template):
    take = make_take(template, 2)
    take = replace(take, frames=replace(take.frames, found=np.zeros(2, bool)))
    with pytest.raises(UserError, match="no frame"):
        project_texture(take, template, SIZE)
