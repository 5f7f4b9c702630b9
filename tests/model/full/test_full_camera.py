"""Cameras from rays and from the decoder's encoding, and the way between pixels and space."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from support.full_size import camera_rays, turn

from faceanything_addon.model.full.camera import decode_pose, invert, normals, to_world, unproject, usable
from faceanything_addon.model.full.ray_pose import PoseOptions, cameras_from_rays

HEIGHT, WIDTH, GRID = 112, 84, (64, 48)
CENTRES = [(0.0, 0.0), (9.0, -6.0), (-20.0, 14.0)]
TURNS = [(0, 0, 0), (25, -10, 5), (-60, 15, -8), (140, 5, 20)]


def intrinsics(shift: tuple[float, float]) -> np.ndarray:
    return np.array([[90.0, 0, WIDTH / 2 + shift[0]], [0, 105, HEIGHT / 2 + shift[1]], [0, 0, 1]])


def solve(rays: np.ndarray, confidence: np.ndarray | None = None, **options):
    confidence = np.ones(GRID, np.float32) if confidence is None else confidence
    return cameras_from_rays(rays[None], confidence[None], HEIGHT, WIDTH, PoseOptions(**options))


@pytest.mark.parametrize("shift", CENTRES)
@pytest.mark.parametrize("angles", TURNS)
def test_rays_give_their_camera_back_wherever_its_principal_point_is(shift, angles) -> None:
    rotation, centre, k = turn(*angles), np.array([0.3, -0.2, 1.5]), intrinsics(shift)
    cameras = solve(camera_rays(rotation, centre, k, GRID, (HEIGHT, WIDTH)))
    truth = invert(np.column_stack([rotation, centre])[None])[0]
    assert np.abs(cameras.extrinsics[0] - truth).max() < 1e-5
    assert np.abs(cameras.intrinsics[0] - k).max() < 1e-3


def test_the_released_way_is_right_for_a_centred_camera_only() -> None:
    for shift, right in zip(CENTRES, (True, False, False), strict=True):
        k = intrinsics(shift)
        rays = camera_rays(turn(*TURNS[1]), np.zeros(3), k, GRID, (HEIGHT, WIDTH))
        found = solve(rays, off_centre=False).intrinsics[0]
        assert (np.abs(found - k).max() < 1e-2) == right


def test_a_third_of_wrong_rays_does_no_harm() -> None:
    draw = np.random.default_rng(1)
    rotation, centre, k = turn(*TURNS[2]), np.array([0.1, 0.2, -1]), intrinsics(CENTRES[1])
    rays = camera_rays(rotation, centre, k, GRID, (HEIGHT, WIDTH))
    wrong = draw.random(GRID) < 0.33
    rays[wrong, :3] = draw.normal(size=(wrong.sum(), 3))
    confidence = np.where(wrong, 1.2, draw.uniform(2, 5, GRID)).astype(np.float32)
    cameras = solve(rays, confidence)
    assert np.abs(cameras.extrinsics[0, :, :3] - rotation.T).max() < 0.02
    assert np.abs(cameras.intrinsics[0] - k).max() < 1.5


def test_rays_along_the_plane_are_left_out() -> None:
    rotation, k = turn(*TURNS[0]), intrinsics(CENTRES[1])
    rays = camera_rays(rotation, np.zeros(3), k, GRID, (HEIGHT, WIDTH))
    rays[:10, :, 2] = 1e-5
    rays[:10, :, 3:] = 100
    cameras = solve(rays)
    assert np.abs(cameras.extrinsics[0, :, 3]).max() < 1e-5
    assert np.abs(cameras.intrinsics[0] - k).max() < 1e-3


def test_the_same_rays_give_the_same_camera() -> None:
    draw = np.random.default_rng(2)
    rays = camera_rays(turn(*TURNS[1]), np.zeros(3), intrinsics(CENTRES[1]), GRID, (HEIGHT, WIDTH))
    rays += draw.normal(0, 0.01, rays.shape).astype(np.float32)
    first, second = solve(rays), solve(rays)
    assert np.array_equal(first.intrinsics, second.intrinsics)
    assert np.array_equal(first.extrinsics, second.extrinsics)


def test_an_encoded_camera_is_inverted_and_its_quaternion_may_have_any_length() -> None:
    half = np.radians(30) / 2
    pose = np.array([[1.0, 2, 3, 0, np.sin(half), 0, np.cos(half), np.pi / 2, 2 * np.arctan(0.5)]])
    pose = np.concatenate([pose, pose * np.array([1, 1, 1, 3, 3, 3, 3, 1, 1])])
    cameras = decode_pose(pose, 280, 504)
    truth = invert(np.column_stack([turn(30, 0, 0), [1, 2, 3]])[None])[0]
    assert np.allclose(cameras.extrinsics, truth, atol=1e-6)
    assert np.allclose(cameras.intrinsics[0], [[504, 0, 252], [0, 140, 140], [0, 0, 1]], atol=1e-3)


def test_points_project_back_to_their_pixels() -> None:
    depth = np.random.default_rng(0).uniform(1, 3, (9, 12)).astype(np.float32)
    depth[0, 0], depth[1, 2], depth[2, 3] = 0, -1, np.nan
    k = np.array([[20.0, 0, 5.5], [0, 22, 4], [0, 0, 1]])
    w2c = np.column_stack([turn(20, 5, 3).T, [0.1, 0.2, 0.3]])
    points, good = unproject(depth, k), usable(depth)
    assert good.sum() == depth.size - 3
    world = to_world(points, w2c)[good]
    seen = (world @ w2c[:, :3].T + w2c[:, 3]) @ k.T
    v, u = np.nonzero(good)
    assert np.allclose(seen[:, :2] / seen[:, 2:], np.column_stack([u, v]), atol=1e-4)


def test_normals_of_a_wall_face_the_camera() -> None:
    k = np.array([[20.0, 0, 6], [0, 20, 4], [0, 0, 1]])
    found = normals(unproject(np.full((8, 12), 2, np.float32), k))
    assert np.allclose(found[:-1, :-1], [0, 0, -1], atol=1e-6) and not found[-1].any() and not found[:, -1].any()
