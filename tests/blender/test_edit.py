"""Editing a performance in layers."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from keyed import add_armature, add_mesh
from support.performance import make_performance, one_shape
from support.stand_in import make_take, make_template

from faceanything_addon.blender.edit import Punch, add_layers, is_layered, punch_in, refresh, remove_punch_ins
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


def test_what_cannot_be_edited_is_one_line(scene, played):
    add_mesh("Face", KEYS)
    with pytest.raises(UserError, match="Face: has no performance yet"):
        refresh(scene, find_character(scene), Edit())
    retarget(scene, played, find_character(scene), Options(MAPPING))
    with pytest.raises(UserError, match="does not cover frames 50 to 90"):
        punch_in(scene, find_character(scene), played, Punch(50, 90))
    with pytest.raises(UserError, match="is no range"):
        punch_in(scene, find_character(scene), played, Punch(50, 50))
