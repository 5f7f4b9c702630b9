"""Performances onto rigs whose face is moved by bones."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from boned import LOCKED_JAW_TURN, RECOGNISED, add_known_rig, save_head
from mathutils import Matrix, Quaternion, Vector
from support.performance import one_shape

from faceanything_addon import cli
from faceanything_addon.blender import space
from faceanything_addon.blender.retarget.bones import BoneOptions, run_retarget_bones
from faceanything_addon.blender.retarget.bones.apply import retarget_bones
from faceanything_addon.blender.retarget.bones.hold import held_still
from faceanything_addon.blender.retarget.bones.record import assign_bone, clear_pose, record_pose, show_pose
from faceanything_addon.blender.retarget.bones.rigs import own_map, rig_of
from faceanything_addon.errors import UserError
from faceanything_addon.exchange.livelink import head_turns, write_livelink
from faceanything_addon.retarget.bones import Bone, BoneMap, Delta, Eyes, known_rig, save_bones
from faceanything_addon.retarget.calibration import ActorProfile, save_profile
from faceanything_addon.solve.arkit import solve_arkit
from faceanything_addon.solve.gaze import direction
from faceanything_addon.template import load_template

SIZE = 1.7
RISES = {  # frames in which each group of coefficients rises to 1 and falls again
    ("jawOpen",): (0, 20),
    ("mouthSmileLeft", "mouthSmileRight"): (15, 35),
    ("eyeBlinkLeft", "eyeBlinkRight"): (30, 44),
    ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"): (40, 58),
    ("mouthPucker",): (55, 75),
    ("jawOpen", "mouthClose"): (75, 90),
}


@pytest.fixture(scope="module")
def head_file(tmp_path_factory):
    return save_head(tmp_path_factory.mktemp("head"), SIZE)


@pytest.fixture
def rig(head_file):
    bpy.ops.wm.open_mainfile(filepath=str(head_file))
    return bpy.data.objects["rig"]


def apply(performance, rig, **options):
    return run_retarget_bones(bpy.context.scene, performance, rig, BoneOptions(**options))


def shown(frame):
    """(V, 3) the deformed head at a frame, in head space and the template's size."""
    bpy.context.scene.frame_set(frame)
    face = bpy.data.objects["Face"].evaluated_get(bpy.context.evaluated_depsgraph_get())
    flat = np.empty(3 * len(face.data.vertices), np.float32)
    face.data.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3) @ space.OBJECT_FROM_HEAD / SIZE


def played_once():
    frames = max(last for _, last in RISES.values())
    played = one_shape("jawOpen", 0.0, frames)
    for names, (first, last) in RISES.items():
        for name in names:
            played.coefficients[first:last, played.names.index(name)] += np.hanning(last - first)
    return replace(played, coefficients=np.clip(played.coefficients, 0, 1))


def test_the_curves_come_back_from_the_skin_that_the_bones_deform(rig):
    played, template = played_once(), load_template()
    report = apply(played, rig)
    skin = np.stack([shown(frame) for frame in range(1, len(played) + 1)])
    found = solve_arkit(skin, template.vertices, template)
    for name in dict.fromkeys(name for names in RISES for name in names):
        column = played.names.index(name)
        assert np.corrcoef(played.coefficients[:, column], found[:, column])[0, 1] > 0.95, name
    marks = template.landmarks(skin)
    wanted = template.landmarks(template.vertices + np.tensordot(played.coefficients, template.expressions, axes=1))
    assert np.linalg.norm(marks - wanted, axis=2).mean() < 0.0008
    gaps = {frame: marks[frame, 62, 1] - marks[frame, 66, 1] for frame in (9, 82)}
    assert gaps[9] > 0.02 and gaps[82] < 0.002, "open jaw, then closed lips over it"
    lids = marks[:, 43, 1] - marks[:, 47, 1]
    assert lids[0] > 0.007 and lids[36:38].min() < 0.0015
    assert not report.missing and not report.idle and "jaw" in report.driven


def test_a_frown_lowers_its_own_corner_of_the_mouth_as_far_as_the_template_does(rig):
    template = load_template()
    rest = template.landmarks(template.vertices)
    apply(one_shape("mouthFrownLeft"), rig)
    frown = template.expressions[template.expression_names.index("mouthFrownLeft")]
    moved, wanted = template.landmarks(shown(2)) - rest, template.landmarks(template.vertices + frown) - rest
    assert np.linalg.norm(moved - wanted, axis=1)[[54, 48, 57]].max() < 0.0008 and wanted[54, 1] < -0.004


