"""Performances onto faces that Rigify generated."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from mathutils import Vector
from support.performance import one_shape

from faceanything_addon.blender import space
from faceanything_addon.blender.retarget.bones import BoneOptions, run_retarget_bones
from faceanything_addon.exchange.livelink import head_turns
from faceanything_addon.solve.gaze import direction


def generate(modular: bool):
    """A generated rig of the human metarig's head; faster than the whole body."""
    bpy.ops.preferences.addon_enable(module="rigify")
    bpy.ops.object.armature_human_metarig_add()
    meta = bpy.context.object
    bpy.ops.object.mode_set(mode="EDIT")
    bones = meta.data.edit_bones
    above = [b.name for b in bones if "spine.004" not in {b.name, *(p.name for p in b.parent_recursive)}]
    for name in above:
        bones.remove(bones[name])
    bones["spine.004"].use_connect = False
    bpy.ops.object.mode_set(mode="OBJECT")
    meta.pose.bones["spine.004"].rigify_parameters.connect_chain = False
    bpy.ops.object.mode_set(mode="POSE")
    if modular:
        bpy.ops.pose.rigify_upgrade_face()
    bpy.ops.pose.rigify_generate()
    bpy.ops.object.mode_set(mode="OBJECT")
    return bpy.data.objects["rig"]


@pytest.fixture(params=[False, True], ids=["face", "modular face"])
def rig(request):
    yield generate(request.param)
    bpy.ops.preferences.addon_disable(module="rigify")


def moved(rig, name):
    """How far a bone's head is from its rest: to its left, up and out of the face, in distances between the eyes."""
    eyes = 2 * abs(rig.data.bones["ORG-eye.L"].head_local.x)
    return space.OBJECT_FROM_HEAD.T @ np.array(rig.pose.bones[name].head - rig.data.bones[name].head_local) / eyes


def test_rigifys_face_opens_the_jaw_closes_the_eyes_and_turns_head_and_eyes(rig):
    played = one_shape("jawOpen", 0.0, 4)
    for frame, names in ((1, ("jawOpen",)), (2, ("eyeBlinkLeft",)), (3, ("mouthSmileLeft", "browInnerUp"))):
        for name in names:
            played.coefficients[frame, played.names.index(name)] = 1
    turn = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0], [0.4, 0, 0]], dtype=float)
    looks = np.zeros((4, 2, 2))
    looks[1] = [0.25, 0.1]
    played = replace(played, head=head_turns(turn), gaze=direction(looks))
    bpy.context.scene.render.fps = 30
    report = run_retarget_bones(bpy.context.scene, played, rig, BoneOptions())
    assert report.rig.startswith("Rigify face") and not report.missing and len(report.driven) > 40
    bpy.context.scene.frame_set(1)
    assert np.abs(moved(rig, "lip.B")).max() < 1e-3
    bpy.context.scene.frame_set(2)
    assert moved(rig, "lip.B")[1] < -0.3 and abs(moved(rig, "lip.T")[1]) < 0.1
    seen = rig.pose.bones["MCH-eye.L"].matrix.to_3x3() @ Vector((0, 1, 0))
    assert list(seen) == pytest.approx(space.OBJECT_FROM_HEAD @ direction(looks)[1, 0], abs=0.02)
    bpy.context.scene.frame_set(3)
    upper, lower = (rig.pose.bones[f"lid.{row}.L.002"] for row in "TB")
    open_gap = upper.bone.head_local.z - lower.bone.head_local.z
    assert upper.head.z - lower.head.z < 0.25 * open_gap and abs(moved(rig, "lid.T.R.002")[1]) < 0.02
    bpy.context.scene.frame_set(4)
    carried = rig.pose.bones["head"].matrix @ rig.data.bones["head"].matrix_local.inverted()
    front = carried.to_3x3() @ Vector((0, -1, 0))
    assert np.arctan2(front.x, -front.y) == pytest.approx(-0.4, abs=0.01)
