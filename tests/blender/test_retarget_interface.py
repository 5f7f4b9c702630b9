"""The Retarget panel's operators, in Blender without an interface."""

# SPDX-License-Identifier: GPL-3.0-or-later
import bpy
import pytest
from keyed import add_armature, add_mesh
from support.performance import make_performance
from support.stand_in import make_take, make_template
from support.store import store_take

from faceanything_addon.blender.jobs import state
from faceanything_addon.blender.retarget import panel
from faceanything_addon.exchange.livelink import write_livelink
from faceanything_addon.retarget import load_preset, load_table

KEYS = list(load_table("vrm1").targets)


@pytest.fixture
def settings(registered):
    return bpy.context.scene.face_anything_retarget


@pytest.fixture
def face(settings):
    settings.character = add_mesh("Face", KEYS)
    return settings.character


@pytest.fixture
def recording(settings, tmp_path):
    settings.source = str(write_livelink(make_performance(20), tmp_path / "phone.csv"))


def curves(item):
    return item.animation_data is not None and item.animation_data.action is not None


def test_apply_animates_the_character_and_says_what_it_did(face, recording):
    assert bpy.ops.face_anything.retarget() == {"FINISHED"}
    assert curves(face.data.shape_keys)
    assert state.note.startswith("vrm1: 11 keys on 1 mesh, frames 1 to ") and "without a key: " in state.note


def test_the_take_above_is_used_where_no_performance_is_chosen(face, settings, tmp_path):
    bpy.context.scene.face_anything.out = str(store_take(make_take(make_template(4), 5), tmp_path / "take"))
    assert bpy.ops.face_anything.retarget() == {"FINISHED"}
    assert curves(face.data.shape_keys)


def test_head_motion_goes_onto_the_chosen_bone(face, settings, recording):
    rig = add_armature()
    settings.use_head, settings.head, settings.bone = True, rig, "head"
    bpy.ops.face_anything.retarget()
    bpy.context.scene.frame_set(1)
    before = rig.pose.bones["head"].rotation_quaternion.copy()
    bpy.context.scene.frame_set(15)
    assert before.rotation_difference(rig.pose.bones["head"].rotation_quaternion).angle > 0.1


def test_apply_can_be_undone(face, recording):
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.face_anything.retarget()
    bpy.ops.ed.undo_push(message="after")
    bpy.ops.ed.undo()
    assert not curves(bpy.data.objects["Face"].data.shape_keys)
    assert not [action for action in bpy.data.actions if action.users]


def test_a_saved_preset_is_chosen_and_drives_the_same(face, settings, recording, tmp_path):
    settings.mirror = True
    bpy.ops.face_anything.save_retarget_preset(filepath=str(tmp_path / "mine"))
    assert settings.naming == "FILE" and settings.preset == str(tmp_path / "mine.json") and not settings.mirror
    saved = load_preset(tmp_path / "mine.json")
    assert saved.mirror and "blinkLeft" in saved.targets and "blink" not in saved.targets
    assert bpy.ops.face_anything.retarget() == {"FINISHED"}


def test_a_naming_can_be_chosen(face, settings, recording):
    settings.naming = "VRM1"
    bpy.ops.face_anything.retarget()
    assert state.note.startswith("vrm1: 11 keys")


def test_the_panel_tells_the_naming(face, settings):
    context = bpy.context
    assert panel.naming_text(context) == "VRM 1 presets: 12 of 12 keys, 100%"
    settings.naming = "APPLE"
    assert panel.naming_text(context) == "12 shape keys"
    settings.naming, settings.character = "DETECT", add_mesh("Odd", ["Key 1"])
    assert panel.naming_text(context) == "1 shape keys of no known naming"
    settings.character = add_armature()
    assert panel.naming_text(context) == "no shape keys"


def test_errors_are_one_line_and_stay_in_the_panel(settings, tmp_path):
    def told(text, operator=bpy.ops.face_anything.retarget, **arguments):
        with pytest.raises(RuntimeError, match=text):
            operator(**arguments)
        assert state.error and "\n" not in state.error

    told("no character is chosen")
    settings.character = add_mesh("Face", KEYS)
    told("no performance is chosen")
    settings.source = str(tmp_path / "none.csv")
    told("cannot be read")
    settings.naming = "FILE"
    told("no preset is chosen")
    settings.naming, settings.use_head = "DETECT", True
    told("no object is chosen for the head")
    settings.use_head = False
    told("give the name of a file", bpy.ops.face_anything.save_retarget_preset, filepath=str(tmp_path / "no" / "a"))
