"""What the user has is not lost, whatever is applied to what, and nothing ends in a traceback."""

# SPDX-License-Identifier: GPL-3.0-or-later
import bpy
import numpy as np
import pytest
from boned import JAW_TURN, RECOGNISED, add_head
from keyed import add_mesh
from support.performance import make_performance, one_shape

import faceanything_addon
from faceanything_addon.blender.edit import Punch, add_layers, punch_in, refresh
from faceanything_addon.blender.jobs import state
from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.blender.retarget.actor import panel_profile
from faceanything_addon.blender.retarget.bones import BoneOptions, run_retarget_bones
from faceanything_addon.blender.retarget.bones.record import record_pose
from faceanything_addon.blender.retarget.bones.rigs import store_map
from faceanything_addon.blender.retarget.layers import action_curves, captured_strip, slot_of
from faceanything_addon.errors import UserError
from faceanything_addon.retarget import load_table
from faceanything_addon.retarget.placement import Start
from faceanything_addon.solve.edit import Edit

KEYS = list(load_table("apple").targets)


@pytest.fixture
def scene():
    bpy.context.scene.render.fps = 30
    return bpy.context.scene


@pytest.fixture
def rig(scene):
    """A face moved by bones that has teeth with shape keys, as some characters do."""
    rig, _, bones = add_head()
    store_map(rig, bones)
    add_mesh("Teeth", KEYS, rig)
    return rig


def by_keys(scene, performance, rig, **options):
    return retarget(scene, performance, find_character(scene, "Teeth"), Options(head=rig, bone="head", **options))


def jaw(scene, rig, frame):
    scene.frame_set(frame)
    return rig.pose.bones["jaw"].rotation_quaternion.angle


def test_keys_with_head_motion_after_bones_leave_the_bones_playing(scene, rig):
    run_retarget_bones(scene, one_shape("jawOpen", 0.5, 40), rig, BoneOptions(head=False))
    opened = jaw(scene, rig, 10)
    for _ in range(2):
        by_keys(scene, make_performance(40), rig)
    assert opened == pytest.approx(JAW_TURN / 2, rel=RECOGNISED)
    assert jaw(scene, rig, 10) == pytest.approx(opened, abs=1e-5)
    assert rig.pose.bones["head"].rotation_quaternion.angle > 0.05
    assert len(rig.animation_data.nla_tracks) == 1


def test_bones_and_keys_in_turn_leave_one_track_each(scene, rig):
    for opening in (0.5, 0.3, 0.1):
        by_keys(scene, make_performance(40), rig)
        run_retarget_bones(scene, one_shape("jawOpen", opening, 40), rig, BoneOptions(head=False))
    assert len(rig.animation_data.nla_tracks) == 1
    shown = jaw(scene, rig, 10)
    run_retarget_bones(scene, one_shape("jawOpen", 0.1, 40), rig, BoneOptions(head=False))
    assert jaw(scene, rig, 10) == pytest.approx(shown, abs=1e-6), "no older performance shines through"


def test_layers_of_the_head_are_not_replaced_by_bones(scene, rig):
    by_keys(scene, make_performance(40), rig)
    add_layers(scene, find_character(scene, "Teeth"))
    before = captured_strip(rig.animation_data).action
    with pytest.raises(UserError, match="rig: carries the layers of a head's turn"):
        run_retarget_bones(scene, one_shape("jawOpen"), rig, BoneOptions())
    assert captured_strip(rig.animation_data).action == before


def test_every_layer_of_the_head_is_named_until_none_is_left_and_then_bones_play_by_themselves(scene, rig):
    by_keys(scene, make_performance(40), rig)
    character = find_character(scene, "Teeth")
    add_layers(scene, character)
    punch_in(scene, character, make_performance(40), Punch(5, 12))
    refresh(scene, character, Edit({"head": 0.5}))
    data = rig.animation_data
    tracks = [track.name for track in data.nla_tracks]
    assert len(tracks) == 3
    while data.nla_tracks:
        with pytest.raises(UserError, match=f"remove the tracks? {', '.join(t.name for t in data.nla_tracks)} in the"):
            run_retarget_bones(scene, one_shape("jawOpen"), rig, BoneOptions())
        data.nla_tracks.remove(data.nla_tracks[0])
    assert data.action_blend_type == "COMBINE"
    data.action_influence = 0.5
    run_retarget_bones(scene, one_shape("jawOpen", 0.5, 40), rig, BoneOptions(head=False))
    assert (data.action_blend_type, data.action_extrapolation, data.action_influence) == ("REPLACE", "HOLD", 1.0)
    keyed = (
        action_curves(data.action, slot_of(data)).find('pose.bones["jaw"].rotation_quaternion', index=0).evaluate(10)
    )
    assert jaw(scene, rig, 10) == pytest.approx(2 * np.arccos(keyed), abs=1e-3)


