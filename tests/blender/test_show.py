"""A take comes into a scene that holds something already, from folders that may move, and nothing of it is lost."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest
from support.stand_in import make_take, make_template
from support.store import store_take
from support.video import write_talkie, write_video

from faceanything_addon.blender import operators, takes
from faceanything_addon.blender.jobs import state
from faceanything_addon.blender.show import frame_rate, show_take
from faceanything_addon.blender.takes import build_from_folder
from faceanything_addon.errors import UserError
from faceanything_addon.exchange.pc2 import read_pc2

FRAMES = 4


pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture(name="template", autouse=True)
def small_template(monkeypatch):
    made = make_template(6)
    monkeypatch.setattr(takes, "load_template", lambda: made)
    return made


def filmed(folder: Path, template, name: str = "clip", fps: float = 25.0, own: str = "take") -> Path:
    """A take's folder beside its footage."""
    folder.mkdir(parents=True, exist_ok=True)
    footage = folder / f"{name}.mp4"
    if not footage.exists():
        write_video(footage, FRAMES)
    take = make_take(template, FRAMES)
    info = replace(take.info, footage=str(footage), width=64, height=48, fps=fps)
    return store_take(replace(take, info=info), folder / f"{name}_{own}")


def shown(scene: bpy.types.Scene) -> list[str]:
    layers = scene.view_layers[0].layer_collection.children
    return [layer.name for layer in layers if not layer.hide_viewport and not layer.collection.hide_render]


def test_a_take_of_other_footage_hides_the_one_before(tmp_path, template):
    scene = bpy.context.scene
    show_take(bpy.context, scene, str(filmed(tmp_path, template, "first")))
    assert shown(scene) == ["first"]
    note = show_take(bpy.context, scene, str(filmed(tmp_path, template, "second")))
    assert shown(scene) == ["second"] and "hidden now: first" in note


def test_a_take_loaded_again_hides_its_older_self(tmp_path, template):
    folder = filmed(tmp_path, template)
    for _ in range(2):
        show_take(bpy.context, bpy.context.scene, str(folder))
    assert shown(bpy.context.scene) == ["clip.001"]


def test_two_faces_of_one_clip_stay_side_by_side(tmp_path, template):
    for own in ("left", "right"):
        show_take(bpy.context, bpy.context.scene, str(filmed(tmp_path, template, own=own)))
    assert shown(bpy.context.scene) == ["clip", "clip.001"]


def test_only_the_shown_take_is_heard(tmp_path, template):
    if not bpy.app.build_options.audaspace:
        pytest.skip("this bpy is built without sound")
    folders = []
    for name in ("first", "second"):
        write_talkie(tmp_path / f"{name}.mp4", 0.4)
        folders.append(str(filmed(tmp_path, template, name)))

    def heard() -> set[str]:
        editor = bpy.context.scene.sequence_editor
        return {strip.name for strip in getattr(editor, "strips", None) or editor.sequences if not strip.mute}

    for folder, name in ((folders[0], "first"), (folders[1], "second"), (folders[0], "first")):
        show_take(bpy.context, bpy.context.scene, folder)
        assert heard() == {name}


def test_a_change_of_the_frame_rate_is_told_where_something_moves_already(tmp_path, template):
    scene, folder = bpy.context.scene, str(filmed(tmp_path, template))
    scene.render.fps = 30
    assert "per second" not in show_take(bpy.context, scene, folder)
    scene.render.fps = 30
    assert "from 30 to 25 frames per second" in show_take(bpy.context, scene, folder)
    assert frame_rate(scene) == 25


def test_a_change_of_range_and_size_is_told_where_something_moves_already(tmp_path, template):
    scene, folder = bpy.context.scene, str(filmed(tmp_path, template))
    assert "range and size" not in show_take(bpy.context, scene, folder)
    assert "range and size" not in show_take(bpy.context, scene, folder)
    scene.frame_end = 250
    assert "the scene has the take's range and size now" in show_take(bpy.context, scene, folder)


def test_what_the_panel_last_said_is_of_the_file_that_is_open():
    state.note, state.error = "clip: 75 frames", "no face"
    bpy.ops.wm.read_homefile(use_empty=True)
    assert state.note == state.error == ""


