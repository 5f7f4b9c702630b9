"""Performances onto characters with shape keys."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from keyed import add_armature, add_mesh
from mathutils import Matrix, Vector
from support.performance import make_performance, one_shape

from faceanything_addon.blender import space
from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.errors import UserError
from faceanything_addon.exchange.livelink import head_turns
from faceanything_addon.retarget import Mapping, Target, load_table, recognise, table_names
from faceanything_addon.retarget.resample import resample

ONE_KEY = Mapping("one", {"jawOpen": Target((("jawOpen", 1.0),))})


def apply(performance, options=None, name=None):
    scene = bpy.context.scene
    return retarget(scene, performance, find_character(scene, name), options or Options())


def values(item, frame):
    """Values of an object's keys at a frame, the rest shape left out."""
    bpy.context.scene.frame_set(int(frame), subframe=float(frame % 1))
    shapes = item.data.shape_keys
    return {k.name: k.value for k in shapes.key_blocks if k != shapes.reference_key}


@pytest.fixture
def rate():
    render = bpy.context.scene.render
    render.fps, render.fps_base = 30, 1.0
    return render


@pytest.mark.parametrize("name", table_names())
def test_a_character_of_each_naming_is_recognised_and_driven(name, rate):
    keys = list(load_table(name).targets)
    head = add_mesh("Head", keys)
    played = make_performance(12)
    report = apply(played)
    mapping = recognise(keys).mapping()
    assert report.naming == name and set(report.driven) == set(mapping.targets) and not report.missing
    expected = mapping.evaluate(played.names, played.coefficients)
    for frame in (0, 5, 11):
        shown = values(head, frame + 1)
        assert [shown[key] for key in mapping.targets] == pytest.approx(expected[frame], abs=1e-5)
        assert all(shown[key] == 0 for key in keys if key not in mapping.targets)
        lift = sum(value * (number + 1) for number, value in enumerate(shown.values()))
        evaluated = head.evaluated_get(bpy.context.evaluated_depsgraph_get())
        assert evaluated.data.vertices[3].co.z == pytest.approx(1 + lift, rel=1e-5)


def test_eyes_and_teeth_with_the_same_keys_follow(rate):
    rig = add_armature()
    face = add_mesh("Face", ["jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookUpLeft"], rig)
    teeth, eyes = add_mesh("Teeth", ["jawOpen"], rig), add_mesh("Eyes", ["eyeLookUpLeft"])
    eyes.modifiers.new("Armature", "ARMATURE").object = rig
    stranger = add_mesh("Stranger", ["jawOpen"])
    report = apply(make_performance(5), Options(load_table("apple")), "rig")
    assert set(report.meshes) == {"Face", "Teeth", "Eyes"}
    assert values(face, 3)["jawOpen"] == values(teeth, 3)["jawOpen"] > 0
    assert values(face, 3)["eyeLookUpLeft"] == values(eyes, 3)["eyeLookUpLeft"]
    assert stranger.data.shape_keys.animation_data is None


def test_slotted_blender_has_one_action_for_the_whole_character(rate):
    rig = add_armature()
    face, teeth = add_mesh("Face", ["jawOpen"], rig), add_mesh("Teeth", ["jawOpen"], rig)
    report = apply(make_performance(5), Options(ONE_KEY, head=rig, bone="head"), "rig")
    actions = [i.animation_data.action for i in (face.data.shape_keys, teeth.data.shape_keys, rig)]
    slotted = "slots" in bpy.types.Action.bl_rna.properties
    assert len(set(actions)) == (1 if slotted else 3) == len(report.actions)


@pytest.mark.parametrize(("fps", "base"), [(24, 1.0), (60, 1.0), (30, 1.001)])
def test_seconds_stay_seconds_at_any_rate_of_the_scene(rate, fps, base):
    rate.fps, rate.fps_base = fps, base
    face = add_mesh("Face", ["jawOpen"])
    played = make_performance(61, 30.0, start=12.0)  # two seconds
    report = apply(played, Options(ONE_KEY, first=101))
    last = 101 + int(2 * fps / base + 0.01)
    assert report.frames == (101, last) and bpy.context.scene.frame_end >= last
    column = played.coefficients[:, [played.names.index("jawOpen")]]
    for frame in (101, 110, last):
        at = np.array([12 + (frame - 101) * base / fps])
        assert values(face, frame)["jawOpen"] == pytest.approx(float(resample(played.time, column, at)[0, 0]), abs=1e-5)


def test_uneven_time_stamps_are_kept(rate):
    face = add_mesh("Face", ["jawOpen"])
    played = replace(one_shape("jawOpen", 0.0), time=np.array([0, 0.1, 0.4]))
    played.coefficients[:, played.names.index("jawOpen")] = (0, 1, 0)
    apply(played, Options(ONE_KEY))
    assert [values(face, f)["jawOpen"] for f in (1, 4, 7, 13)] == pytest.approx([0, 1, 2 / 3, 0], abs=1e-5)