def test_the_motion_of_bones_is_not_taken_for_a_heads_layer(scene, rig):
    by_keys(scene, make_performance(40), rig)
    run_retarget_bones(scene, one_shape("jawOpen", 0.5, 40), rig, BoneOptions())
    action = rig.animation_data.action
    add_layers(scene, find_character(scene, "Teeth"))
    assert rig.animation_data.action == action and captured_strip(rig.animation_data) is None


def test_a_refused_performance_leaves_the_scenes_rate(scene):
    add_mesh("Face", KEYS)
    for start in (Start(by_timecode=True, timecode="noon"), Start(float("nan")), Start(1e9)):
        with pytest.raises(UserError):
            retarget(scene, make_performance(20, 25.0), find_character(scene), Options(first=start, adopt_rate=True))
    assert scene.render.fps == 30


def linked(tmp_path):
    """Everything of this scene, linked into an empty one."""
    file = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(file), link=True) as (there, here):
        here.objects = list(there.objects)
    for item in bpy.data.objects:
        bpy.context.scene.collection.objects.link(item)
    return bpy.context.scene


def test_linked_characters_are_refused_as_their_animation_would_not_be_saved(rig, tmp_path):
    scene = linked(tmp_path)
    far = bpy.data.objects["rig"]
    for work in (
        lambda: retarget(scene, make_performance(10), find_character(scene, "Teeth"), Options()),
        lambda: run_retarget_bones(scene, one_shape("jawOpen"), far, BoneOptions()),
        lambda: record_pose(far, "neutral"),
    ):
        with pytest.raises(UserError, match="is linked from another file") as caught:
            work()
        assert "\n" not in str(caught.value)


def test_a_rig_that_is_scaled_to_nothing_is_told(scene, rig):
    rig.scale = (0, 0, 0)
    bpy.context.view_layer.update()
    with pytest.raises(UserError, match="rig: is scaled to nothing"):
        run_retarget_bones(scene, one_shape("jawOpen"), rig, BoneOptions())


def test_curves_that_lost_keys_by_hand_do_not_shorten_the_layers(scene):
    face = add_mesh("Face", KEYS)
    retarget(scene, make_performance(40), find_character(scene), Options())
    data = face.data.shape_keys.animation_data
    points = action_curves(data.action, slot_of(data))[0].keyframe_points
    for point in list(points)[:0:-1]:
        points.remove(point)
    add_layers(scene, find_character(scene))
    strip = captured_strip(data)
    assert (strip.frame_start, strip.frame_end) == (1, 40)
    assert refresh(scene, find_character(scene), Edit({"jaw": 0.5})).keys == 40 * len(KEYS)


def test_a_captured_layer_that_was_emptied_is_no_error(scene):
    face = add_mesh("Face", KEYS)
    retarget(scene, make_performance(40), find_character(scene), Options())
    add_layers(scene, find_character(scene))
    strip = captured_strip(face.data.shape_keys.animation_data)
    curves = action_curves(strip.action, slot_of(strip))
    for curve in list(curves):
        curves.remove(curve)
    assert refresh(scene, find_character(scene), Edit({"jaw": 0.5})).line() == "0 keys"


def test_an_actors_profile_of_a_later_version_in_the_scene_is_read_as_far_as_it_is_known(scene):
    faceanything_addon.register()
    scene.face_anything_actor.text = '{"name": "ada", "neutral": {"jawOpen": 0.1}, "moods": []}'
    assert panel_profile(bpy.context).neutral == {"jawOpen": 0.1}
    faceanything_addon.unregister()
    state.error = state.note = ""
