"""The second look at the eyes: where it looks, what its answer means in the frame, what becomes of both answers."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.model.closeup import (
    EYES_FILE,
    HEIGHT,
    SIDE,
    WIDTH,
    CloseUp,
    EyeLook,
    EyeNetwork,
    EyePoints,
    cut_eye,
    eye_crop,
    in_frame,
)
from faceanything_addon.model.crop import Crop
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.template import Part, load_template

TEMPLATE = load_template()
ROWS = EyePoints.of(TEMPLATE).rows
MIDDLE = np.array([(WIDTH - 1) / 2, (HEIGHT - 1) / 2])


def look_at(points: np.ndarray, gaze: tuple[float, float, float] = (0, 0, -1), sigma: float = 1.0) -> EyeLook:
    """An answer in the eye's picture."""
    return EyeLook(points, np.full(len(points), np.log(sigma)), np.array(gaze), np.array(np.log(0.05)))


def maps_with(points: np.ndarray, sigma: float) -> FaceMaps:
    """Maps that say something of the sparse points alone."""
    empty = np.zeros((4, 4), np.float32)
    count = len(points)
    return FaceMaps(True, np.zeros((4, 4, 3), np.float32), empty, empty.astype(np.uint8), empty,
                    np.eye(3, dtype=np.float32)[:2], points.astype(np.float32),
                    np.full(count, sigma, np.float32))  # fmt: skip


class Fixed(EyeNetwork):
    """Sees the same in every picture, and keeps the pictures."""

    def __init__(self, look: EyeLook) -> None:
        self.answer, self.images = look, np.zeros(0)

    def look(self, images: np.ndarray) -> list[EyeLook]:
        self.images = images
        return [replace(self.answer, points=self.answer.points.copy()) for _ in images]


def test_the_points_of_both_eyes_mirror_each_other() -> None:
    left, right = (TEMPLATE.vertices[TEMPLATE.points[rows]] for rows in ROWS)
    assert np.allclose(left * (-1, 1, 1), right, atol=1e-5)
    assert (TEMPLATE.part[TEMPLATE.points[ROWS[0]]] == Part.EYE_LEFT).sum() >= 5


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("roll", [0.0, 0.4])
def test_a_mark_in_the_frame_is_told_at_its_place(mirrored: bool, roll: float) -> None:
    """What the cut-out picture shows at a pixel lies in the frame where `in_frame` says."""
    frame = np.zeros((200, 300, 3), np.uint8)
    frame[90:94, 170:174] = 255
    crop = Crop(165.0, 95.0, 96.0, roll)
    picture = cut_eye(frame, crop, mirrored)[..., 0].astype(float)
    y, x = (float((picture * axis).sum() / picture.sum()) for axis in np.mgrid[:HEIGHT, :WIDTH])
    assert in_frame(look_at(np.array([[x, y]])), crop, mirrored).points[0] == pytest.approx((171.5, 91.5), abs=0.1)


def test_gaze_turns_with_the_picture_and_back_in_the_mirror() -> None:
    """A picture turned clockwise by a right angle shows the frame's right as its down, and the mirror swaps sides."""
    aside = (0.6, 0.0, -0.8)
    turned = in_frame(look_at(MIDDLE[None], aside), Crop(0, 0, 96.0, np.pi / 2), False)
    assert np.allclose(turned.gaze, (0, 0.6, -0.8))
    mirrored = in_frame(look_at(MIDDLE[None], aside), Crop(0, 0, 96.0), True)
    assert np.allclose(mirrored.gaze, (-0.6, 0, -0.8))


def test_the_surer_of_two_answers_wins() -> None:
    far = np.zeros((len(TEMPLATE.points), 2)) + 100.0
    near = look_at(np.tile(MIDDLE + (3, 0), (ROWS.shape[1], 1)), sigma=0.1)
    scale = WIDTH / SIDE  # a pixel of the picture is a pixel of the frame
    maps = CloseUp(TEMPLATE, network=Fixed(near)).better(
        np.zeros((200, 200, 3), np.uint8), maps_with(far, 10.0), scale, 0.0
    )
    assert np.allclose(maps.points[ROWS[0]], (103, 100), atol=0.01)
    assert np.allclose(maps.points[ROWS[1]], (97, 100), atol=0.01), "the right eye was seen in a mirror"
    others = np.setdiff1d(np.arange(len(far)), ROWS)
    assert np.array_equal(maps.points[others], far[others].astype(np.float32))
    assert maps.gaze is not None and maps.gaze_sigma is not None
    assert np.allclose(maps.point_sigma[ROWS], 0.1) and np.allclose(maps.gaze_sigma, 0.05)


def test_an_eye_at_the_frames_edge_is_no_fault() -> None:
    look = look_at(np.tile(MIDDLE, (ROWS.shape[1], 1)))
    closeup = CloseUp(TEMPLATE, network=Fixed(look))
    points = np.full((len(TEMPLATE.points), 2), -400.0)
    maps = closeup.better(np.zeros((50, 60, 3), np.uint8), maps_with(points, 1.0), 2000.0, 0.1)
    assert np.isfinite(maps.points).all()


def test_a_damaged_file_is_one_line(tmp_path) -> None:
    path = tmp_path / "eyes.onnx"
    path.write_bytes(b"nothing")
    picture = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    with pytest.raises(UserError, match="eyes.onnx.*reinstall"):
        EyeNetwork(path).look(picture)
    with pytest.raises(UserError, match="another version"):
        EyeNetwork(EYES_FILE, points=7).look(picture)


def test_the_shipped_network_knows_a_mirror_from_its_picture() -> None:
    """Points of a mirrored frame are the mirrored points: left and right eye are one network's."""
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    crop = eye_crop(np.array([[80.0, 60.0]]), 1000.0, 0.0)
    other = Crop(159 - crop.x, crop.y, crop.side)
    network = EyeNetwork(EYES_FILE, threads=1)
    one, two = network.look(np.stack([cut_eye(frame, crop, False), cut_eye(frame[:, ::-1], other, True)]))
    assert np.allclose(one.points, two.points, atol=0.05)
    assert np.linalg.norm(one.gaze) == pytest.approx(1, abs=1e-3)
