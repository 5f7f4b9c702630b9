"""The Edit panel's operators and settings, in Blender without an interface."""

# SPDX-License-Identifier: GPL-3.0-or-later
import bpy
import numpy as np
import pytest
from drawn import Drawn
from keyed import add_armature, add_mesh
from support.performance import make_performance, one_shape

from faceanything_addon.blender.edit import panel
from faceanything_addon.blender.edit.properties import edit_settings
from faceanything_addon.blender.jobs import state
from faceanything_addon.blender.retarget.actor import set_profile
from faceanything_addon.blender.retarget.characters import Character
from faceanything_addon.exchange.livelink import write_livelink
from faceanything_addon.retarget import load_table
from faceanything_addon.retarget.calibration import ActorProfile

KEYS = list(load_table("apple").targets)


@pytest.fixture
def face(registered, tmp_path):
    """Layered, with a head."""
    bpy.context.scene.render.fps = 30
    settings = bpy.context.scene.face_anything_retarget
    item = add_mesh("Face", KEYS, add_armature())
    settings.character, settings.use_head, settings.head, settings.bone = item, True, item.parent, "head"
    settings.source = str(write_livelink(make_performance(60), tmp_path / "phone.csv"))
    bpy.ops.face_anything.retarget()
    assert bpy.ops.face_anything.add_layers() == {"FINISHED"}
    return item


def value(name, frame):
    bpy.context.scene.frame_set(frame)
    return bpy.data.objects["Face"].data.shape_keys.key_blocks[name].value


def names():
    data = bpy.data.objects["Face"].data.shape_keys.animation_data
    return [track.name for track in data.nla_tracks]


def test_a_changed_setting_is_seen_at_once(face):
    before = {name: value(name, 20) for name in KEYS}
    face.face_anything_edit.gain_mouth = 0.5
    face.face_anything_edit.use_brows = False
    assert value("mouthSmileLeft", 20) == pytest.approx(before["mouthSmileLeft"] / 2, abs=1e-5)
    assert value("browInnerUp", 20) == 0 and value("jawOpen", 20) == pytest.approx(before["jawOpen"], abs=1e-5)
    face.face_anything_edit.gain_mouth, face.face_anything_edit.use_brows = 1.0, True
    assert all(value(name, 20) == pytest.approx(before[name], abs=1e-6) for name in KEYS)


def test_the_panel_says_how_many_keys_remain(face):
    face.face_anything_edit.keys = "WEIGHT"
    kept, _, rest = state.note.partition(" of ")
    assert int(kept.replace(",", "")) < int(rest.split()[0].replace(",", "")) / 3 and state.note.endswith("%)")
    assert "3,360 keys" in state.note


def test_head_motion_is_switched_off(face):
    face.face_anything_edit.use_head = False
    bpy.context.scene.frame_set(20)
    assert face.parent.pose.bones["head"].rotation_quaternion.angle < 1e-4


def test_a_second_take_is_punched_in_and_removed(face, tmp_path):
    before = value("jawOpen", 30)
    settings = face.face_anything_edit
    assert fails(bpy.ops.face_anything.punch_in) == "no second take is chosen; set Second Take in the Edit panel"
    settings.second = str(write_livelink(make_performance(60, start=2.0), tmp_path / "second.csv"))
    settings.start, settings.end = 20, 40
    assert bpy.ops.face_anything.punch_in() == {"FINISHED"} and names() == ["Captured", "Punch-in"]
    assert abs(value("jawOpen", 30) - before) > 0.05
    assert bpy.ops.face_anything.remove_punch_ins() == {"FINISHED"} and names() == ["Captured"]
    assert value("jawOpen", 30) == pytest.approx(before, abs=1e-6)


def test_a_moved_strip_is_followed_after_update(face, tmp_path):
    settings = face.face_anything_edit
    settings.second = str(write_livelink(make_performance(60, start=2.0), tmp_path / "second.csv"))
    settings.start, settings.end, settings.blend_in, settings.blend_out = 10, 20, 0, 0
    bpy.ops.face_anything.punch_in()
    shown = [value("jawOpen", frame) for frame in range(11, 20)]
    settings.gain_brows = 0.5
    strip = face.data.shape_keys.animation_data.nla_tracks["Punch-in"].strips[0]
    strip.frame_end, strip.frame_start = 45, 35
    strip.frame_end = 45
    bpy.ops.face_anything.update_edit()
    assert np.abs(np.subtract(shown, [value("jawOpen", frame) for frame in range(36, 45)])).max() < 1e-4