def test_old_animation_stays_below_and_what_is_not_keyed_plays_on(rate):
    face = add_mesh("Face", ["jawOpen", "Ears"])
    blocks = face.data.shape_keys.key_blocks
    for name in ("jawOpen", "Ears"):
        for frame, value in ((1, 0.2), (20, 0.8)):
            blocks[name].value = value
            blocks[name].keyframe_insert("value", frame=frame)
    old = face.data.shape_keys.animation_data.action
    apply(one_shape("jawOpen", 0.5, 20), Options(ONE_KEY))
    data = face.data.shape_keys.animation_data
    assert data.action != old and old.use_fake_user and data.nla_tracks[0].strips[0].action == old
    assert values(face, 20) == pytest.approx({"jawOpen": 0.5, "Ears": 0.8}, abs=1e-5)
    assert values(face, 1)["Ears"] == pytest.approx(0.2)


def test_old_animation_keeps_its_moments_and_its_way_of_blending_whoever_shares_its_action(rate):
    face, other = add_mesh("Face", ["jawOpen", "Extra"]), add_mesh("Other", ["Extra"])
    block = face.data.shape_keys.key_blocks["Extra"]
    for frame, block.value in ((10.5, 0.0), (20.25, 1.0)):
        block.keyframe_insert("value", frame=frame)
    data = face.data.shape_keys.animation_data
    data.action_blend_type = "ADD"
    if hasattr(data, "action_slot"):
        shared = other.data.shape_keys.animation_data_create()
        shared.action = data.action
        shared.action_slot = data.action.slots.new(id_type="KEY", name="other")
        other.data.shape_keys.key_blocks["Extra"].keyframe_insert("value", frame=-30)
    before = [values(face, frame)["Extra"] for frame in (8, 12, 15, 20, 30)]
    apply(make_performance(30), Options(ONE_KEY), "Face")
    assert [values(face, frame)["Extra"] for frame in (8, 12, 15, 20, 30)] == pytest.approx(before, abs=1e-5)
    strip = data.nla_tracks[0].strips[0]
    assert (strip.blend_type, data.action_blend_type) == ("ADD", "REPLACE")


def test_a_second_run_replaces_the_first_and_keeps_its_action(rate):
    face = add_mesh("Face", ["jawOpen"])
    first = apply(one_shape("jawOpen", 0.5), Options(ONE_KEY)).actions[0]
    apply(one_shape("jawOpen", 0.25), Options(ONE_KEY))
    assert values(face, 2)["jawOpen"] == pytest.approx(0.25)
    assert bpy.data.actions[first].use_fake_user and not face.data.shape_keys.animation_data.nla_tracks


def test_keys_held_by_drivers_are_left_to_them_and_told(rate):
    face = add_mesh("Face", ["jawOpen", "mouthClose", "tongueOut"])
    face.data.shape_keys.key_blocks["jawOpen"].driver_add("value").driver.expression = "0.3"
    report = apply(make_performance(4), Options(load_table("apple")))
    assert report.held == ("jawOpen",) and set(report.driven) == {"mouthClose", "tongueOut"}
    assert "held by drivers: jawOpen" in report.lines()


def test_values_beyond_one_are_not_cut_off_by_the_slider(rate):
    face = add_mesh("Face", ["Open"])
    mapping = Mapping("wide", {"Open": Target((("jawOpen", 1.0),), gain=1.5, offset=-0.2, low=-0.5, high=2.0)})
    apply(one_shape("jawOpen"), Options(mapping))
    assert values(face, 1)["Open"] == pytest.approx(1.3)
    apply(one_shape("tongueOut"), Options(mapping))
    assert values(face, 1)["Open"] == pytest.approx(-0.2)


def test_mirrored_the_other_lid_closes_and_the_head_turns_the_other_way(rate):
    rig = add_armature()
    face = add_mesh("Face", ["eyeBlinkLeft", "eyeBlinkRight"], rig)
    played = replace(one_shape("eyeBlinkLeft"), head=head_turns(np.array([[0.5, 0.0, 0.0]] * 3)))
    apply(played, Options(load_table("apple"), mirror=True, head=rig, bone="head"))
    assert values(face, 1) == pytest.approx({"eyeBlinkLeft": 0, "eyeBlinkRight": 1})
    assert nose(rig).x > 0.4  # to its left: the actor turned to the right


