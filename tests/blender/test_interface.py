"""Registration, operators and files, in Blender without an interface."""

# SPDX-License-Identifier: GPL-3.0-or-later
import sys
from dataclasses import replace

import bpy
import pytest
from drawn import Drawn
from support.stand_in import make_take, make_template
from support.video import write_video

import faceanything_addon
from faceanything_addon.blender import command, operators, panel, preferences, properties, requirements, takes
from faceanything_addon.blender.jobs import STAGES, CaptureJob, ThreadJob, state
from faceanything_addon.errors import UserError
from faceanything_addon.take import TakeWriter
from faceanything_addon.take.take import Take

LONG_TAKE = 70  # frames; more than one chunk on disk


@pytest.fixture
def template(monkeypatch):
    made = make_template(6)
    monkeypatch.setattr(takes, "load_template", lambda: made)
    return made


def store(take: Take, folder) -> str:
    writer = TakeWriter.open(folder, take.info)
    writer.end_evidence(len(take.frames), 0)
    writer.set_actor(take.actor)
    writer.add_frames(take.frames)
    writer.finish()
    return str(folder)


def test_register_twice():
    for _ in range(2):
        faceanything_addon.register()
        assert hasattr(bpy.types.Scene, "face_anything")
        faceanything_addon.unregister()
        assert not hasattr(bpy.types.Scene, "face_anything")


def test_load_take_builds_the_scene(registered, template, tmp_path):
    folder = store(make_take(template, LONG_TAKE), tmp_path / "take")
    assert bpy.ops.face_anything.load_take(directory=folder) == {"FINISHED"}
    collection = bpy.context.scene.collection.children["clip"]
    assert bpy.context.scene.camera.name in collection.objects
    assert bpy.context.scene.frame_end == LONG_TAKE
    assert state.note == f"clip: {LONG_TAKE} frames, footage not found"


def test_errors_are_one_line_and_stay_in_the_panel(registered, tmp_path):
    with pytest.raises(RuntimeError, match="is not a take"):
        bpy.ops.face_anything.load_take(directory=str(tmp_path))
    assert "is not a take" in state.error and "\n" not in state.error


def test_capture_without_footage_says_so(registered, monkeypatch):
    monkeypatch.setattr(requirements, "missing", list)
    with pytest.raises(RuntimeError, match="no footage is chosen"):
        bpy.ops.face_anything.capture()
    assert state.job is None


def test_capture_waits_for_the_worker_and_reports_its_error(registered, tmp_path):
    bpy.context.scene.face_anything.footage = str(tmp_path / "none.mp4")
    with pytest.raises(RuntimeError, match="no such file"):
        bpy.ops.face_anything.capture()
    assert state.job is None and "none.mp4" in state.error


def test_errors_name_buttons_not_options(registered, template, tmp_path):
    (tmp_path / "clip.mp4").write_text("")
    settings = bpy.context.scene.face_anything
    settings.footage, settings.out = str(tmp_path / "clip.mp4"), store(make_take(template, 3), tmp_path / "take")
    with pytest.raises(RuntimeError, match="add Resume to go on with it or Capture Again"):
        bpy.ops.face_anything.capture()


def chosen(**values) -> preferences.Choices:
    return preferences.Choices("python", ["packages"], None, 600, **values)


def test_the_full_size_network_runs_only_once_its_licence_is_accepted_and_its_weights_are_chosen():
    with pytest.raises(UserError, match="CC BY-NC 4.0"):
        chosen(checkpoint="w.safetensors").worker("full")
    with pytest.raises(UserError, match="Weights in the preferences"):
        chosen(licence_accepted=True).worker("full")
    ready = chosen(licence_accepted=True, checkpoint="w.safetensors", full_python="torch/python")
    assert ready.worker("full") == ("torch/python", [])
    assert replace(ready, full_python="").worker("full") == ready.worker("embedded") == ("python", ["packages"])


def test_capture_with_the_full_size_network_asks_for_the_licence(registered, tmp_path):
    settings = bpy.context.scene.face_anything
    settings.footage, settings.predictor = str(tmp_path / "clip.mp4"), "full"
    with pytest.raises(RuntimeError, match="no commercial use"):
        bpy.ops.face_anything.capture()
    assert state.job is None and "preferences" in state.error