def test_a_saved_scene_and_its_footage_and_cache_move_together(tmp_path, template):
    before, after = tmp_path / "before", tmp_path / "after"
    folder = filmed(before, template)
    bpy.ops.wm.save_as_mainfile(filepath=str(before / "shot.blend"))
    built = build_from_folder(bpy.context.scene, folder, key_limit=2)
    bpy.ops.wm.save_as_mainfile(filepath=str(before / "shot.blend"), relative_remap=False)
    face, plate = built.face.name, built.plate.name
    before.rename(after)
    bpy.ops.wm.open_mainfile(filepath=str(after / "shot.blend"))
    cache = bpy.data.objects[face].modifiers["Face Anything cache"].filepath
    for stored in (bpy.data.images[plate].filepath, cache):
        assert stored.startswith("//") and Path(os.path.realpath(bpy.path.abspath(stored))).is_file()


def test_paths_stay_absolute_where_the_user_wants_that(tmp_path, template):
    folder = filmed(tmp_path, template)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.context.preferences.filepaths.use_relative_paths = False
    try:
        built = build_from_folder(bpy.context.scene, folder)
    finally:
        bpy.context.preferences.filepaths.use_relative_paths = True
    assert built.plate is not None and built.plate.filepath == str(tmp_path / "clip.mp4")


@pytest.mark.parametrize("beside", [True, False])
def test_footage_that_moved_with_its_take_is_found(tmp_path, template, beside):
    folder = filmed(tmp_path / "before", template)
    if not beside:
        (tmp_path / "before" / "clip.mp4").rename(folder / "clip.mp4")
    (tmp_path / "before").rename(tmp_path / "after")
    built = build_from_folder(bpy.context.scene, tmp_path / "after" / folder.name)
    assert built.plate is not None


def test_a_cache_that_cannot_be_written_leaves_the_scene_as_it_was(tmp_path, template):
    folder, scene = filmed(tmp_path, template), bpy.context.scene
    (folder / "face.pc2").mkdir()
    scene.render.fps = 30
    with pytest.raises(UserError, match=r"face\.pc2"):
        build_from_folder(scene, folder, key_limit=2)
    assert not scene.objects and not scene.collection.children and not bpy.data.cameras
    assert scene.render.fps == 30 and scene.camera is None


def test_long_takes_play_from_a_cache_with_all_their_frames(tmp_path, template):
    built = build_from_folder(bpy.context.scene, filmed(tmp_path, template), key_limit=2)
    assert read_pc2(tmp_path / "clip_take" / "face.pc2").shape[:2] == (FRAMES, len(built.face.data.vertices))


def test_the_panel_speaks_of_the_take_that_was_loaded(tmp_path, template):
    settings = bpy.context.scene.face_anything
    settings.footage = str(write_video(tmp_path / "other.mp4", FRAMES))
    folder = filmed(tmp_path, template)
    bpy.ops.face_anything.load_take(directory=str(folder) + "/")
    assert settings.out.rstrip("/") == str(folder) and settings.footage == str(tmp_path / "clip.mp4")
    (tmp_path / "clip.mp4").unlink()
    settings.footage = str(tmp_path / "other.mp4")
    bpy.ops.face_anything.load_take(directory=str(folder) + "/")
    assert settings.footage == str(tmp_path / "other.mp4")


def test_a_job_ends_in_the_scene_it_was_started_in(tmp_path):
    first = bpy.context.scene
    started = SimpleNamespace(_scene=first.session_uid)
    other = bpy.data.scenes.new("other")
    bpy.context.window.scene = other
    assert operators.JobOperator.scene(started, bpy.context) == first
    bpy.data.scenes.remove(first)
    assert operators.JobOperator.scene(started, bpy.context) == other


def test_escape_stops_playback_not_the_capture():
    job = SimpleNamespace(cancel=lambda: pytest.fail("cancelled"), finished=False)
    state.job = job
    try:
        event = SimpleNamespace(type="ESC", value="PRESS")
        assert operators.JobOperator.modal(SimpleNamespace(alone=False), bpy.context, event) == {"PASS_THROUGH"}
    finally:
        state.job = None


def test_moved_footage_of_another_system_is_found_by_its_name(tmp_path, template):
    folder = filmed(tmp_path, template)
    record = folder / "take.json"
    record.write_text(record.read_text().replace(str(tmp_path / "clip.mp4"), "C:\\\\shots\\\\clip.mp4"))
    assert build_from_folder(bpy.context.scene, folder).plate is not None
    shutil.rmtree(folder)
