"""The panels Bones and Actor, in Blender without an interface."""

# SPDX-License-Identifier: GPL-3.0-or-later
from types import SimpleNamespace

import bpy
import numpy as np
import pytest
from boned import add_head
from drawn import Drawn
from support.performance import one_shape

import faceanything_addon
from faceanything_addon.blender.jobs import state
from faceanything_addon.blender.operators import JobOperator
from faceanything_addon.blender.retarget.actor import (
    FACEANYTHING_PT_actor,
    panel_performance,
    panel_profile,
    set_profile,
)
from faceanything_addon.blender.retarget.bones import panel as bones_panel
from faceanything_addon.blender.retarget.bones.job import StepsJob
from faceanything_addon.blender.retarget.bones.operators import FACEANYTHING_OT_retarget_bones
from faceanything_addon.blender.retarget.bones.rigs import STORED, store_map
from faceanything_addon.exchange.arkit_json import write_arkit_json
from faceanything_addon.exchange.livelink import write_livelink
from faceanything_addon.retarget.bones import load_bones
from faceanything_addon.retarget.calibration import ActorProfile, load_profile

MAPS = {}
NAMES = ("lip_upper", "lip_lower", "lip_corner_left", "lip_corner_right", "lid_upper_left")


@pytest.fixture
def scene(tmp_path):
    faceanything_addon.register()
    scene = bpy.context.scene
    played = one_shape("jawOpen", 0.0, 60)
    played.coefficients[:, played.names.index("jawOpen")] = 0.1 + 0.4 * np.hanning(60)
    scene.face_anything_retarget.source = str(write_arkit_json(played, tmp_path / "played.json"))
    scene.render.fps = 30
    yield scene
    faceanything_addon.unregister()


@pytest.fixture
def rig(scene):
    rig, _, MAPS["rig"] = add_head()
    scene.face_anything_retarget.character = rig
    return rig


def refused(operator, told, **settings):
    with pytest.raises(RuntimeError, match=told):
        operator(**settings)
    assert told in state.error


def test_bones_are_assigned_applied_saved_and_loaded_by_buttons(scene, rig, tmp_path):
    operators, settings = bpy.ops.face_anything, scene.face_anything_bones
    refused(operators.retarget_bones, "of no known rig")
    refused(operators.assign_bone, "has no active bone")
    for name in NAMES:
        rig.data.bones.active = rig.data.bones[f"b.{name}"]
        settings.point, settings.tail = name, name.startswith("lid")
        settings.moves = "turn" if name.startswith("lid") else "place"
        assert operators.assign_bone() == {"FINISHED"}
    rig.data.bones.active, settings.point, settings.moves = rig.data.bones["jaw"], "NOWHERE", "both"
    operators.assign_bone()
    for part in ("head", "neck"):
        rig.data.bones.active, settings.point = rig.data.bones[part], part
        operators.assign_bone()
    assert operators.retarget_bones() == {"FINISHED"} and "bones, frames 1 to" in state.note
    scene.frame_set(30)
    assert rig.pose.bones["jaw"].rotation_quaternion.angle > 0.05
    file = tmp_path / "mine.json"
    operators.save_bone_preset(filepath=str(file))
    assert load_bones(file).neck == ("neck",) and len(load_bones(file).bones) == len(NAMES) + 1
    operators.clear_bones()
    refused(operators.retarget_bones, "of no known rig")
    operators.load_bone_preset(filepath=str(file))
    assert operators.retarget_bones() == {"FINISHED"}


def test_escape_stops_the_solving_and_puts_the_rig_back():
    put_back = []

    def steps():
        try:
            yield 0.1
            yield 0.2
        finally:
            put_back.append(True)

    state.job = job = StepsJob("Solving the bones", steps())
    next(job._steps)
    operator = SimpleNamespace(alone=FACEANYTHING_OT_retarget_bones.alone, _end=lambda context, job: {"CANCELLED"})
    try:
        for event, answer in ((("LEFTMOUSE", "PRESS"), "RUNNING_MODAL"), (("ESC", "PRESS"), "CANCELLED")):
            heard = SimpleNamespace(type=event[0], value=event[1])
            assert JobOperator.modal(operator, bpy.context, heard) == {answer}
    finally:
        state.job = None
    assert job.cancelled and put_back


def test_poses_are_recorded_shown_and_cleared_by_buttons(rig):
    operators, jaw = bpy.ops.face_anything, rig.pose.bones["jaw"]
    refused(operators.record_pose, "no ARKit coefficient", shape="grin")
    refused(operators.record_pose, "stands in its neutral pose", shape="jawOpen")
    jaw.location.y = 0.02
    operators.record_pose(shape="jawOpen")
    jaw.location.y = 0
    operators.show_pose(shape="jawOpen")
    assert jaw.location.y == pytest.approx(0.02) and operators.retarget_bones() == {"FINISHED"}
    operators.clear_pose(shape="jawOpen")
    refused(operators.retarget_bones, "has none of the bones of")


def test_a_pose_without_size_is_refused_and_the_map_stays_as_it_was(rig):
    operators, jaw = bpy.ops.face_anything, rig.pose.bones["jaw"]
    jaw.location.y = 0.02
    operators.record_pose(shape="jawOpen")
    kept = rig[STORED]
    jaw.scale = (1, 0, 1)
    refused(operators.record_pose, "'jaw' has no size", shape="mouthClose")
    assert rig[STORED] == kept