def test_the_panels_network_settings_reach_the_job(registered, tmp_path):
    settings = bpy.context.scene.face_anything
    settings.footage, settings.masks = str(tmp_path / "clip.mp4"), str(tmp_path)
    plain = properties.clip_options(settings, None, "w.safetensors", False, False)
    assert (plain.predictor, plain.window, plain.masks) == ("embedded", None, str(tmp_path))
    settings.predictor, settings.device, settings.mode, settings.window = "full", "cpu", "one-by-one", 7
    full = properties.clip_options(settings, None, "w.safetensors", False, False)
    assert (full.predictor, full.device, full.mode, full.window) == ("full", "cpu", "one-by-one", 7)
    assert full.checkpoint == "w.safetensors"


def test_a_folder_of_pictures_has_the_rate_that_the_panel_says_and_a_video_its_own(registered, tmp_path):
    settings = bpy.context.scene.face_anything
    settings.footage, settings.fps = str(tmp_path), 23.976
    assert properties.clip_options(settings, None, "", False, False).fps == 23.976
    settings.footage = str(write_video(tmp_path / "clip.mp4", 3))
    assert properties.clip_options(settings, None, "", False, False).fps is None


@pytest.mark.parametrize("name", ["export", "save_retarget_preset", "save_bone_preset", "save_actor"])
def test_the_file_browser_warns_before_a_file_is_replaced(registered, name):
    told = getattr(bpy.ops.face_anything, name).get_rna_type().properties["check_existing"]
    assert told.default is True and told.is_hidden


def test_folders_of_pictures_whose_names_have_dots_have_takes_of_their_own(registered, tmp_path):
    settings, found = bpy.context.scene.face_anything, []
    for name in ("shot.v1", "shot.v2"):
        (tmp_path / name).mkdir()
        settings.footage = str(tmp_path / name)
        found.append(properties.take_folder(settings))
    assert found == [tmp_path / "shot.v1_take", tmp_path / "shot.v2_take"]


def test_the_panel_says_whose_take_it_is_where_other_footage_is_chosen(template, tmp_path):
    take = make_take(template, 3, footage=str(tmp_path / "A001.mov"))
    folder = tmp_path / "A001_take"
    TakeWriter.open(folder, take.info)
    for footage, told in (("A001.mov", False), ("A001.mp4", True), ("", False)):
        drawn = Drawn()
        panel.draw_actions(drawn, folder, str(tmp_path / footage) if footage else "")
        assert ("take of A001.mov" in drawn.seen) is told