@pytest.mark.parametrize("step", ["add_layers", "setting", "punch_in"])
def test_each_step_is_undone_by_one_undo(registered, tmp_path, step):
    face_ = add_mesh("Face", KEYS)
    settings = bpy.context.scene.face_anything_retarget
    settings.character = face_
    settings.source = str(write_livelink(make_performance(60), tmp_path / "phone.csv"))
    bpy.ops.face_anything.retarget()
    if step != "add_layers":
        bpy.ops.face_anything.add_layers()
    face_.face_anything_edit.second = settings.source
    face_.face_anything_edit.start, face_.face_anything_edit.end = 5, 20
    before, tracks = value("jawOpen", 10), names()
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="before")
    if step == "setting":
        face_.face_anything_edit.gain_jaw = 0.5
    else:
        getattr(bpy.ops.face_anything, step)()
    bpy.ops.ed.undo_push(message="after")
    assert names() != tracks
    bpy.ops.ed.undo()
    assert names() == tracks and value("jawOpen", 10) == pytest.approx(before, abs=1e-6)


def test_another_performance_is_edited_as_the_first_was(face, tmp_path):
    face.face_anything_edit.gain_jaw = 0.5
    settings = bpy.context.scene.face_anything_retarget
    settings.source = str(write_livelink(make_performance(60, start=7.0), tmp_path / "other.csv"))
    bpy.ops.face_anything.retarget()
    halved = value("jawOpen", 20)
    face.face_anything_edit.gain_jaw = 1.0
    assert halved == pytest.approx(value("jawOpen", 20) / 2, abs=1e-5) and halved > 0.01


def fails(operator):
    with pytest.raises(RuntimeError) as caught:
        operator()
    assert "Traceback" not in str(caught.value)
    return str(caught.value).strip().removeprefix("Error: ")


def test_what_was_never_captured_is_one_line(registered):
    assert "no character is chosen" in fails(bpy.ops.face_anything.add_layers)
    bpy.context.view_layer.objects.active = add_mesh("Face", KEYS)
    assert "Face: has no performance yet" in fails(bpy.ops.face_anything.add_layers)


def test_the_panel_draws_before_and_after_layers(registered, face):
    for layered in (True, False):
        item = face if layered else add_mesh("Other", KEYS)
        bpy.context.view_layer.objects.active = item
        drawn = Drawn()
        panel.FACEANYTHING_PT_edit.draw(type("P", (), {"layout": drawn})(), bpy.context)
        assert ("gain_mouth" in drawn.seen) is layered and ("face_anything.add_layers" in drawn.seen) is not layered


def test_a_second_take_is_seen_as_the_actors_profile_sees_it(face, tmp_path):
    set_profile(bpy.context, ActorProfile(neutral={"jawOpen": 0.2}, gains={"jawOpen": 2.0}))
    settings = face.face_anything_edit
    settings.second = str(write_livelink(one_shape("jawOpen", 0.36, 60), tmp_path / "second.csv"))
    settings.start, settings.end, settings.blend_in, settings.blend_out = 20, 40, 0, 0
    bpy.ops.face_anything.punch_in()
    assert value("jawOpen", 30) == pytest.approx(2 * (0.36 - 0.2) / 0.8, abs=1e-3)
    bpy.context.scene.face_anything_actor.use = False
    bpy.ops.face_anything.remove_punch_ins()
    bpy.ops.face_anything.punch_in()
    assert value("jawOpen", 30) == pytest.approx(0.36, abs=1e-3)


def test_settings_stay_with_the_face_when_it_moves_to_another_collection(registered, tmp_path):
    face, _ = add_mesh("Face", KEYS, add_armature()), add_mesh("Eyes", KEYS, bpy.data.objects["rig"])
    settings = bpy.context.scene.face_anything_retarget
    settings.character, settings.source = face, str(write_livelink(make_performance(60), tmp_path / "phone.csv"))
    bpy.ops.face_anything.retarget()
    bpy.ops.face_anything.add_layers()
    before = value("jawOpen", 20)
    face.face_anything_edit.gain_jaw = 0.5
    assert value("jawOpen", 20) == pytest.approx(before / 2, abs=1e-5)
    moved = bpy.data.collections.new("geometry")
    bpy.context.scene.collection.children.link(moved)
    moved.objects.link(face)
    bpy.context.scene.collection.objects.unlink(face)
    bpy.ops.face_anything.update_edit()
    assert value("jawOpen", 20) == pytest.approx(before / 2, abs=1e-5)


