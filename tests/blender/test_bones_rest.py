"""What an applied performance no longer moves, and what it is not to be mistaken for, on rigs moved by bones."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from boned import save_head
from mathutils import Quaternion
from support.performance import make_performance, one_shape

from faceanything_addon.blender.retarget.actions import KEYS, WRITTEN
from faceanything_addon.blender.retarget.bones import BoneOptions, run_retarget_bones
from faceanything_addon.blender.retarget.bones.record import record_pose
from faceanything_addon.blender.retarget.bones.rigs import own_map, store_map
from faceanything_addon.blender.scene.animation import OWN
from faceanything_addon.errors import UserError
from faceanything_addon.retarget.bones import BoneMap, Delta, Eyes
from faceanything_addon.solve.edit import Edit

ROTATIONS = {"QUATERNION": "rotation_quaternion", "ZXY": "rotation_euler"}
# The face is in poses: nothing is measured.
POSED = BoneMap(
    "posed",
    head="head",
    neck=("neck",),
    eyes=Eyes("turn", "eye.L", "eye.R"),
    poses={"jawOpen": {"jaw": Delta((0.0, 0.01, 0.0), (0.9, 0.1, 0.0, 0.0), (1.0, 1.5, 1.0))}},
)


@pytest.fixture(scope="module")
def head_file(tmp_path_factory):
    return save_head(tmp_path_factory.mktemp("head"), bones=POSED)


@pytest.fixture
def rig(head_file):
    bpy.ops.wm.open_mainfile(filepath=str(head_file))
    return bpy.data.objects["rig"]


def apply(rig, performance=None, **options):
    return run_retarget_bones(bpy.context.scene, performance or make_performance(), rig, BoneOptions(**options))


def unposed(bone):
    """Whether a bone stands at rest."""
    return np.abs(np.array(bone.matrix_basis) - np.eye(4)).max() < 1e-6


@pytest.mark.parametrize("mode", ROTATIONS)
def test_what_is_switched_off_goes_to_rest_wherever_the_performance_had_been_left(rig, mode):
    names = ("jaw", "head", "neck", "eye.L", "eye.R")
    for name in names:
        rig.pose.bones[name].rotation_mode = mode
    apply(rig)
    bpy.context.scene.frame_set(17)
    assert not any(unposed(rig.pose.bones[name]) for name in names)
    apply(rig, edit=Edit(muted=frozenset({"jaw"})))
    for frame in (1, 17):
        bpy.context.scene.frame_set(frame)
        assert unposed(rig.pose.bones["jaw"]) and not unposed(rig.pose.bones["head"]), frame
    apply(rig, head=False, eyes=False)
    for frame in (1, 17):
        bpy.context.scene.frame_set(frame)
        assert all(unposed(rig.pose.bones[name]) for name in names[1:]), frame
        assert not unposed(rig.pose.bones["jaw"])


def test_what_others_animate_drive_or_pose_is_left_as_it_is_when_the_performance_goes(rig):
    jaw, head, lip = (rig.pose.bones[name] for name in ("jaw", "head", "b.lip_upper"))
    head.rotation_quaternion = Quaternion((1, 0, 0), 0.5)
    head.keyframe_insert("rotation_quaternion", frame=1)
    lip.location.x = 0.25
    apply(rig)
    jaw.driver_add("scale", 1).driver.expression = "1.25"
    bpy.context.scene.frame_set(17)
    apply(rig, head=False, edit=Edit(muted=frozenset({"jaw"})))
    assert head.rotation_quaternion.angle == pytest.approx(0.5, abs=1e-5), "its older keys play on a track"
    assert jaw.scale[1] == pytest.approx(1.25) and jaw.location.length == 0 and lip.location.x == 0.25


def test_a_performance_below_the_turn_of_a_head_goes_to_rest_too(rig):
    apply(rig)
    data = rig.animation_data
    own = data.action
    track = data.nla_tracks.new()
    strip = track.strips.new(own.name, 1, own)
    strip.action_slot = data.action_slot
    data.action = None
    rig.pose.bones["head"].keyframe_insert("rotation_quaternion", frame=1)
    data.action[OWN] = KEYS
    bpy.context.scene.frame_set(17)
    assert not unposed(rig.pose.bones["jaw"])
    apply(rig, edit=Edit(muted=frozenset({"jaw"})))
    assert unposed(rig.pose.bones["jaw"])


def test_an_applied_performance_is_not_recorded_as_the_neutral_or_a_pose(rig):
    apply(rig)
    bpy.context.scene.frame_set(17)
    kept = own_map(rig)
    for shape in ("neutral", "jawOpen"):
        with pytest.raises(UserError, match="rig: jaw, eye.L, eye.R stand as the applied performance puts them"):
            record_pose(rig, shape)
    assert own_map(rig) == kept


def test_what_is_posed_by_hand_over_an_applied_performance_is_recorded(rig):
    store_map(rig, replace(POSED, neutral={"jaw": Delta((0.0, 0.02, 0.0), (0.8, 0.6, 0.0, 0.0))}))
    apply(rig, one_shape("jawOpen", 0.0))
    bpy.context.scene.frame_set(2)
    jaw, eye = rig.pose.bones["jaw"], rig.pose.bones["eye.L"]
    jaw.rotation_quaternion = jaw.rotation_quaternion @ Quaternion((0, 0, 1), 0.3)
    assert record_pose(rig, "jawLeft") == ("jaw",), "where it stands is its neutral place, though it is keyed there"
    apply(rig, edit=Edit())
    bpy.context.scene.frame_set(17)
    for bone in rig.pose.bones:
        bone.location, bone.rotation_quaternion, bone.scale = (0, 0, 0), (1, 0, 0, 0), (1, 1, 1)
    jaw.location, jaw.rotation_quaternion = (0, 0.02, 0), (0.8, 0.6, 0, 0)
    eye.scale = (1, 1.2, 1)
    assert record_pose(rig, "eyeWideLeft") == ("eye.L",)


def test_what_was_keyed_by_hand_in_the_performances_action_goes_on_when_another_is_applied(rig):
    apply(rig)
    lip, jaw = rig.pose.bones["b.lip_upper"], rig.pose.bones["jaw"]
    for frame, x in ((1, 0.0), (11, 0.5)):
        lip.location.x, rig.location.z = x, x
        lip.keyframe_insert("location", index=0, frame=frame)
        rig.keyframe_insert("location", index=2, frame=frame)
    for _ in range(2):
        apply(rig, edit=Edit(muted=frozenset({"jaw"})))
        for frame, x in ((1, 0.0), (11, 0.5)):
            bpy.context.scene.frame_set(frame)
            assert (lip.location.x, rig.location.z) == pytest.approx((x, x)), "the user's"
            assert unposed(jaw), "the performance's"


def test_of_an_action_that_does_not_tell_what_it_was_made_with_nothing_is_taken_for_the_users(rig):
    apply(rig)
    del rig.animation_data.action[WRITTEN]
    apply(rig, edit=Edit(muted=frozenset({"jaw"})))
    bpy.context.scene.frame_set(17)
    assert unposed(rig.pose.bones["jaw"])