def test_a_python_without_pytorch_is_told_in_the_panels_words(registered, tmp_path, monkeypatch):
    """The worker runs in this Python, in which torch is made to be missing."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "torch.py").write_text("raise ImportError('No module named torch')")
    video = write_video(tmp_path / "clip.mp4", 3)
    ready = preferences.Choices(
        sys.executable, [str(site)], None, 600, checkpoint="w.safetensors", licence_accepted=True
    )
    monkeypatch.setattr(operators, "choices", lambda context: ready)
    settings = bpy.context.scene.face_anything
    settings.footage, settings.predictor = str(video), "full"
    with pytest.raises(RuntimeError, match="Python with PyTorch"):
        bpy.ops.face_anything.capture()
    assert "torch" in state.error and not (tmp_path / "clip_take").exists()


def test_panel_knows_how_far_a_take_is(template, tmp_path):
    assert panel.take_stage(None) is None and panel.take_stage(tmp_path) is None
    TakeWriter.open(tmp_path / "begun", make_take(template, 3).info)
    assert panel.take_stage(tmp_path / "begun") == "observing"
    store(make_take(template, 3), tmp_path / "whole")
    assert panel.take_stage(tmp_path / "whole") == "complete"


def test_scene_file(template, tmp_path):
    folder = store(make_take(template, 5), tmp_path / "take")
    out = tmp_path / "new" / "scene.blend"
    command.build_scene_file(folder, out)
    bpy.ops.wm.open_mainfile(filepath=str(out))
    assert bpy.context.scene.camera.name == "clip camera"
    assert len(bpy.data.objects["clip face"].data.shape_keys.key_blocks) == 6


def test_a_preview_that_no_video_can_be_is_told_before_the_scene_is_built(template, tmp_path):
    """Nothing is written, and what is open stays open."""
    folder = store(make_take(template, 3), tmp_path / "take")
    with pytest.raises(UserError, match="a.webm: .* give a name that ends with .mp4"):
        command.build_scene_file(folder, tmp_path / "new" / "scene.blend", tmp_path / "a.webm")
    assert not (tmp_path / "new").exists()


def test_neither_scene_nor_preview_replaces_what_they_are_made_from(template, tmp_path):
    """Told before the scene is built; nothing is written."""
    footage = write_video(tmp_path / "clip.mp4")
    folder, before = store(make_take(template, 3, footage=str(footage)), tmp_path / "take"), footage.read_bytes()
    header = (tmp_path / "take" / "take.json").read_bytes()
    (tmp_path / "soft.mp4").symlink_to(footage)
    out = tmp_path / "new" / "scene.blend"
    for files in ((out, footage), (out, tmp_path / "soft.mp4"), (footage,), (tmp_path / "take" / "take.json",)):
        with pytest.raises(UserError, match=f"{files[-1].name}: is .*own .*; give another name"):
            command.build_scene_file(folder, *files)
    assert footage.read_bytes() == before and (tmp_path / "take" / "take.json").read_bytes() == header
    assert not out.parent.exists()


def test_scene_file_keeps_the_extension_registered(registered, template, tmp_path):
    command.build_scene_file(store(make_take(template, 3), tmp_path / "take"), tmp_path / "scene.blend")
    assert hasattr(bpy.types.Scene, "face_anything")


def test_views_of_windows_that_show_another_scene_stay_as_they_are(template, tmp_path):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    shown, other = bpy.context.scene, bpy.data.scenes.new("other")

    def seen_through_a_camera():
        spaces = [s for screen in bpy.data.screens for area in screen.areas for s in area.spaces if s.type == "VIEW_3D"]
        return [space.region_3d.view_perspective == "CAMERA" for space in spaces]

    before = seen_through_a_camera()
    takes.look_through_camera(other)
    assert seen_through_a_camera() == before and not all(before)
    takes.look_through_camera(shown)
    assert all(seen_through_a_camera())


def test_a_take_of_another_template_is_refused(template, tmp_path):
    other = make_template(5)
    folder = store(make_take(other, 3), tmp_path / "take")
    with pytest.raises(UserError, match="another face template"):
        takes.build_from_folder(bpy.context.scene, folder)


def test_unsupported_python_and_missing_packages_are_named(monkeypatch):
    monkeypatch.setattr(requirements, "find_spec", lambda name: None)
    assert "Python 3.12" in (requirements.problem((3, 12)) or "")
    assert "onnxruntime" in (requirements.problem((3, 11)) or "")


class Worker:
    """What a WorkerProcess says, without a process."""

    finished, take, error, was_cancelled = False, None, None, False

    def __init__(self, messages):
        self.messages = messages

    def poll(self):
        return self.messages


def test_progress_rises_over_the_stages():
    seen, worker = [], Worker([])
    job = CaptureJob(worker)
    for stage in STAGES:
        for done in (1, 50, 100):
            worker.messages = [{"stage": stage, "done": done, "total": 100, "eta": 65.0}]
            job.poll()
            seen.append(job.fraction)
    assert seen == sorted(seen) and seen[-1] == 1.0
    assert job.text.endswith("100 of 100, 1:05 left")


def test_a_thread_job_stops_and_tells_errors():
    def fails(report):
        raise UserError("clip.mp4: gone; bring it back")

    job = ThreadJob("Drawing", fails)
    while not job.finished:
        job.poll()
    assert job.error == "clip.mp4: gone; bring it back"


def test_keys_of_a_part_of_the_footage_start_at_frame_one(template):
    take = make_take(template, 4)
    take = Take(replace(take.info, start=30, end=34), take.actor, replace(take.frames, time=take.frames.time + 1.0))
    built = takes.build_take(bpy.context.scene, take, template, takes.SceneOptions())
    assert built.clock.keys.tolist() == [1, 2, 3, 4] and built.clock.plate_offset == 30
