"""What a performance no longer moves goes back to rest, and what it says nothing of is left alone."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace
from math import degrees, radians

import bpy
import numpy as np
import pytest
from keyed import add_armature, add_mesh
from mathutils import Euler
from support.performance import make_performance, one_shape

from faceanything_addon.blender.edit.layers import add_layers
from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.blender.retarget.actions import BONES, KEYS, ActionWriter
from faceanything_addon.blender.retarget.characters import owner_of
from faceanything_addon.blender.retarget.rest import release
from faceanything_addon.blender.scene.sound import OWNER
from faceanything_addon.retarget import Mapping, Target

BOTH = Mapping("both", {name: Target(((name, 1.0),)) for name in ("jawOpen", "browInnerUp")})
BROW = Mapping("brow", {"browInnerUp": BOTH.targets["browInnerUp"]})


@pytest.fixture
def scene():
    scene = bpy.context.scene
    scene.render.fps = 30
    return scene


def apply(performance, **options):
    scene = bpy.context.scene
    return retarget(scene, performance, find_character(scene), Options(**options))


def value(item, name, frame):
    bpy.context.scene.frame_set(frame)
    return item.data.shape_keys.key_blocks[name].value


@pytest.mark.parametrize("layered", [False, True])
def test_a_key_that_is_no_longer_driven_does_not_stay_as_it_was_last_seen(scene, layered):
    face, played = add_mesh("Face", BOTH.targets), one_shape("jawOpen", 0.7)
    apply(played, mapping=BOTH)
    if layered:
        add_layers(scene, find_character(scene))
    assert value(face, "jawOpen", 5) == pytest.approx(0.7)
    apply(played, mapping=BROW)
    assert [value(face, "jawOpen", frame) for frame in (1, 5, 9)] == [0, 0, 0]


def test_a_key_that_a_driver_moves_by_now_is_left_to_it(scene):
    face, played = add_mesh("Face", BOTH.targets), one_shape("jawOpen", 0.7)
    apply(played, mapping=BOTH)
    face.data.shape_keys.key_blocks["jawOpen"].driver_add("value").driver.expression = "0.3"
    apply(played, mapping=BROW)
    assert value(face, "jawOpen", 5) == pytest.approx(0.3)


def head_turn(rig):
    bpy.context.view_layer.update()
    return (rig.matrix_world @ rig.pose.bones["head"].matrix).to_quaternion()


@pytest.mark.parametrize("layered", [False, True])
@pytest.mark.parametrize("first", ["bone", "object", "elsewhere"])
def test_the_head_turns_once_when_its_motion_goes_onto_something_else(scene, first, layered):
    rig, other, played = add_armature(), bpy.data.objects.new("other", None), make_performance(30)
    scene.collection.objects.link(other)
    add_mesh("Face", BOTH.targets, rig)
    rig.parent = other
    rest = head_turn(rig)
    heads = {"bone": (rig, "head"), "object": (rig, ""), "elsewhere": (other, "")}
    target, bone = heads["bone"]
    apply(played, mapping=BOTH, head=target, bone=bone)
    scene.frame_set(15)
    once = degrees(rest.rotation_difference(head_turn(rig)).angle)
    scene.frame_set(15)
    for name in (first, "object" if first == "bone" else "bone"):
        apply(played, mapping=BOTH, head=heads[name][0], bone=heads[name][1])
        if layered and name == first:
            add_layers(scene, find_character(scene))
        scene.frame_set(15)
        assert degrees(rest.rotation_difference(head_turn(rig)).angle) == pytest.approx(once, abs=0.5)
    assert once > 3


def test_keys_of_which_a_recording_says_nothing_are_left_alone_and_told(scene):
    face, whole = add_mesh("Face", BOTH.targets), one_shape("browInnerUp", 0.4)
    block = face.data.shape_keys.key_blocks["jawOpen"]
    block.value = 0.5
    block.keyframe_insert("value", frame=1)
    column = whole.names.index("browInnerUp")
    report = apply(replace(whole, names=("browInnerUp",), coefficients=whole.coefficients[:, [column]]), mapping=BOTH)
    assert report.driven == ("browInnerUp",) and "not in the performance: jawOpen" in report.lines()
    assert value(face, "jawOpen", 5) == pytest.approx(0.5) and value(face, "browInnerUp", 5) == pytest.approx(0.4)


@pytest.mark.parametrize("wanted", [False, True])
def test_the_sound_of_the_performance_before_is_not_heard_with_another(scene, wanted):
    face = add_mesh("Face", BOTH.targets)
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    for number, owners in enumerate((owner_of(face), f"{owner_of(face)}\nother", "other")):
        strip = strips.new_movie(f"strip{number}", __file__, number + 1, 1)
        strip[OWNER] = owners
    apply(one_shape("jawOpen", 0.7), mapping=BOTH, sound=wanted)
    assert {strip.name: strip[OWNER] for strip in strips} == {"strip1": "other", "strip2": "other"}


def heading(item, frame=1):
    """Degrees about the vertical, of a head that at this frame is turned as at its rest."""
    bpy.context.scene.frame_set(frame)
    return degrees(item.matrix_world.to_euler().z)


def still(frames=10):
    """A performance whose head looks straight into the camera, but for the frames after the first."""
    played = make_performance(frames)
    head = played.head.copy()
    head[0] = np.eye(3)
    return replace(played, head=head)


def place(item, angle):
    item.rotation_mode, item.rotation_euler = "XYZ", (0, 0, radians(angle))
    bpy.context.view_layer.update()


def test_a_duplicate_turns_from_where_it_was_placed_once_its_animation_is_cleared(scene):
    face = add_mesh("Face", BOTH.targets)
    apply(still(), mapping=BOTH, head=face)
    double = face.copy()
    double.data = face.data.copy()
    scene.collection.objects.link(double)
    double.animation_data_clear()
    place(double, 90)
    retarget(scene, still(), find_character(scene, double.name), Options(BOTH, head=double))
    assert heading(double) == pytest.approx(90, abs=0.1) and heading(face) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("layered", [False, True])
def test_an_object_that_was_turned_after_its_animation_was_cleared_starts_from_there(scene, layered):
    face = add_mesh("Face", BOTH.targets)
    apply(still(), mapping=BOTH, head=face)
    if layered:
        add_layers(scene, find_character(scene))
    face.animation_data_clear()
    place(face, 90)
    for frame in (7, 5):
        apply(still(), mapping=BOTH, head=face)
        assert heading(face) == pytest.approx(90, abs=0.1)
        scene.frame_set(frame)


def test_a_turn_that_plays_below_the_motion_of_bones_keeps_its_rest(scene):
    rig = add_armature()
    add_mesh("Face", BOTH.targets, rig)
    apply(still(), mapping=BOTH, head=rig)
    ActionWriter("bones", BONES).curves(rig)
    assert rig.animation_data.nla_tracks
    scene.frame_set(7)
    apply(still(), mapping=BOTH, head=rig)
    assert heading(rig) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("mode", ["XYZ", "ZXY", "QUATERNION"])
def test_a_delta_rotation_is_not_counted_twice(scene, mode):
    plain, turned = add_mesh("Plain", BOTH.targets), add_mesh("Turned", BOTH.targets)
    for item in (plain, turned):
        item.rotation_mode = mode
    delta, own = Euler((0.1, 0.2, 0.8), mode if mode != "QUATERNION" else "XYZ"), Euler((0.3, 0, 0.4), "XYZ")
    turned.delta_rotation_euler, turned.delta_rotation_quaternion = delta, delta.to_quaternion()
    for item, turn in ((plain, delta.to_quaternion() @ own.to_quaternion()), (turned, own.to_quaternion())):
        item.rotation_euler = turn.to_euler(mode if mode != "QUATERNION" else "XYZ")
        item.rotation_quaternion = turn
        bpy.context.view_layer.update()
    before = turned.matrix_world.copy()
    assert np.allclose(before, plain.matrix_world, atol=1e-5)
    for item in (plain, turned):
        retarget(scene, still(), find_character(scene, item.name), Options(BOTH, head=item))
    scene.frame_set(1)
    assert np.allclose(turned.matrix_world, before, atol=1e-4)
    scene.frame_set(7)
    assert np.allclose(turned.matrix_world, plain.matrix_world, atol=1e-4)
    assert not np.allclose(turned.matrix_world, before, atol=1e-2)
    release(turned, KEYS)
    bpy.context.view_layer.update()
    assert np.allclose(turned.matrix_world, before, atol=1e-4)
