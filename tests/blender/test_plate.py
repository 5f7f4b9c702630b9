"""The footage behind the mesh."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace
from fractions import Fraction

import bpy
import cv2
import numpy as np
import pytest
from support.stand_in import make_take, make_template
from support.video import show_by, write_video

from faceanything_addon.blender.scene import SceneOptions, build_take
from faceanything_addon.footage import open_footage
from faceanything_addon.take.take import Take


@pytest.fixture(scope="module")
def template():
    return make_template(6)


def shifted(take: Take, start: int) -> Take:
    """The same frames, taken from a later part of the footage."""
    info = replace(take.info, start=start, end=start + len(take.frames))
    return Take(info, take.actor, replace(take.frames, time=take.frames.time + start / take.info.fps))


def background(built):
    return built.camera.data.background_images[0]


def test_a_movie_lies_behind_the_mesh_and_starts_at_the_takes_first_frame(template, tmp_path):
    file = write_video(tmp_path / "clip.mp4", frames=20)
    take = make_take(template, 6, 64, 48, fps=25.0, footage=str(file))
    built = build_take(bpy.context.scene, shifted(take, 9), template, SceneOptions())
    assert built.plate.source == "MOVIE" and built.camera.data.show_background_images
    user = background(built).image_user
    assert (user.frame_start, user.frame_offset, user.frame_duration) == (1, 9, 6)


@pytest.mark.parametrize("aspect, width, method", [(Fraction(1), 64, "FIT"), (Fraction(4, 3), 85, "STRETCH")])
def test_a_movie_of_oblong_pixels_fills_the_camera_s_frame(template, tmp_path, aspect, width, method):
    file = write_video(tmp_path / "clip.mp4", pixel_aspect=aspect)
    take = make_take(template, 6, width, 48, fps=25.0, footage=str(file))
    built = build_take(bpy.context.scene, take, template, SceneOptions())
    assert tuple(built.plate.size) == (64, 48) and background(built).frame_method == method


@pytest.mark.parametrize(
    "matrix", [(1, 0, 0, 1), (-1, 0, 0, -1), (0, 1, -1, 0), (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0)]
)
def test_a_movie_stands_and_faces_as_the_capture_saw_it(template, tmp_path, matrix):
    """A selfie that its file mirrors was shown upside down behind the mesh."""
    path = show_by(write_video(tmp_path / "clip.mp4"), matrix)
    width, height = (64, 48) if matrix[0] else (48, 64)
    take = make_take(template, 3, width, height, fps=25.0, footage=str(path))
    plate = background(build_take(bpy.context.scene, take, template, SceneOptions()))
    width, height = plate.image.size
    shown = np.array(plate.image.pixels[:]).reshape(height, width, 4)[::-1, :, :3]
    shown = shown[:, ::-1] if plate.use_flip_x else shown
    shown = shown[::-1] if plate.use_flip_y else shown
    shown = np.rot90(shown, -round(plate.rotation / (np.pi / 2)))  # clockwise; before Blender 4.4 only
    seen = next(open_footage(path).frames()).image / 255
    assert shown.shape == seen.shape and np.abs(shown - seen).mean() < 0.03


def test_pictures_in_natural_order(template, tmp_path):
    for number in (8, 9, 10, 11):
        cv2.imwrite(str(tmp_path / f"shot{number}.png"), np.full((48, 64, 3), number, np.uint8))
    take = make_take(template, 3, 64, 48, fps=25.0, footage=str(tmp_path))
    built = build_take(bpy.context.scene, shifted(take, 1), template, SceneOptions())
    assert built.plate.source == "SEQUENCE" and built.plate.filepath.endswith("shot8.png")
    # Blender shows the file whose number is the scene's frame + offset: 1 + 8 = shot9, the second picture.
    assert background(built).image_user.frame_offset == 8


@pytest.mark.parametrize("name", ["shot_{:04}_graded", "shot_v2_{:04}", "{:04}"])
def test_the_number_of_a_picture_may_stand_anywhere_in_its_name(template, tmp_path, name):
    for number in (100, 101, 102):
        cv2.imwrite(str(tmp_path / f"{name.format(number)}.png"), np.full((48, 64, 3), number, np.uint8))
    take = make_take(template, 3, 64, 48, fps=25.0, footage=str(tmp_path))
    built = build_take(bpy.context.scene, shifted(take, 1), template, SceneOptions())
    assert background(built).image_user.frame_offset == 100


def test_one_picture_stays_a_picture(template, tmp_path):
    cv2.imwrite(str(tmp_path / "still.png"), np.zeros((48, 64, 3), np.uint8))
    take = make_take(template, 1, 64, 48, footage=str(tmp_path / "still.png"))
    built = build_take(bpy.context.scene, take, template, SceneOptions())
    assert built.plate.source == "FILE"
    assert (bpy.context.scene.frame_start, bpy.context.scene.frame_end) == (1, 1)


def test_a_file_that_blender_cannot_read_still_gives_a_scene(template, tmp_path):
    (tmp_path / "clip.mp4").write_text("no movie")
    take = make_take(template, 2, 64, 48, footage=str(tmp_path / "clip.mp4"))
    built = build_take(bpy.context.scene, take, template, SceneOptions())
    assert len(built.face.data.shape_keys.key_blocks) == 3