def test_a_stored_map_that_cannot_be_read_is_told_in_the_panel_and_can_be_cleared(rig, monkeypatch):
    monkeypatch.setattr(bones_panel, "line_length", lambda _: 300)
    rig[STORED], drawn = "{}", Drawn()
    bones_panel.FACEANYTHING_PT_bones.draw(type("P", (), {"layout": drawn})(), bpy.context)
    assert any("its stored bone map" in text for text in drawn.seen)
    assert {"face_anything.load_bone_preset", "face_anything.clear_bones"} <= set(drawn.seen)
    bpy.ops.face_anything.clear_bones()
    assert STORED not in rig


def test_an_actors_profile_is_measured_saved_and_applied_and_the_file_stays(scene, tmp_path):
    operators = bpy.ops.face_anything
    column = panel_performance(bpy.context).names.index("jawOpen")
    scene.frame_set(1)
    operators.actor_neutral()
    operators.actor_gains()
    seen = panel_performance(bpy.context).coefficients[:, column]
    assert seen[0] == pytest.approx(0, abs=0.01) and seen.max() == pytest.approx(1, abs=0.02)
    scene.face_anything_actor.use = False
    assert panel_performance(bpy.context).coefficients[:, column].max() == pytest.approx(0.5, abs=0.01)
    file = tmp_path / "ada.json"
    operators.save_actor(filepath=str(file))
    operators.clear_actor()
    operators.load_actor(filepath=str(file))
    scene.face_anything_actor.use = True
    assert panel_performance(bpy.context).coefficients[:, column].max() == pytest.approx(1, abs=0.02)
    assert load_profile(file).gains["jawOpen"] > 2
    scene.frame_set(500)
    refused(operators.actor_neutral, "is not within the performance")
    file.write_text("{}")
    refused(operators.load_actor, "is no actor profile", filepath=str(file))


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"neutral": 3}', '{"gains": {"jawOpen": "x"}}'])
def test_a_profile_that_cannot_be_read_is_an_empty_one(scene, text):
    scene.face_anything_actor.text = text
    assert panel_profile(bpy.context) == ActorProfile()
    drawn = Drawn()
    FACEANYTHING_PT_actor.draw(SimpleNamespace(layout=drawn), bpy.context)
    assert "actor: 0 offsets, 0 gains" in drawn.seen


def jaw_turn(rig, frame):
    bpy.context.scene.frame_set(frame)
    return rig.pose.bones["jaw"].rotation_quaternion.angle


@pytest.fixture
def mapped(rig, scene):
    store_map(rig, MAPS["rig"])
    return rig


def test_apply_to_bones_heeds_the_edits_the_second_take_the_rate_and_the_actor(scene, mapped, tmp_path):
    edits, settings = mapped.face_anything_edit, scene.face_anything_retarget
    settings.source = str(write_arkit_json(one_shape("jawOpen", 0.4, 60), tmp_path / "first.json"))
    bpy.ops.face_anything.retarget_bones()
    plain = jaw_turn(mapped, 10)
    edits.second = str(write_arkit_json(one_shape("jawOpen", 0.2, 60), tmp_path / "second.json"))
    edits.start, edits.end, edits.blend_in, edits.blend_out = 30, 50, 0, 0
    set_profile(bpy.context, ActorProfile(gains={"jawOpen": 2.0}))
    edits.gain_jaw, edits.keys, settings.adopt_rate, scene.render.fps = 0.5, "MILLIMETRES", True, 24
    assert bpy.ops.face_anything.retarget_bones() == {"FINISHED"} and " keys (" in state.note
    assert scene.render.fps == 30
    assert jaw_turn(mapped, 10) == pytest.approx(plain, rel=0.02), "twice as much, half of which is asked for"
    assert jaw_turn(mapped, 40) == pytest.approx(plain / 2, rel=0.1), "the second take is of the same actor"
    edits.start, edits.end = 50, 90
    refused(bpy.ops.face_anything.retarget_bones, "does not cover frames 50 to 90")


def test_the_bones_panel_shows_edits_only_when_they_are_unfolded(scene, mapped):
    for shown in (False, True):
        scene.face_anything_bones.show_edits = shown
        drawn = Drawn()
        bones_panel.FACEANYTHING_PT_bones.draw(type("P", (), {"layout": drawn})(), bpy.context)
        assert ("gain_mouth" in drawn.seen) is shown and "face_anything.retarget_bones" in drawn.seen


def test_the_actors_neutral_is_of_the_moment_that_is_seen_whatever_start_and_speed(scene, tmp_path):
    rising = one_shape("jawOpen", 0.0, 61)
    rising.coefficients[:, rising.names.index("jawOpen")] = np.linspace(0, 0.6, 61)
    settings = scene.face_anything_retarget
    settings.source = str(write_livelink(rising, tmp_path / "phone.csv"))

    def neutral(frame):
        scene.frame_set(frame)
        bpy.ops.face_anything.actor_neutral()
        return panel_profile(bpy.context).neutral["jawOpen"]

    assert neutral(31) == pytest.approx(0.3, abs=0.01)
    settings.speed = 2.0
    assert neutral(21) == pytest.approx(0.4, abs=0.01)
    settings.start, settings.timecode, settings.zero = "TIMECODE", "00:00:10:00", "00:00:09:00"
    assert neutral(30 + 20) == pytest.approx(0.4, abs=0.01)
    scene.frame_set(10)
    refused(bpy.ops.face_anything.actor_neutral, "is not within the performance")