def test_the_first_pose_is_the_rest_and_the_rig_is_as_before_but_for_its_action(rig):
    other = bpy.data.objects.new("target", None)
    bpy.context.scene.collection.objects.link(other)
    lid = rig.pose.bones["b.lid_upper_left"]
    constraint = lid.constraints.new("COPY_LOCATION")
    constraint.target, constraint.influence = other, 0.0
    lid.rotation_mode, lid.rotation_euler = "XZY", (0.1, 0.2, 0.3)
    face = bpy.data.objects["Face"]
    face.modifiers.new("Smooth", "SUBSURF")
    apply(one_shape("tongueOut", 0.0), rig, bones=None, head=False, eyes=False)
    assert not constraint.mute and lid.rotation_mode == "XZY"
    assert list(lid.rotation_euler) == pytest.approx((0.1, 0.2, 0.3)), "nothing moves it: posed by hand it stays"
    lid.rotation_euler = (0, 0, 0)
    assert face.modifiers["Smooth"].show_viewport and rig.data.pose_position == "POSE"
    face.modifiers.clear()
    face.modifiers.new("Armature", "ARMATURE").object = rig
    assert np.abs(shown(2) - load_template().vertices).max() < 1e-4


def test_a_rig_that_was_held_still_has_its_pose_back_in_every_rotation_mode(rig):
    wanted = {
        "rotation_euler": ("jaw", "XZY", (0.1, 0.2, 0.3)),
        "rotation_axis_angle": ("neck", "AXIS_ANGLE", (0.4, 0.0, 1.0, 0.0)),
        "rotation_quaternion": ("head", "QUATERNION", (0.8, 0.6, 0.0, 0.0)),
    }
    for channel, (name, mode, values) in wanted.items():
        bone = rig.pose.bones[name]
        bone.rotation_mode = mode
        setattr(bone, channel, values)
    with held_still(rig, ()):
        assert all(bone.rotation_quaternion.angle == 0 for bone in rig.pose.bones)
    for channel, (name, mode, values) in wanted.items():
        bone = rig.pose.bones[name]
        assert bone.rotation_mode == mode and list(getattr(bone, channel)) == pytest.approx(values)


