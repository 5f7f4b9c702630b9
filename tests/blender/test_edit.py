"""Editing a performance in layers."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace
from itertools import pairwise
from math import radians

import bpy
import numpy as np
import pytest
from keyed import add_armature, add_mesh
from support.performance import make_performance, one_shape
from support.stand_in import make_take, make_template

from faceanything_addon.blender.edit import Punch, add_layers, is_layered, punch_in, refresh, remove_punch_ins
from faceanything_addon.blender.edit.parts import HeadPart
from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.blender.retarget.layers import read_curves, slot_of, strips_of
from faceanything_addon.blender.scene import SceneOptions, build_take
from faceanything_addon.errors import UserError
from faceanything_addon.retarget import Mapping, load_table
from faceanything_addon.solve.edit import Edit
from faceanything_addon.solve.reduce import Tolerance

KEYS = ["jawOpen", "mouthSmileLeft", "mouthSmileRight", "browInnerUp", "eyeBlinkLeft"]
MAPPING = Mapping("some", {key: load_table("apple").targets[key] for key in KEYS})


@pytest.fixture
def scene():
    render = bpy.context.scene.render
    render.fps, render.fps_base = 30, 1.0
    return bpy.context.scene


@pytest.fixture
def played():
    return make_performance(60)


@pytest.fixture
def face(scene, played):
    item = add_mesh("Face", KEYS, add_armature())
    retarget(scene, played, find_character(scene), Options(MAPPING, head=item.parent, bone="head"))
    return item


def shown(item, frames):
    """Evaluated values (F, K) of the keys."""
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1))
        blocks = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.shape_keys.key_blocks
        out.append([blocks[key].value for key in KEYS])
    return np.array(out)


def turned(item, frames):
    out = []
    for frame in frames:
        bpy.context.scene.frame_set(int(frame))
        out.append(list(item.pose.bones["head"].rotation_quaternion.normalized()))
    return np.array(out)


def captured(item):
    strip = strips_of(item.animation_data, "Captured")[0][1]
    return {k: v[1].copy() for k, v in read_curves(strip.action, slot_of(strip)).items()}


ALL = range(1, 61)


def test_layers_show_what_was_there_and_hand_keys_go_on_top(scene, face):
    before, turns = shown(face, ALL), turned(face.parent, ALL)
    character = find_character(scene)
    assert not is_layered(character)
    add_layers(scene, character)
    assert is_layered(character)
    for data in (face.data.shape_keys.animation_data, face.parent.animation_data):
        assert [(t.name, t.lock) for t in data.nla_tracks] == [("Captured", True)]
        assert "Offsets" in data.action.name
    assert np.abs(shown(face, ALL) - before).max() < 1e-6
    assert np.abs(turned(face.parent, ALL) - turns).max() < 1e-6
    dense = captured(face.data.shape_keys)
    scene.frame_set(20)
    block = face.data.shape_keys.key_blocks["jawOpen"]
    block.value = 0.9
    block.keyframe_insert("value", frame=20)
    assert shown(face, [20])[0, 0] == pytest.approx(0.9, abs=1e-5)
    wanted = np.clip(before[:, 0] + 0.9 - before[19, 0], 0, 1)
    assert np.abs(shown(face, ALL)[:, 0] - wanted).max() < 1e-5
    assert all(np.array_equal(v, captured(face.data.shape_keys)[k]) for k, v in dense.items())


def test_a_hand_key_turns_the_head_on_top_of_the_captured_turn(scene, face):
    before = turned(face.parent, ALL)
    add_layers(scene, find_character(scene))
    bone = face.parent.pose.bones["head"]
    scene.frame_set(10)
    bone.rotation_quaternion = (np.cos(0.2), 0, np.sin(0.2), 0)
    bone.keyframe_insert("rotation_quaternion", frame=10)
    after = turned(face.parent, ALL)
    assert abs(after[9] @ [np.cos(0.2), 0, np.sin(0.2), 0]) == pytest.approx(1, abs=1e-5)
    assert np.abs(after[40] - before[40]).max() > 0.01


def test_gain_and_mute_change_their_region_alone_and_are_taken_back(scene, face):
    before = shown(face, ALL)
    character = find_character(scene)
    refresh(scene, character, Edit({"mouth": 1.5, "left": 0.5}, frozenset({"brows"})))
    gains = np.array([1, 0.75, 1.5, 0, 0.5])
    assert np.abs(shown(face, ALL) - np.clip(before * gains, 0, 1)).max() < 1e-5
    tracks = face.data.shape_keys.animation_data.nla_tracks
    assert [track.name for track in tracks] == ["Captured", "Edited"]
    refresh(scene, character, Edit({"mouth": 0.5}))
    assert np.abs(shown(face, ALL) - before * [1, 0.5, 0.5, 1, 1]).max() < 1e-5 and len(tracks) == 2
    refresh(scene, character, Edit())
    assert np.abs(shown(face, ALL) - before).max() < 1e-6


@pytest.mark.parametrize("mode", ["QUATERNION", "XYZ"])
def test_head_motion_can_be_turned_off_and_halved(scene, played, mode):
    rig = add_armature()
    add_mesh("Face", KEYS, rig)
    bone = rig.pose.bones["head"]
    bone.rotation_mode = mode
    character = find_character(scene)
    retarget(scene, played, character, Options(MAPPING, head=rig, bone="head"))
    angles = {}
    for gain, edit in ((1, Edit()), (0.5, Edit({"head": 0.5})), (0, Edit(muted=frozenset({"head"})))):
        refresh(scene, character, edit)
        scene.frame_set(15)
        turn = bone.rotation_quaternion if mode == "QUATERNION" else bone.rotation_euler.to_quaternion()
        angles[gain] = turn.normalized().angle
    assert angles[1] > 0.2 and angles[0.5] == pytest.approx(angles[1] / 2, abs=1e-4) and angles[0] < 1e-4


def test_fewer_keys_stay_within_the_bound_at_every_frame(scene, face):
    before, turns = shown(face, ALL), turned(face.parent, ALL)
    report = refresh(scene, find_character(scene), Edit(tolerance=Tolerance(weight=0.01)))
    assert np.abs(shown(face, ALL) - before).max() <= 0.01
    assert np.abs(turned(face.parent, ALL) - turns).max() <= 0.01
    assert report.captured == 60 * 9 and report.keys < report.captured / 3


def test_a_bound_in_millimetres_knows_how_far_the_shape_reaches(scene, face):
    before = shown(face, ALL)
    refresh(scene, find_character(scene), Edit(tolerance=Tolerance(millimetres=20)))
    off = np.abs(shown(face, ALL) - before).max(axis=0)
    reach = 1000 * np.arange(1, 6)  # of the meshes of these tests
    assert (off * reach <= 20).all() and off[0] > off[4]


def test_a_second_take_comes_and_goes_softly_and_can_be_moved_and_removed(scene, face, played):
    before = shown(face, ALL)
    character = find_character(scene)
    other = make_performance(90, start=3.0)
    punch_in(scene, character, other, Punch(20, 40, 0.2, 0.1))
    columns = [other.names.index(key) for key in KEYS]
    second = other.coefficients[:60, columns].astype(float)
    frames = np.arange(1, 61)
    weight = np.clip(np.minimum((frames - 20) / 6, (40 - frames) / 3), 0, 1)[:, None]
    wanted = before * (1 - weight) + second * weight
    assert np.abs(shown(face, ALL) - wanted).max() < 1e-5
    refresh(scene, character, Edit({"jaw": 0.5}))
    assert np.abs(shown(face, ALL) - wanted * [0.5, 1, 1, 1, 1]).max() < 1e-5
    assert remove_punch_ins(scene, character) == 1
    refresh(scene, character, Edit())
    assert np.abs(shown(face, ALL) - before).max() < 1e-6


def test_a_second_take_turns_the_head_too(scene, face):
    other = make_performance(90, start=3.0)
    punch_in(scene, find_character(scene), other, Punch(20, 40, 0, 0))
    punched = turned(face.parent, ALL)
    retarget(scene, other, find_character(scene), Options(MAPPING, head=face.parent, bone="head"))
    remove_punch_ins(scene, find_character(scene))
    whole = turned(face.parent, ALL)
    assert np.abs(np.einsum("fi,fi->f", punched, whole)[20:38] - 1).max() < 1e-5
    assert np.abs(punched[:18] - whole[:18]).max() > 0.01


def test_applied_again_the_captured_layer_is_replaced_and_hand_keys_stay(scene, face):
    character = find_character(scene)
    add_layers(scene, character)
    scene.frame_set(20)
    block = face.data.shape_keys.key_blocks["jawOpen"]
    block.value = min(shown(face, [20])[0, 0] + 0.1, 1)
    block.keyframe_insert("value", frame=20)
    offset = shown(face, [20])[0, 0] - captured(face.data.shape_keys)['key_blocks["jawOpen"].value', 0][19]
    refresh(scene, character, Edit({"jaw": 0.5}))
    retarget(scene, one_shape("jawOpen", 0.4, 60), character, Options(MAPPING))
    refresh(scene, character, Edit({"jaw": 0.5}))
    assert shown(face, [20])[0, 0] == pytest.approx(0.2 + offset, abs=1e-5)
    assert [t.name for t in face.data.shape_keys.animation_data.nla_tracks] == ["Captured", "Edited"]


def test_a_takes_own_rig_has_layers_with_its_eyes(scene):
    built = build_take(scene, make_take(make_template(), 20), make_template(), SceneOptions())
    character = find_character(scene)
    assert character.meshes == (built.rig,)
    eye = next(i for i in built.rig.parent.children if i.name.endswith("eye.L"))
    scene.frame_set(10)
    look = eye.rotation_quaternion.copy()
    refresh(scene, character, Edit({"eyes": 0.5}, smooth=0.2))
    scene.frame_set(10)
    assert eye.rotation_quaternion.angle == pytest.approx(look.angle / 2, abs=0.02)
    refresh(scene, character, Edit())
    scene.frame_set(10)
    assert eye.rotation_quaternion.rotation_difference(look).angle < 1e-3


def test_keys_between_whole_frames_stay_where_they_are(scene):
    take = make_take(make_template(), 20)
    take = replace(take, frames=replace(take.frames, time=np.cumsum(np.tile([0.033, 0.0417], 10))))
    built = build_take(scene, take, make_template(), SceneOptions())
    assert np.abs(built.clock.keys % 1).max() > 0.1
    wanted = [take.frames.arkit[i, [make_template().expression_names.index(k) for k in KEYS]] for i in range(20)]
    for edit in (Edit(), Edit({"head": 0.5})):
        refresh(scene, find_character(scene), edit)
        assert np.abs(shown(built.rig, built.clock.keys) - np.clip(wanted, 0, 1)).max() < 2e-3


def duplicated(*items):
    """Copies as Shift-D makes them, of the last item."""
    for item in bpy.data.objects:
        item.select_set(item in items)
    bpy.context.view_layer.objects.active = items[-1]
    bpy.ops.object.duplicate()
    return bpy.context.view_layer.objects.active


def edited_action(data):
    return strips_of(data.animation_data, "Edited")[0][1].action


def test_edits_of_a_duplicate_leave_the_original_as_it_is(scene, face):
    refresh(scene, find_character(scene), Edit({"jaw": 0.8, "head": 0.8}))
    before, turns = shown(face, ALL), turned(face.parent, ALL)
    copy = duplicated(face.parent, face)
    assert copy.parent not in (None, face.parent)
    refresh(scene, find_character(scene, copy.name), Edit({"jaw": 0.2, "head": 0.2}))
    assert np.abs(shown(face, ALL) - before).max() < 1e-6
    assert np.abs(turned(face.parent, ALL) - turns).max() < 1e-6
    assert np.abs(shown(copy, ALL)[:, 0] - before[:, 0] / 4).max() < 1e-5
    assert edited_action(copy.data.shape_keys) == edited_action(copy.parent) != edited_action(face.parent)


def test_edits_of_the_original_leave_its_duplicate_as_it_is(scene, face):
    refresh(scene, find_character(scene), Edit({"jaw": 0.8, "head": 0.8}))
    before, turns = shown(face, ALL), turned(face.parent, ALL)
    copy = duplicated(face.parent, face)
    refresh(scene, find_character(scene, face.name), Edit({"jaw": 0.2, "head": 0.2}))
    assert np.abs(shown(copy, ALL) - before).max() < 1e-6 and np.abs(turned(copy.parent, ALL) - turns).max() < 1e-6


@pytest.mark.parametrize("fake", [False, True])
def test_the_meshes_of_one_character_keep_their_common_action(scene, played, fake):
    face, teeth = (add_mesh(name, KEYS, bpy.data.objects.get("rig") or add_armature()) for name in ("Face", "Teeth"))
    retarget(scene, played, find_character(scene), Options(MAPPING, head=face.parent, bone="head"))
    refresh(scene, find_character(scene), Edit({"jaw": 0.5}))
    action, count = edited_action(face.data.shape_keys), len(bpy.data.actions)
    action.use_fake_user = fake
    refresh(scene, find_character(scene), Edit({"jaw": 0.25}))
    assert len(bpy.data.actions) == count
    assert all(edited_action(data) == action for data in (face.data.shape_keys, teeth.data.shape_keys, face.parent))


PLACES = {
    "after": Punch(80, 110, 0.2, 0.1, 70),
    "before": Punch(-60, -30, 0.0, 0.2, -70),
    "across": Punch(40, 80, 0, 0),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_second_take_beyond_the_first_is_shown_in_the_edited_layer_too(scene, face, place):
    character, frames = find_character(scene), range(-70, 121)
    punch_in(scene, character, make_performance(90, start=3.0), PLACES[place])
    before, turns = shown(face, frames), turned(face.parent, frames)
    refresh(scene, character, Edit({"brows": 0.5}))
    assert np.abs(shown(face, frames) - before * [1, 1, 1, 0.5, 1]).max() < 1e-5
    assert np.abs(turned(face.parent, frames) - turns).max() < 1e-4
    refresh(scene, character, Edit(tolerance=Tolerance(weight=0.01)))
    assert np.abs(shown(face, frames) - before).max() < 0.0101


def test_without_the_second_take_the_edited_layer_is_as_long_as_the_first(scene, face):
    character = find_character(scene)
    punch_in(scene, character, make_performance(90, start=3.0), PLACES["after"])
    refresh(scene, character, Edit({"brows": 0.5}))
    remove_punch_ins(scene, character)
    refresh(scene, character, Edit({"brows": 0.5}))
    strip = strips_of(face.data.shape_keys.animation_data, "Edited")[0][1]
    assert (strip.frame_start, strip.frame_end) == (1, 60)


def ways(item):
    """Degrees (F,) that an object turns from each frame to the next."""
    turns = []
    for frame in ALL:
        bpy.context.scene.frame_set(frame)
        turns.append(item.matrix_world.to_quaternion())
    return np.degrees([2 * np.arccos(min(abs(a.dot(b)), 1)) for a, b in pairwise(turns)])


@pytest.fixture
def turned_face(request, scene, played):
    """Its own object is the head, in Euler angles."""
    face = add_mesh("Face", KEYS)
    face.rotation_mode, face.rotation_euler = "XYZ", [radians(angle) for angle in request.param]
    bpy.context.view_layer.update()
    retarget(scene, played, find_character(scene), Options(MAPPING, head=face))
    return face


RESTS = [((0, 0, 175), 1.3), ((0, 0, -180), 1.3), ((175, 0, 0), 2.6), ((90, 0, 180), 2.6)]


@pytest.mark.parametrize(("turned_face", "start"), RESTS, indirect=["turned_face"])
def test_a_second_take_turns_a_head_in_euler_angles_the_short_way(scene, turned_face, start):
    assert ways(turned_face).max() < 2
    punch_in(scene, find_character(scene), make_performance(90, start=start), Punch(15, 45, 0.3, 0.3))
    assert 2 < ways(turned_face).max() < 10
    refresh(scene, find_character(scene), Edit({"jaw": 0.5}))
    assert 2 < ways(turned_face).max() < 10


@pytest.mark.parametrize("turned_face", [(10, 20, 30)], indirect=True)
def test_angles_that_say_the_same_turn_in_other_numbers_are_brought_next_to_each_other(turned_face):
    near = np.radians([[12, 21, 33], [13, 25, 34], [14, 26, 35]])
    far = near * [1, -1, 1] + np.pi * np.array([-1, 1, 3])
    channels = [("rotation_euler", index) for index in range(3)]
    before = dict(zip(channels, np.radians([10, 20, 30]), strict=True))
    part = HeadPart(turned_face, "", False)
    columns = part.next_to(before, dict(zip(channels, far.T, strict=True)))
    assert np.abs(np.stack(list(columns.values()), axis=1) - near).max() < 1e-5


def test_what_cannot_be_edited_is_one_line(scene, played):
    add_mesh("Face", KEYS)
    with pytest.raises(UserError, match="Face: has no performance yet"):
        refresh(scene, find_character(scene), Edit())
    retarget(scene, played, find_character(scene), Options(MAPPING))
    with pytest.raises(UserError, match="does not cover frames 50 to 90"):
        punch_in(scene, find_character(scene), played, Punch(50, 90))
    with pytest.raises(UserError, match="is no range"):
        punch_in(scene, find_character(scene), played, Punch(50, 50))
