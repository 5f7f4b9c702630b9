"""What a performance no longer moves goes back to rest, and what it says nothing of is left alone."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace
from math import degrees

import bpy
import pytest
from keyed import add_armature, add_mesh
from support.performance import make_performance, one_shape

from faceanything_addon.blender.edit.layers import add_layers
from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.blender.retarget.characters import owner_of
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
