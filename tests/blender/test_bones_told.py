"""Bones that cannot be driven are named in the report; a jaw is driven without any other bone of the face."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from boned import add_head
from support.performance import make_performance, one_shape

from faceanything_addon.blender import space
from faceanything_addon.blender.retarget.bones import BoneOptions, run_retarget_bones
from faceanything_addon.blender.retarget.bones.rigs import store_map
from faceanything_addon.blender.retarget.characters import owner_of
from faceanything_addon.blender.scene.sound import OWNER
from faceanything_addon.errors import UserError
from faceanything_addon.retarget.bones import Bone, BoneMap, Delta, Eyes
from faceanything_addon.template import load_template

EYES = Eyes("turn", "eye.L", "eye.R")
JAW = BoneMap("game", bones={"jaw": Bone(None, True, "both")}, head="head", neck=("neck",), eyes=EYES)
POSED = BoneMap("posed", head="head", eyes=EYES, poses={"jawOpen": {"jaw": Delta(rotation=(0.9, 0.1, 0.0, 0.0))}})


@pytest.fixture(scope="module")
def head_file(tmp_path_factory):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 30
    rig, face, _ = add_head()
    for group in list(face.vertex_groups):  # lips follow the jaw, lids and brows the head
        if group.name.startswith("b."):
            follow(face, group, "jaw" if rig.data.bones[group.name].parent.name == "jaw" else "head")
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name in [bone.name for bone in rig.data.edit_bones if bone.name.startswith("b.")]:
        rig.data.edit_bones.remove(rig.data.edit_bones[name])
    bpy.ops.object.mode_set(mode="OBJECT")
    file = tmp_path_factory.mktemp("head") / "head.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    return file


def follow(face, group, bone):
    """Give a group's weights to another bone."""
    for vertex in face.data.vertices:
        for part in vertex.groups:
            if part.group == group.index:
                face.vertex_groups[bone].add([vertex.index], part.weight, "ADD")
    face.vertex_groups.remove(group)


@pytest.fixture
def rig(head_file):
    bpy.ops.wm.open_mainfile(filepath=str(head_file))
    return bpy.data.objects["rig"]


def apply(rig, bones, performance=None, **options):
    store_map(rig, bones)
    return run_retarget_bones(bpy.context.scene, performance or make_performance(), rig, BoneOptions(**options))


def landmarks(frame):
    """(68, 3) of the skin, head space."""
    bpy.context.scene.frame_set(frame)
    face = bpy.data.objects["Face"].evaluated_get(bpy.context.evaluated_depsgraph_get())
    flat = np.empty(3 * len(face.data.vertices), np.float32)
    face.data.vertices.foreach_get("co", flat)
    return load_template().landmarks(flat.reshape(-1, 3) @ space.OBJECT_FROM_HEAD)


def shown_by(name):
    """(68, 3) of the template."""
    template = load_template()
    return template.landmarks(template.vertices + template.expressions[template.expression_names.index(name)])


def gap(marks):
    """Metres between the lips."""
    return marks[62, 1] - marks[66, 1]


def coefficients(**values):
    played = one_shape("jawOpen", 0.0)
    for name, value in values.items():
        played.coefficients[1:, played.names.index(name)] = value
    return played


@pytest.mark.parametrize("jaw", [Bone(None, True, "both"), Bone("chin", True, "turn")])
def test_a_jaw_without_lips_opens_as_far_as_the_template_does(rig, jaw):
    report = apply(rig, replace(JAW, bones={"jaw": jaw}), coefficients(jawOpen=1.0))
    assert "jaw" in report.driven and not report.untold
    rest, opened, wanted = landmarks(1), landmarks(2), shown_by("jawOpen")
    assert gap(opened) == pytest.approx(gap(wanted), rel=0.1) and gap(rest) < 0.001
    fallen, wanted = opened[8] - rest[8], wanted[8] - rest[8]
    assert fallen[1] == pytest.approx(wanted[1], rel=0.2) and abs(fallen[0]) < 0.001


def test_a_jaw_without_lips_shuts_with_them_and_heeds_no_smile(rig):
    apply(rig, JAW, coefficients(jawOpen=0.5, mouthClose=0.5))
    assert gap(landmarks(2)) < 0.2 * gap(shown_by("jawOpen")) / 2
    apply(rig, JAW, coefficients(mouthSmileLeft=1.0, mouthFunnel=1.0, cheekPuff=1.0))
    assert np.abs(landmarks(2) - landmarks(1)).max() < 1e-5


def test_a_recorded_pose_of_a_lone_jaw_is_all_that_moves_it(rig):
    posed = replace(JAW, poses=POSED.poses)
    report = apply(rig, posed, coefficients(jawLeft=1.0))
    assert not report.untold and np.abs(landmarks(2) - landmarks(1)).max() < 1e-6