def test_everything_is_put_back_when_it_is_stopped_or_fails(rig, monkeypatch):
    rig.pose.bones["jaw"].location = (0, 0.5, 0)
    rig.pose.bones["jaw"].keyframe_insert("location", frame=1)
    before, action = list(rig.pose.bones["jaw"].location), rig.animation_data.action
    steps = retarget_bones(bpy.context.scene, one_shape("jawOpen"), rig, BoneOptions())
    for _ in range(7):
        next(steps)
    assert rig.animation_data.action is None
    steps.close()
    assert list(rig.pose.bones["jaw"].location) == before and rig.animation_data.action == action
    monkeypatch.setattr("faceanything_addon.blender.retarget.bones.measure.inherited_turn", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        apply(one_shape("jawOpen"), rig)
    assert list(rig.pose.bones["jaw"].location) == before and rig.animation_data.action == action
    assert rig.animation_data.use_nla


def test_rotation_modes_and_locks_are_respected_and_old_animation_is_kept(rig):
    jaw, lip = rig.pose.bones["jaw"], rig.pose.bones["b.lip_lower"]
    jaw.rotation_mode = "ZXY"
    jaw.lock_rotation[1], lip.lock_location[0] = True, True
    jaw.keyframe_insert("scale", frame=1)
    old = rig.animation_data.action
    apply(one_shape("jawOpen"), rig)
    curves = paths(rig)
    assert ("jaw", "rotation_euler", 0) in curves and ("jaw", "rotation_euler", 1) not in curves
    assert not [path for path in curves if path[:2] == ("jaw", "rotation_quaternion")]
    assert ("b.lip_lower", "location", 0) not in curves and ("b.lip_lower", "location", 1) in curves
    assert rig.animation_data.nla_tracks[0].strips[0].action == old
    bpy.context.scene.frame_set(2)
    assert jaw.rotation_euler.to_quaternion().angle == pytest.approx(LOCKED_JAW_TURN, rel=RECOGNISED)


def paths(rig):
    """(bone, property, axis) of all curves of a rig's action."""
    from faceanything_addon.blender.scene.animation import curves_of

    found = [
        (curve.data_path.split('"')[1], curve.data_path.rpartition(".")[2], c) for curve, c in each(curves_of(rig))
    ]
    return set(found)


def each(curves):
    return [(curve, curve.array_index) for curve in curves]


def test_channels_that_drivers_hold_are_left_to_them_and_told(rig):
    rig.pose.bones["jaw"].driver_add("location", 1).driver.expression = "0.0"
    report = apply(one_shape("jawForward"), rig)
    assert report.held == ("jaw location",) and ("jaw", "location", 1) not in paths(rig)


def test_mirrored_the_other_eye_closes(rig):
    apply(one_shape("eyeBlinkLeft"), rig, mirror=True)
    marks = load_template().landmarks(shown(2))
    left, right = marks[43, 1] - marks[47, 1], marks[38, 1] - marks[40, 1]
    assert left > 0.007 and right < 0.002


def test_neck_and_head_share_the_turn_and_the_eyes_look_where_the_actor_does(rig):
    gaze = direction(np.full((3, 2, 2), [0.3, 0.0]))
    played = replace(one_shape("jawOpen", 0.0), head=head_turns(np.array([[0.5, 0.0, 0.0]] * 3)), gaze=gaze)
    apply(played, rig, neck_share=0.4)
    bpy.context.scene.frame_set(2)
    turned = {name: forward(rig, name) for name in ("neck", "head", "eye.L")}
    assert np.degrees([np.arctan2(t.x, -t.y) for t in turned.values()]) == pytest.approx(
        np.degrees([-0.2, -0.5, -0.2]), abs=0.1
    )
    apply(played, rig, head=False, eyes=False)
    assert not {bone for bone, _, _ in paths(rig)} & {"neck", "head", "eye.L"}


def forward(rig, name):
    """Where what the bone carries, at rest before -Y, points to now."""
    bone = rig.pose.bones[name]
    return (bone.matrix @ bone.bone.matrix_local.inverted()).to_3x3() @ Vector((0, -1, 0))


def test_eyes_follow_targets_that_they_are_constrained_to(rig):
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bones = rig.data.edit_bones
    for side in "LR":
        aim, eye = bones.new(f"aim.{side}"), bones[f"eye.{side}"]
        aim.head, aim.tail = eye.head + Vector((0, -0.5, 0)), eye.head + Vector((0.1, -0.5, 0.1))
        aim.parent = bones["head"]
    bpy.ops.object.mode_set(mode="OBJECT")
    for side in "LR":
        track = rig.pose.bones[f"eye.{side}"].constraints.new("DAMPED_TRACK")
        track.target, track.subtarget = rig, f"aim.{side}"
    aims = Eyes("aim", "aim.L", "aim.R", "", "eye.L", "eye.R")
    gaze = direction(np.array([[[0.3, 0.1], [-0.1, -0.2]]] * 3))
    apply(replace(one_shape("jawOpen", 0.0), gaze=gaze), rig, bones=replace(own_map(rig), eyes=aims))
    bpy.context.scene.frame_set(2)
    for number, side in enumerate("LR"):
        seen = rig.pose.bones[f"eye.{side}"].matrix.to_3x3() @ Vector((0, 1, 0))
        assert space.OBJECT_FROM_HEAD @ gaze[1, number] == pytest.approx(list(seen), abs=1e-3)


def test_recorded_poses_are_played_in_place_of_what_is_solved(rig):
    jaw = rig.pose.bones["jaw"]
    record_pose(rig, "neutral")
    with pytest.raises(UserError, match="stands in its neutral pose"):
        record_pose(rig, "jawOpen")
    jaw.rotation_quaternion, jaw.scale = Quaternion((0, 1, 0), 0.8), (1, 2, 1)
    assert record_pose(rig, "jawOpen") == ("jaw",)
    jaw.matrix_basis = Matrix()
    apply(one_shape("jawOpen", 0.5), rig)
    bpy.context.scene.frame_set(2)
    assert list(jaw.rotation_quaternion) == pytest.approx(list(Quaternion((0, 1, 0), 0.4)), abs=1e-5)
    assert jaw.scale[1] == pytest.approx(2**0.5, abs=1e-5)
    assert all(abs(v) < 1e-4 for v in rig.pose.bones["b.lip_lower"].location), "nothing is solved beside it"
    clear_pose(rig, "jawOpen")
    assert not own_map(rig).poses


def test_a_rig_of_which_nothing_is_known_plays_the_poses_recorded_for_it(rig):
    del rig["face_anything_bones"]
    with pytest.raises(UserError, match="rig: its bones are of no known rig"):
        apply(one_shape("jawOpen"), rig)
    jaw = rig.pose.bones["jaw"]
    jaw.rotation_mode, jaw.rotation_euler = "XYZ", (0.1, 0, 0)
    record_pose(rig, "neutral")
    jaw.rotation_euler.x = 0.5
    record_pose(rig, "jawOpen")
    apply(one_shape("jawOpen", 0.5), rig)
    bpy.context.scene.frame_set(2)
    assert jaw.rotation_euler.x == pytest.approx(0.3, abs=1e-5)
    show_pose(rig, own_map(rig).poses["jawOpen"], own_map(rig).neutral)
    assert jaw.rotation_euler.x == pytest.approx(0.5, abs=1e-5)


def test_missing_bones_are_named_and_the_rest_is_driven(rig):
    bones = own_map(rig)
    more = replace(bones, bones={**bones.bones, "whisker.L": Bone(), "head": Bone(None)}, neck=("collar",))
    report = apply(one_shape("jawOpen"), rig, bones=more)
    assert report.missing == ("whisker.L", "collar")
    assert "missing bones: whisker.L, collar" in report.lines() and "jaw" in report.driven


def test_rigs_that_cannot_be_measured_are_told(rig):
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(UserError, match="rig: is in edit mode"):
        apply(one_shape("jawOpen"), rig)
    bpy.ops.object.mode_set(mode="OBJECT")
    for bone in rig.pose.bones:
        bone.lock_location = bone.lock_rotation = (False, False, False)
        hold = bone.constraints.new("COPY_TRANSFORMS")
        hold.target, hold.subtarget = rig, "neck"
    with pytest.raises(UserError, match="nothing of its face moves with its bones"):
        apply(one_shape("jawOpen"), rig)
    assert rig.animation_data is None or rig.animation_data.action is None


def test_meshes_of_excluded_collections_are_no_part_of_the_rig(rig):
    scene, face = bpy.context.scene, bpy.data.objects["Face"]
    assert [mesh.name for mesh in rig_of(rig, BoneMap("any"), scene.objects).meshes] == ["Face"]
    put_away = bpy.data.collections.new("put away")
    scene.collection.children.link(put_away)
    put_away.objects.link(face)
    scene.collection.objects.unlink(face)
    bpy.context.view_layer.layer_collection.children["put away"].exclude = True
    assert not rig_of(rig, BoneMap("any"), scene.objects).meshes


def test_bones_assigned_by_hand_make_a_map(rig):
    del rig["face_anything_bones"]
    for name in ("lip_upper", "lip_lower", "lip_corner_left", "lip_corner_right"):
        assign_bone(rig, f"b.{name}", Bone(name))
    assign_bone(rig, "jaw", Bone(None, True, "both"))
    with pytest.raises(UserError, match="has no bone 'fin'"):
        assign_bone(rig, "fin", Bone())
    apply(one_shape("jawOpen"), rig)
    marks = load_template().landmarks(shown(2))
    assert marks[62, 1] - marks[66, 1] > 0.015


def test_without_skin_the_bones_themselves_go_where_the_face_goes(rig):
    bpy.data.objects.remove(bpy.data.objects["Face"])
    apply(one_shape("mouthSmileLeft"), rig)
    bpy.context.scene.frame_set(2)
    moved = rig.pose.bones["b.lip_corner_left"].head - rig.data.bones["b.lip_corner_left"].head_local
    template = load_template()
    smile = template.expressions[template.expression_names.index("mouthSmileLeft")]
    wanted = template.landmarks(template.vertices + smile)[54] - template.landmarks(template.vertices)[54]
    assert list(moved) == pytest.approx(SIZE * space.OBJECT_FROM_HEAD @ wanted, abs=0.003)


def test_a_large_rig_that_stands_elsewhere_does_the_same(rig):
    apply(one_shape("jawOpen"), rig)
    before = shown(2)
    rig.animation_data_clear()
    rig.matrix_world = Matrix.Translation((3, 2, 1)) @ Matrix.Rotation(1.0, 4, "Z") @ Matrix.Scale(40, 4)
    bpy.context.view_layer.update()
    apply(one_shape("jawOpen"), rig)
    assert np.abs(shown(2) - before).max() < 1e-4


def test_the_command_sees_that_an_armature_without_keys_is_moved_by_bones(head_file, tmp_path, capsys):
    phone = write_livelink(one_shape("jawOpen", 0.4, 30), tmp_path / "phone.csv")
    actor = save_profile(ActorProfile(gains={"jawOpen": 2.0}), tmp_path / "actor.json")
    out = tmp_path / "out.blend"
    asked = ["retarget", str(phone), "--character", str(head_file), "--out", str(out), "--actor", str(actor)]
    assert cli.main([*asked, "--object", "rig"]) == 0
    assert "rig: " in capsys.readouterr().out.replace("test rig", "rig")
    bpy.ops.wm.open_mainfile(filepath=str(out))
    marks = load_template().landmarks(shown(2))
    wanted = load_template().expressions[load_template().expression_names.index("jawOpen")]
    gap = marks[62, 1] - marks[66, 1]
    full = load_template().landmarks(load_template().vertices + 0.8 * wanted)
    assert gap == pytest.approx(full[62, 1] - full[66, 1], abs=0.005), "0.4 of the phone is 0.8 of this actor"
    preset = save_bones(BoneMap("own", poses={"jawOpen": {"jaw": Delta((0, 1, 0))}}), tmp_path / "own.json")
    assert cli.main([*asked, "--preset", str(preset), "--head", "head"]) == 0
    assert "own: " in capsys.readouterr().out
    for more, told in (
        (["--bones", "--preset", "klingon"], "no known rig"),
        (["--bones", "--head", "fin"], "has no bone 'fin'"),
        (["--bones", "--object", "Nobody"], "no such object"),
    ):
        assert cli.main([*asked, *more]) == 2
        error = capsys.readouterr().err
        assert told in error and error.count("\n") == 1


@pytest.mark.parametrize("name", ["mpfb", "metahuman"])
def test_rigs_known_by_name_open_the_mouth_and_close_the_eyes_without_calibration(name):
    known = known_rig(name)
    rig = add_known_rig(known)
    bpy.context.scene.render.fps = 30
    played = one_shape("jawOpen", 0.0, 3)
    played.coefficients[1, played.names.index("jawOpen")] = 1
    played.coefficients[2, [played.names.index(f"eyeBlink{side}") for side in ("Left", "Right")]] = 1
    report = apply(played, rig)
    assert report.rig == known.label and set(known.neck) <= set(report.missing)
    height = {bone.anchor: (n, "tail" if bone.tail else "head") for n, bone in known.bones.items() if bone.anchor}
    gaps = []
    for frame in (1, 2, 3):
        bpy.context.scene.frame_set(frame)
        z = {anchor: getattr(rig.pose.bones[n], end).z for anchor, (n, end) in height.items()}
        gaps.append((z["lip_upper"] - z["lip_lower"], z["lid_upper_left"] - z["lid_lower_left"]))
    (lips, lids), (opened, _), (_, closed) = gaps
    assert opened - lips > 0.02 and lids > 0.007 and closed < 0.002


def test_skin_on_which_no_face_is_seen_is_told_and_the_bones_go_by_their_points(rig):
    face = bpy.data.objects["Face"]
    names = [group.name for group in face.vertex_groups]
    skin = [(vertex.co.copy(), [(names[g.group], g.weight) for g in vertex.groups]) for vertex in face.data.vertices]
    face.data.clear_geometry()
    face.data.from_pydata([place for place, _ in skin], [], [])  # vertices without faces
    for name in names:
        group = face.vertex_groups.get(name) or face.vertex_groups.new(name=name)
        for row, (_, weights) in enumerate(skin):
            if name in dict(weights):
                group.add([row], dict(weights)[name], "REPLACE")
    report = apply(one_shape("jawOpen"), rig)
    assert "has no faces" in report.coarse and "jaw" in report.driven
    assert any(line.startswith("coarser, by the bones' points: ") for line in report.lines())
