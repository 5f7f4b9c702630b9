"""What the user keyed, duplicated or layered stays when a performance is applied again."""

# SPDX-License-Identifier: GPL-3.0-or-later
from math import degrees

import bpy
import pytest
from keyed import add_armature, add_mesh
from support.performance import make_performance

from faceanything_addon.blender.edit.layers import add_layers
from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.blender.retarget.layers import PUNCH, layer_tracks, put_strip, slot_of, strips_of
from faceanything_addon.retarget import Mapping, Target

JAW = Mapping("jaw", {"jawOpen": Target((("jawOpen", 1.0),))})


@pytest.fixture
def scene():
    scene = bpy.context.scene
    scene.render.fps = 30
    return scene


@pytest.fixture
def rig():
    rig = add_armature()
    add_mesh("Face", ["jawOpen", "Wrinkle"], rig)
    return rig


def apply(performance=None, name="Face", **options):
    character = find_character(bpy.context.scene, name)
    return retarget(bpy.context.scene, performance or make_performance(30), character, Options(JAW, **options))


def turn(rig, frame, bone="head"):
    """Degrees by which a bone is turned from its rest."""
    bpy.context.scene.frame_set(frame)
    pose = rig.pose.bones[bone]
    quaternion = pose.rotation_quaternion if pose.rotation_mode == "QUATERNION" else pose.rotation_euler.to_quaternion()
    angle = degrees(quaternion.angle)
    return min(angle, 360 - angle)


def key_neck(rig):
    neck = rig.pose.bones["neck"]
    for frame, x in ((1, 0.0), (11, 1.0)):
        neck.location.x = x
        neck.keyframe_insert("location", index=0, frame=frame)
    return lambda frame: (bpy.context.scene.frame_set(frame), neck.location.x)[1]


def key_wrinkle():
    block = bpy.data.objects["Face"].data.shape_keys.key_blocks["Wrinkle"]
    for frame, value in ((1, 0.0), (11, 1.0)):
        block.value = value
        block.keyframe_insert("value", frame=frame)
    return lambda frame: (bpy.context.scene.frame_set(frame), block.value)[1]


def test_what_was_keyed_by_hand_in_the_performances_action_goes_on_when_another_is_applied(rig):
    apply(head=rig, bone="head")
    neck, wrinkle = key_neck(rig), key_wrinkle()
    before = [play(frame) for play in (neck, wrinkle) for frame in (1, 4, 9, 11)]
    apply(make_performance(20), head=rig, bone="head")
    assert [play(frame) for play in (neck, wrinkle) for frame in (1, 4, 9, 11)] == pytest.approx(before, abs=1e-6)
    assert before[3] == before[7] == 1


@pytest.mark.parametrize("how", ["elsewhere", "locked", "off"])
def test_the_head_goes_to_rest_and_the_users_keys_beside_it_go_on(scene, rig, how):
    other = bpy.data.objects.new("other", None)
    scene.collection.objects.link(other)
    apply(head=rig, bone="head")
    neck = key_neck(rig)
    before = [neck(frame) for frame in (1, 4, 11)]
    assert turn(rig, 15) > 3
    rig.pose.bones["head"].lock_rotation = [how == "locked"] * 3
    apply(**{"elsewhere": {"head": other}, "locked": {"head": rig, "bone": "head"}, "off": {}}[how])
    assert [turn(rig, frame) for frame in (1, 15, 25)] == pytest.approx([0, 0, 0], abs=1e-3)
    assert [neck(frame) for frame in (1, 4, 11)] == pytest.approx(before, abs=1e-6)


def test_a_duplicate_does_not_take_the_head_motion_of_its_original(scene, rig):
    apply(head=rig, bone="head")
    before = [turn(rig, frame) for frame in (1, 15, 25)]
    face = bpy.data.objects["Face"]
    copy, bones = face.copy(), rig.copy()
    copy.data = face.data.copy()
    copy.data.shape_keys.animation_data_clear()
    bones.animation_data_clear()
    for item in (copy, bones):
        scene.collection.objects.link(item)
    copy.parent = bones
    apply(make_performance(20), copy.name, head=bones, bone="head")
    assert [turn(rig, frame) for frame in (1, 15, 25)] == pytest.approx(before, abs=1e-4) and before[1] > 3


def test_a_turn_that_was_pushed_onto_a_track_is_left_too(scene, rig):
    apply(head=rig, bone="head")
    data = rig.animation_data
    action, slot = data.action, slot_of(data)
    strip = data.nla_tracks.new().strips.new("below", 1, action)
    if slot is not None:
        strip.action_slot = slot
    data.action = None
    assert turn(rig, 15) > 3
    apply(head=rig, bone="neck")
    assert [turn(rig, frame) for frame in (1, 15, 25)] == pytest.approx([0, 0, 0], abs=1e-3)
    assert turn(rig, 15, "neck") > 3


def test_layers_of_the_head_are_there_again_when_its_turn_comes_back(scene, rig):
    other = bpy.data.objects.new("other", None)
    scene.collection.objects.link(other)
    apply(head=rig, bone="head")
    add_layers(scene, find_character(scene, "Face"))
    data = rig.animation_data
    _, captured = strips_of(data, "Captured")[0]
    second = put_strip(data, PUNCH, captured.action.copy(), None, (10.0, 20.0), data.nla_tracks[0])
    if slot_of(captured) is not None:
        second.action_slot = second.action.slots[captured.action_slot.identifier]
    offset = rig.pose.bones["head"]
    offset.rotation_quaternion = (0.9, 0.436, 0, 0)
    offset.keyframe_insert("rotation_quaternion", frame=25)
    before, tracks = [turn(rig, frame) for frame in (5, 15, 25)], layer_tracks(data)
    apply(head=other)
    assert all(track.mute for track in data.nla_tracks if track.name in tracks)
    apply(head=rig, bone="head")
    assert [turn(rig, frame) for frame in (5, 15, 25)] == pytest.approx(before, abs=0.05)
    assert layer_tracks(data) == tracks and not any(track.mute for track in data.nla_tracks)


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ"])
@pytest.mark.parametrize("shown", [1, 15, 25])
def test_an_axis_that_was_locked_after_an_apply_stands_at_rest_wherever_the_take_had_been_left(scene, rig, mode, shown):
    head = rig.pose.bones["head"]
    head.rotation_mode = mode
    apply(head=rig, bone="head")
    scene.frame_set(shown)
    head.lock_rotation = (True, False, False)
    apply(head=rig, bone="head")
    scene.frame_set(15)
    angles = head.rotation_euler if mode == "XYZ" else head.rotation_quaternion.to_euler("XYZ")
    assert angles.x == pytest.approx(0, abs=1e-4) and max(abs(angles.y), abs(angles.z)) > 0.01
