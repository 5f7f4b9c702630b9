"""What Apply says of what it left out: held, locked, muted, overridden, elsewhere."""

# SPDX-License-Identifier: GPL-3.0-or-later
from math import radians

import bpy
import numpy as np
import pytest
from keyed import add_armature, add_mesh
from support.performance import make_performance, one_shape

from faceanything_addon.blender.edit.layers import add_layers
from faceanything_addon.blender.edit.refresh import refresh
from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.blender.retarget.layers import action_curves, slot_of
from faceanything_addon.blender.retarget.operators import chosen_character
from faceanything_addon.errors import UserError
from faceanything_addon.retarget import Mapping, Target
from faceanything_addon.solve.edit import Edit

BOTH = Mapping("both", {name: Target(((name, 1.0),)) for name in ("jawOpen", "browInnerUp")})


@pytest.fixture
def scene():
    bpy.context.scene.render.fps = 30
    return bpy.context.scene


def apply(performance=None, **options):
    scene = bpy.context.scene
    return retarget(scene, performance or make_performance(20), find_character(scene), Options(BOTH, **options))


@pytest.fixture
def rig(scene):
    rig = add_armature()
    add_mesh("Face", BOTH.targets, rig)
    return rig


def keyed(item):
    """Data paths and indices that the item's action has keys of."""
    data = item.animation_data
    if data is None or data.action is None:
        return set()
    return {
        (curve.data_path.rpartition(".")[2], curve.array_index) for curve in action_curves(data.action, slot_of(data))
    }


@pytest.mark.parametrize("mode", ["XYZ", "QUATERNION", "AXIS_ANGLE"])
@pytest.mark.parametrize("bone", ["head", ""])
def test_a_rotation_of_the_head_that_drivers_hold_is_left_to_them_and_told(rig, mode, bone):
    item = rig.pose.bones["head"] if bone else rig
    item.rotation_mode = mode
    channel = {"QUATERNION": "rotation_quaternion", "AXIS_ANGLE": "rotation_axis_angle"}.get(mode, "rotation_euler")
    for curve in item.driver_add(channel):
        curve.driver.expression = "0.5"
    report = apply(head=rig, bone=bone)
    assert report.held == (f"{item.name} {channel}",) and f"held by drivers: {item.name} {channel}" in report.lines()
    assert not keyed(rig) and item.rotation_mode == mode and not report.locked


@pytest.mark.parametrize("mode", ["XYZ", "QUATERNION"])
@pytest.mark.parametrize("bone", ["head", ""])
def test_a_locked_rotation_of_the_head_is_left_alone_and_told(rig, mode, bone):
    item = rig.pose.bones["head"] if bone else rig
    item.rotation_mode, item.lock_rotation = mode, (True, True, True)
    report = apply(head=rig, bone=bone)
    assert f"locked: {item.name} rotation" in report.lines() and not keyed(rig) and not report.held


@pytest.mark.parametrize("mode", ["XYZ", "QUATERNION"])
def test_a_locked_axis_of_the_head_stays_as_it_stands_and_the_others_turn(scene, rig, mode):
    head = rig.pose.bones["head"]
    head.rotation_mode, head.lock_rotation = mode, (False, True, False)
    head.rotation_euler.y = radians(10)
    head.rotation_quaternion = head.rotation_euler.to_quaternion()
    report = apply(head=rig, bone="head")
    assert report.locked == ("head rotation Y",)
    angles = []
    for frame in (1, 10, 20):
        scene.frame_set(frame)
        turned = head.rotation_quaternion.to_euler("XYZ") if mode == "QUATERNION" else head.rotation_euler
        angles.append([np.degrees(angle) for angle in turned])
    assert [y for _, y, _ in angles] == pytest.approx([10] * 3, abs=1e-3)
    assert max(np.ptp([x for x, _, _ in angles]), np.ptp([z for _, _, z in angles])) > 1