@pytest.mark.parametrize("order", [("Brows", "Face", "Teeth"), ("Teeth", "Face", "Brows")])
def test_the_mesh_that_keeps_the_settings_does_not_depend_on_the_order(registered, order):
    meshes = {name: add_mesh(name, KEYS) for name in order}
    character = Character("Face", tuple(meshes.values()), tuple(KEYS))
    assert edit_settings(character).id_data == meshes["Brows"]
    meshes["Face"].face_anything_edit.smooth = 0.5
    assert edit_settings(character).id_data == meshes["Face"]


def renamed_head(face):
    face.parent.data.bones["head"].name = "DEF-head"
    return face.parent.pose.bones["DEF-head"]


def head_angle(bone, frame):
    bpy.context.scene.frame_set(frame)
    return bone.rotation_quaternion.angle


def test_a_head_bone_that_was_renamed_is_left_as_it_was_and_said(face):
    before = value("jawOpen", 20)
    bone = renamed_head(face)
    turn = head_angle(bone, 20)
    face.face_anything_edit.gain_jaw = face.face_anything_edit.gain_head = 0.5
    assert value("jawOpen", 20) == pytest.approx(before / 2, abs=1e-5) and state.error == ""
    assert head_angle(bone, 20) == pytest.approx(turn, abs=1e-4) and turn > 0.1
    assert "; rig: has no bone 'head' any more, the head stays as it was; give the bone its old name" in state.note


@pytest.mark.parametrize("cure", ["old name", "bone"])
def test_the_head_is_edited_again_after_the_cure_that_was_named(face, cure):
    bone = renamed_head(face)
    turn = head_angle(bone, 20)
    face.face_anything_edit.gain_head = 0.5
    assert "choose Bone in the Retarget panel and press Apply" in state.note
    if cure == "bone":
        bpy.context.scene.face_anything_retarget.bone = bone.name
        bpy.ops.face_anything.retarget()
    else:
        face.parent.data.bones[bone.name].name = "head"
    bpy.ops.face_anything.update_edit()
    bone = face.parent.pose.bones["head" if cure == "old name" else "DEF-head"]
    assert head_angle(bone, 20) == pytest.approx(turn / 2, abs=1e-3)
    assert "no bone" not in state.note and state.error == ""


def test_second_takes_come_and_go_without_the_head_bone(face, tmp_path):
    settings = face.face_anything_edit
    settings.second = str(write_livelink(make_performance(60, start=2.0), tmp_path / "second.csv"))
    settings.start, settings.end, settings.blend_in, settings.blend_out = 10, 30, 0, 0
    plain = head_angle(face.parent.pose.bones["head"], 20)
    bpy.ops.face_anything.punch_in()
    second = value("jawOpen", 20)
    bone = renamed_head(face)
    assert abs(head_angle(bone, 20) - plain) > 0.02
    assert bpy.ops.face_anything.remove_punch_ins() == {"FINISHED"}
    assert names() == ["Captured"] and head_angle(bone, 20) == pytest.approx(plain, abs=1e-4)
    assert bpy.ops.face_anything.punch_in() == {"FINISHED"} and value("jawOpen", 20) == pytest.approx(second, abs=1e-6)


@pytest.mark.parametrize("cure", ["old name", "apply"])
def test_a_key_that_was_renamed_is_left_as_captured_and_said_until_one_of_the_cures_that_are_named(face, cure):
    before = value("jawOpen", 20)
    block = face.data.shape_keys.key_blocks["jawOpen"]
    block.name = "Mouth_Open"
    face.face_anything_edit.gain_jaw = 0.5
    assert value("Mouth_Open", 20) == pytest.approx(before, abs=1e-5) and state.error == ""
    assert "; jawOpen: no longer on Face; a renamed key stays as captured" in state.note
    if cure == "old name":
        block.name = "jawOpen"
        bpy.ops.face_anything.update_edit()
        assert value("jawOpen", 20) == pytest.approx(before / 2, abs=1e-5)
    else:
        bpy.ops.face_anything.retarget()
        bpy.ops.face_anything.update_edit()
    assert "no longer" not in state.note and state.error == ""
