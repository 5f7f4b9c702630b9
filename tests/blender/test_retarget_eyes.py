"""A performance's gaze onto the eyes of a take's own rig."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from keyed import add_mesh
from mathutils import Vector
from support.performance import make_performance, one_shape
from support.stand_in import make_take, make_template
from support.store import store_take

from faceanything_addon.blender.edit import Punch, add_layers, punch_in, remove_punch_ins
from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.blender.scene import SceneOptions, build_take
from faceanything_addon.blender.space import object_vertices
from faceanything_addon.retarget import load_table
from faceanything_addon.retarget.mirror import mirrored
from faceanything_addon.template.shape import shown_gaze

OTHER = make_performance(20, start=1.0)


@pytest.fixture
def built():
    scene = bpy.context.scene
    template = make_template(6)
    made = build_take(scene, make_take(template, 20), template, SceneOptions(plate=False, sound=False))
    assert find_character(scene).meshes == (made.rig,)
    return made


def eyes(built, root="rig"):
    """The pair under the rig, or under the head; left first."""
    return [bpy.data.objects[f"{built.collection.name} {root} eye.{side}"] for side in "LR"]


def looks(pair, frames):
    """Where the eyes look (F, 2, 3), object axes."""
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        out.append([eye.matrix_basis.to_quaternion() @ Vector((0, -1, 0)) for eye in pair])
    return np.array(out)


def wanted(performance, count):
    return object_vertices(shown_gaze(performance.gaze[:count]))


def apply(performance, **options):
    scene = bpy.context.scene
    return retarget(scene, performance, find_character(scene), Options(**options))


def test_the_eyes_of_a_takes_rig_look_where_another_performance_does(built):
    before, head = looks(eyes(built), [10]), looks(eyes(built, "head"), [10])
    apply(OTHER)
    assert np.abs(looks(eyes(built), range(1, 21)) - wanted(OTHER, 20)).max() < 1e-4
    assert np.abs(looks(eyes(built), [10]) - before).max() > 0.05
    assert np.array_equal(looks(eyes(built, "head"), [10]), head)


def test_mirrored_each_eye_looks_as_the_other_does_in_a_mirror(built):
    apply(OTHER, mirror=True)
    assert np.abs(looks(eyes(built), range(1, 21)) - wanted(mirrored(OTHER), 20)).max() < 1e-4
    second = make_performance(20, start=4.0)
    punch_in(bpy.context.scene, find_character(bpy.context.scene), second, Punch(5, 15, 0, 0))
    assert np.abs(looks(eyes(built), range(6, 15)) - wanted(mirrored(second), 20)[5:14]).max() < 1e-4


def test_without_a_gaze_the_eyes_follow_the_coefficients(built):
    apply(one_shape("eyeLookOutLeft", 0.5, 20))
    left, right = looks(eyes(built), [10])[0]
    assert left[0] > 0.1 and np.abs(right - [0, -1, 0]).max() < 1e-4


def test_in_layers_the_captured_gaze_is_replaced_and_second_takes_stay(built):
    scene, character = bpy.context.scene, find_character(bpy.context.scene)
    add_layers(scene, character)
    second = make_performance(20, start=4.0)
    punch_in(scene, character, second, Punch(5, 15, 0, 0))
    punched = looks(eyes(built), range(6, 15))
    apply(OTHER)
    for eye in eyes(built):
        assert [track.name for track in eye.animation_data.nla_tracks] == ["Captured", "Punch-in"]
        assert "Offsets" in eye.animation_data.action.name
    assert np.abs(looks(eyes(built), range(6, 15)) - punched).max() < 1e-5
    remove_punch_ins(scene, character)
    assert np.abs(looks(eyes(built), range(1, 21)) - wanted(OTHER, 20)).max() < 1e-4


def test_the_eyes_gaze_lies_in_the_action_of_the_keys_and_the_one_before_stays_in_the_file(built):
    before = [eye.animation_data.action for eye in eyes(built)]
    report = apply(OTHER)
    actions = {eye.animation_data.action for eye in eyes(built)}
    if "slots" in bpy.types.Action.bl_rna.properties:
        assert actions == {built.rig.data.shape_keys.animation_data.action} and len(report.actions) == 1
    assert all(action.use_fake_user for action in before)
    assert not any(eye.animation_data.nla_tracks for eye in eyes(built))


def test_a_character_of_another_kind_leaves_a_takes_eyes_alone(built):
    before = looks(eyes(built), [10])
    add_mesh("Face", ["jawOpen"])
    retarget(bpy.context.scene, OTHER, find_character(bpy.context.scene, "Face"), Options(load_table("apple")))
    assert np.array_equal(looks(eyes(built), [10]), before)


@pytest.fixture
def settings(registered):
    return bpy.context.scene.face_anything_retarget


def test_one_undo_takes_the_gaze_back_with_the_keys(settings, built, tmp_path):
    name, take = f"{built.collection.name} rig eye.L", make_take(make_template(6), 20)
    backwards = replace(take, frames=replace(take.frames, gaze=take.frames.gaze[::-1].copy()))
    settings.character, settings.source = built.rig, str(store_take(backwards, tmp_path / "take"))
    before = looks([bpy.data.objects[name]], [2])
    bpy.context.preferences.edit.use_global_undo = True
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.face_anything.retarget() == {"FINISHED"}
    bpy.ops.ed.undo_push(message="after")
    assert np.abs(looks([bpy.data.objects[name]], [2]) - before).max() > 0.05
    bpy.ops.ed.undo()
    assert np.abs(looks([bpy.data.objects[name]], [2]) - before).max() < 1e-6