def test_one_axis_of_the_head_that_a_driver_holds_goes_its_way_in_layers_too(scene, rig):
    head = rig.pose.bones["head"]
    head.rotation_mode = "XYZ"
    head.driver_add("rotation_euler", 1).driver.expression = "0.25"
    report = apply(head=rig, bone="head")
    assert report.held == ("head rotation_euler Y",)
    add_layers(scene, find_character(scene))
    refresh(scene, find_character(scene), Edit({"head": 0.5}))
    scene.frame_set(15)
    assert (
        head.rotation_euler.y == pytest.approx(0.25) and abs(head.rotation_euler.x) + abs(head.rotation_euler.z) > 0.01
    )


@pytest.mark.parametrize("layered", [False, True])
def test_a_head_that_was_locked_since_is_turned_no_more(scene, rig, layered):
    apply(head=rig, bone="head")
    if layered:
        add_layers(scene, find_character(scene))
    scene.frame_set(15)
    head = rig.pose.bones["head"]
    assert head.rotation_quaternion.angle > 0.01
    head.lock_rotation = (True, True, True)
    apply(head=rig, bone="head")
    for frame in (5, 15):
        scene.frame_set(frame)
        assert head.rotation_quaternion.angle == pytest.approx(0, abs=1e-6)


def test_muted_keys_are_told_and_stay_muted(scene):
    face = add_mesh("Face", BOTH.targets)
    block = face.data.shape_keys.key_blocks["jawOpen"]
    block.mute = True
    report = apply()
    assert "muted: jawOpen" in report.lines() and block.mute and "jawOpen" in report.driven


def drive(item, *names):
    for name in names:
        item.data.shape_keys.key_blocks[name].driver_add("value").driver.expression = "0.3"


def test_keys_that_are_held_on_one_mesh_alone_are_told_with_the_mesh(scene, rig):
    teeth, brows = add_mesh("Teeth", BOTH.targets, rig), add_mesh("Brows", BOTH.targets, rig)
    drive(teeth, *BOTH.targets)
    drive(brows, "browInnerUp")
    report = retarget(scene, one_shape("jawOpen"), find_character(scene, "Face"), Options(BOTH))
    assert set(report.driven) == set(BOTH.targets) and set(report.meshes) == {"Face", "Brows"}
    assert set(report.held) == {"Brows (browInnerUp)", "Teeth (2 keys)"}
    drive(bpy.data.objects["Face"], "browInnerUp")
    report = retarget(scene, one_shape("jawOpen"), find_character(scene, "Face"), Options(BOTH))
    assert "browInnerUp" in report.held and "Teeth (jawOpen)" in report.held


def test_library_overrides_are_told_as_what_is_remembered_is_not_saved_with_them(rig, tmp_path):
    file = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(file), link=True) as (there, here):
        here.objects = list(there.objects)
    for item in list(bpy.data.objects):
        own = item.override_create(remap_local_usages=True)
        own.data.override_create(remap_local_usages=True)
        bpy.context.scene.collection.objects.link(own)
    own = next(item for item in bpy.context.scene.objects if item.type == "ARMATURE")
    report = apply(head=own, bone="head")
    assert set(report.overrides) == {"Face", "rig"}
    (line,) = [line for line in report.lines() if line.startswith("library override: ")]
    assert "Face" in line and "make it local, or save the preset" in line


def test_objects_of_this_file_are_not_told_as_overrides(rig):
    assert not any("override" in line for line in apply(head=rig, bone="head").lines())


def test_a_character_in_another_scene_is_told_as_being_there(registered):
    face = add_mesh("Face", BOTH.targets)
    home, other = bpy.context.scene, bpy.data.scenes.new("Two")
    bpy.context.window.scene = other
    other.face_anything_retarget.character = face
    with pytest.raises(UserError, match=f"Face: is in another scene, {home.name}; open that, or choose a character of"):
        chosen_character(bpy.context)
    home.collection.objects.unlink(face)
    with pytest.raises(UserError, match="Face: is in no scene; choose a character of the scene Two"):
        chosen_character(bpy.context)