def nose(rig):
    """Where the character's face, at rest before -Y of its own heading, points to in the world now."""
    bpy.context.view_layer.update()
    world = rig.matrix_world.to_quaternion().to_matrix()
    bone, rest = rig.pose.bones["head"], rig.data.bones["head"]
    moved = world @ (bone.matrix @ rest.matrix_local.inverted()).to_quaternion().to_matrix()
    return moved @ world.inverted() @ unheaded(rig) @ Vector((0, -1, 0))


def unheaded(rig):
    """World turn about the vertical alone."""
    swing = rig.matrix_world.to_quaternion()
    swing.x = swing.y = 0
    return swing.normalized().to_matrix()


@pytest.mark.parametrize("rotation", [(0, 0, 0), (90, 0, 0), (0, 0, 90), (90, 0, -60)])
@pytest.mark.parametrize(("angles", "expected"), [([0.5, 0, 0], (-1, 0)), ([0, 0.5, 0], (0, 1))])
def test_a_bone_turns_as_the_head_does_however_the_rig_stands(rate, rotation, angles, expected):
    rig = add_armature(rotation=rotation)
    add_mesh("Face", ["jawOpen"], rig)
    played = replace(one_shape("jawOpen"), head=head_turns(np.array([angles] * 3)))
    apply(played, Options(ONE_KEY, head=rig, bone="head"))
    bpy.context.scene.frame_set(2)
    front = unheaded(rig).inverted() @ nose(rig)
    assert (front.x, front.z) == pytest.approx(np.sin(0.5) * np.array(expected), abs=1e-4)


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ", "ZXY", "AXIS_ANGLE"])
@pytest.mark.parametrize("parented", [False, True])
def test_an_object_turns_from_where_it_stands_and_a_second_run_starts_there_again(rate, mode, parented):
    parent = bpy.data.objects.new("root", None)
    item = add_mesh("Face", ["jawOpen"])
    bpy.context.scene.collection.objects.link(parent)
    parent.rotation_euler.z = 0.7
    item.parent = parent if parented else None
    item.rotation_euler.z = 0.4
    item.rotation_mode = mode
    bpy.context.view_layer.update()
    rest = item.matrix_world.to_quaternion().to_matrix()
    played = make_performance(20)
    for _ in range(2):
        apply(played, Options(ONE_KEY, head=item), "Face")
        bpy.context.scene.frame_set(15)
    turn = Matrix(space.object_rotations(played.head)[14].tolist())
    assert np.allclose(item.matrix_world.to_quaternion().to_matrix(), rest @ turn, atol=1e-4)


def test_head_motion_without_jumps_in_euler_angles(rate):
    item = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(item)
    add_mesh("Face", ["jawOpen"])
    angles = np.zeros((90, 3))
    angles[:, 0] = np.linspace(0, 4 * np.pi, 90)
    played = replace(make_performance(90), head=head_turns(angles))
    apply(played, Options(ONE_KEY, head=item), "Face")
    turned = []
    for frame in range(1, 91):
        bpy.context.scene.frame_set(frame)
        turned.append(item.rotation_euler.z)
    assert np.abs(np.diff(turned)).max() < 0.2 and abs(turned[-1] - turned[0]) == pytest.approx(4 * np.pi, abs=1e-3)


def test_of_several_characters_the_best_known_is_taken(rate):
    add_mesh("Prop", ["Open", "Shut"])
    add_mesh("Hero", list(load_table("apple").targets)[:30])
    assert find_character(bpy.context.scene).name == "Hero"


def test_what_cannot_be_driven_is_one_line(rate):
    scene = bpy.context.scene
    with pytest.raises(UserError, match="no object of the scene has relative shape keys"):
        find_character(scene)
    add_mesh("Odd", ["Key 1", "Key 2"])
    with pytest.raises(UserError, match="Odd: the names of its shape keys are of no known naming"):
        apply(make_performance(3))
    with pytest.raises(UserError, match="Odd: has none of the keys that 'one' drives"):
        apply(make_performance(3), Options(ONE_KEY))
    with pytest.raises(UserError, match="there is no such object in the scene; it has Odd"):
        find_character(scene, "Nobody")
    rig = add_armature()
    with pytest.raises(UserError, match="rig: neither it nor an object"):
        find_character(scene, "rig")
    face = add_mesh("Face", ["jawOpen"])
    with pytest.raises(UserError, match="rig: has no bone 'skull'"):
        apply(make_performance(3), Options(ONE_KEY, head=rig, bone="skull"), "Face")
    with pytest.raises(UserError, match="rig: the performance holds no turn of the head"):
        apply(one_shape("jawOpen"), Options(ONE_KEY, head=rig, bone="head"), "Face")
    assert face.data.shape_keys.animation_data is None


def test_frames_as_absolute_keys_are_no_character(rate):
    add_mesh("Played", ["frame 0", "frame 1"]).data.shape_keys.use_relative = False
    with pytest.raises(UserError, match="relative shape keys"):
        find_character(bpy.context.scene)