def test_assigned_bones_that_nothing_tells_the_motion_of_are_named_with_the_cure(rig):
    some = {"jaw": Bone(None, True, "place"), "eye.R": Bone("lip_upper")}
    report = apply(rig, replace(JAW, bones=some, eyes=Eyes()))
    assert report.untold == ("jaw", "eye.R") and set(report.driven) == {"head", "neck"}
    assert report.lines()[1] == (
        "not driven: jaw, eye.R (fewer than 4 bones lie on points of the face; "
        "assign more bones to points, or record poses such as jawOpen)"
    )
    with pytest.raises(UserError, match=r"rig: no bone of it can be driven \(fewer than 4 bones lie on points"):
        apply(rig, BoneMap("jaw", bones={"jaw": Bone(None, True, "both")}))


def test_a_jaw_on_whose_skin_no_face_is_seen_is_named_with_the_reason(rig):
    bpy.data.objects["Face"].data.clear_geometry()
    bpy.data.objects["Face"].data.from_pydata([(0, 0, 0), (0, 0, 0.1)], [], [])
    report = apply(rig, JAW)
    assert report.untold == ("jaw",) and not report.coarse
    assert any("fewer than 4 bones lie on points of the face, and " in line for line in report.lines())


def test_a_jaw_that_moves_no_skin_is_named_and_the_rest_is_driven(rig):
    groups = bpy.data.objects["Face"].vertex_groups
    groups.remove(groups["jaw"])
    report = apply(rig, JAW)
    assert report.idle == ("jaw",) and set(report.driven) == {"head", "neck", "eye.L", "eye.R"}


def test_eyes_whose_rotation_is_locked_are_named(rig):
    rig.pose.bones["eye.L"].lock_rotation = (True, True, True)
    rig.pose.bones["eye.R"].lock_rotation = (False, True, False)
    report = apply(rig, POSED)
    assert report.locked == ("eye.L",) and "locked: eye.L" in report.lines()
    assert "eye.R" in report.driven and "eye.L" not in report.driven


def test_a_face_bone_that_is_locked_counts_as_locked_not_as_one_that_moves_nothing(rig):
    rig.pose.bones["jaw"].lock_rotation = (True, True, True)
    report = apply(rig, JAW)
    assert report.locked == ("jaw",) and not report.idle


@pytest.mark.parametrize(
    ("kind", "names"),
    [("DAMPED_TRACK", ["eye.R"]), ("TRACK_TO", ["eye.R", "head"]), ("COPY_ROTATION", ["eye.R", "head"])],
)
def test_eyes_and_heads_that_a_constraint_holds_are_named_and_others_are_not(rig, kind, names):
    target = bpy.data.objects.new("target", None)
    target.location = (0.3, -2, 0.2)
    bpy.context.scene.collection.objects.link(target)
    for name in names:
        rig.pose.bones[name].constraints.new(kind).target = target
    limit = rig.pose.bones["jaw"].constraints.new("LIMIT_ROTATION")
    weak = rig.pose.bones["eye.L"].constraints.new(kind)
    weak.target, weak.influence = target, 0.1
    report = apply(rig, POSED)
    assert sorted(report.idle) == names and set(report.driven) == {"jaw", "head", "eye.L", "eye.R"} - set(names)
    assert any(line.startswith("bones that move nothing: ") for line in report.lines())
    assert not limit.mute and all(c.target == target and not c.mute for c in rig.pose.bones["eye.R"].constraints)


@pytest.mark.parametrize("mode", ["XYZ", "QUATERNION", "AXIS_ANGLE"])
def test_a_head_that_drivers_turn_is_left_to_them_and_named_in_every_rotation_mode(rig, mode):
    head = rig.pose.bones["head"]
    head.rotation_mode = mode
    channel = {"XYZ": "rotation_euler"}.get(mode, f"rotation_{mode.lower()}")
    for curve in head.driver_add(channel):
        curve.driver.expression = "0.5"
    report = apply(rig, POSED)
    assert report.held == (f"head {channel}",) and "head" not in report.driven and head.rotation_mode == mode
    assert f"held by drivers: head {channel}" in report.lines()
    bpy.context.scene.frame_set(17)
    assert list(getattr(head, channel)) == pytest.approx([0.5] * len(getattr(head, channel)))


def test_an_armature_that_overrides_a_linked_one_is_told_as_what_is_remembered_is_not_saved_with_it(head_file):
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(head_file), link=True) as (there, here):
        here.objects = list(there.objects)
    for item in list(bpy.data.objects):
        bpy.context.scene.collection.objects.link(item.override_create(remap_local_usages=True))
    rig = next(item for item in bpy.context.scene.objects if item.type == "ARMATURE")
    lines = apply(rig, POSED).lines()
    assert any(line.startswith(f"library override: {rig.name}: Blender does not save") for line in lines)


@pytest.mark.parametrize("wanted", [False, True])
def test_the_sound_of_the_performance_before_is_not_heard_with_other_bones_motion(rig, wanted):
    editor = bpy.context.scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strip = strips.new_movie("before", __file__, 1, 1)
    strip[OWNER] = owner_of(rig)
    apply(rig, POSED, sound=wanted)
    assert not len(strips)
