"""Edits, second takes, rate, sound and few keys on rigs whose face is moved by bones."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from boned import JAW_TURN, RECOGNISED, save_head
from keyed import add_mesh
from support.performance import make_performance, one_shape
from support.video import write_talkie

from faceanything_addon import cli
from faceanything_addon.blender.retarget import Options, find_character, retarget
from faceanything_addon.blender.retarget.bones import BoneOptions, run_retarget_bones
from faceanything_addon.blender.retarget.layers import action_curves, slot_of
from faceanything_addon.errors import UserError
from faceanything_addon.exchange.arkit_json import write_arkit_json
from faceanything_addon.retarget import Mapping, Target
from faceanything_addon.retarget.calibration import ActorProfile, save_profile
from faceanything_addon.retarget.second import Punch, SecondTake
from faceanything_addon.solve.edit import Edit
from faceanything_addon.solve.reduce import Tolerance


@pytest.fixture(scope="module")
def head_file(tmp_path_factory):
    return save_head(tmp_path_factory.mktemp("head"))


@pytest.fixture
def rig(head_file):
    bpy.ops.wm.open_mainfile(filepath=str(head_file))
    return bpy.data.objects["rig"]


def apply(performance, rig, **options):
    return run_retarget_bones(bpy.context.scene, performance, rig, BoneOptions(**options))


def jaw(frame):
    """Radians that the jaw is open at a frame."""
    bpy.context.scene.frame_set(frame)
    return bpy.data.objects["rig"].pose.bones["jaw"].rotation_quaternion.angle


def curves(rig):
    data = rig.animation_data
    return list(action_curves(data.action, slot_of(data)))


def moving(count=60):
    played = make_performance(count)
    return replace(played, coefficients=0.6 * played.coefficients)


def test_gain_and_mute_act_before_the_bones_are_solved(rig):
    apply(one_shape("jawOpen", 0.5), rig)
    half = jaw(2)
    apply(one_shape("jawOpen", 1.0), rig, edit=Edit({"jaw": 0.5}))
    assert jaw(2) == pytest.approx(half, abs=1e-6) and half == pytest.approx(JAW_TURN / 2, rel=RECOGNISED)
    apply(moving(), rig, edit=Edit(muted=frozenset({"brows", "head"})))
    bpy.context.scene.frame_set(20)
    pose = rig.pose.bones
    assert pose["head"].rotation_quaternion.angle < 1e-6 and pose["eye.L"].rotation_quaternion.angle > 0.02


def test_smoothing_calms_the_bones(rig):
    played = one_shape("jawOpen", 0.4, 60)
    played.coefficients[:, played.names.index("jawOpen")] += np.random.default_rng(1).normal(0, 0.02, 60)
    shake = []
    for strength in (0.0, 0.6):
        apply(played, rig, edit=Edit(smooth=strength))
        shake.append(np.diff([jaw(frame) for frame in range(1, 61)]).std())
    assert shake[1] < shake[0] / 4


def test_a_second_take_is_seen_over_its_range_mirrored_and_edited_as_the_first(rig):
    first, second = one_shape("jawOpen", 0.0, 60), one_shape("jawOpen", 1.0, 60)
    apply(second, rig, edit=Edit({"jaw": 0.5}))
    whole = jaw(30)
    apply(first, rig, edit=Edit({"jaw": 0.5}), seconds=(SecondTake(second, Punch(20, 40, 0.2, 0.0)),))
    assert [jaw(frame) for frame in (19, 20, 41)] == pytest.approx([0, 0, 0], abs=1e-3)
    assert 0.2 * whole < jaw(23) < 0.8 * whole and jaw(30) == pytest.approx(whole, abs=1e-4) == jaw(40)


def test_second_takes_that_do_not_fit_are_told_and_nothing_is_changed(rig):
    played = one_shape("jawOpen", 1.0, 30)
    for punch, told in (
        (Punch(10, 45), "does not cover frames 10 to 45"),
        (Punch(40, 50, first=30.0), "leaves the perf"),
    ):
        with pytest.raises(UserError, match=told):
            apply(played, rig, seconds=(SecondTake(played, punch),), adopt_rate=True)
    assert rig.animation_data is None and bpy.context.scene.render.fps == 30


def test_few_keys_are_off_by_no_more_than_the_bound_on_the_skin(rig):
    played = moving(80)
    dense = apply(played, rig)
    assert dense.keys == dense.dense and not [line for line in dense.lines() if "keys" in line]
    before = [skin(frame) for frame in (1, 13, 40, 66)]
    few = apply(played, rig, edit=Edit(tolerance=Tolerance(millimetres=0.3)))
    assert few.dense == dense.dense and few.keys < 0.6 * few.dense
    assert f"{few.keys:,} of {few.dense:,} keys" in few.lines()[1]
    after = [skin(frame) for frame in (1, 13, 40, 66)]
    # Head, neck and the bones of a lip may all be off at once; on the whole it is well within the bound.
    off = np.linalg.norm(np.subtract(after, before), axis=2) * 1000
    assert np.percentile(off, 95) < 0.3 and off.max() < 0.9


def test_each_curve_of_a_bone_keeps_the_bound(rig):
    played = moving(80)
    apply(played, rig)
    wanted = {(c.data_path, c.array_index): [c.evaluate(f) for f in range(1, 81)] for c in curves(rig)}
    apply(played, rig, edit=Edit(tolerance=Tolerance(millimetres=0.3)))
    for curve in curves(rig):
        off = np.abs(np.subtract(wanted[curve.data_path, curve.array_index], [curve.evaluate(f) for f in range(1, 81)]))
        if curve.data_path.endswith("location"):
            assert off.max() < 0.3e-3, curve.data_path
        if '"head"' in curve.data_path:
            assert off.max() < 0.3 / 120 / 4 * 1.01


def skin(frame):
    bpy.context.scene.frame_set(frame)
    face = bpy.data.objects["Face"].evaluated_get(bpy.context.evaluated_depsgraph_get())
    flat = np.empty(3 * len(face.data.vertices), np.float32)
    face.data.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def test_the_bound_is_of_the_rigs_own_size(rig):
    played, edit = moving(60), Edit(tolerance=Tolerance(millimetres=0.3))
    small = apply(played, rig, edit=edit).keys
    rig.scale = (10, 10, 10)
    bpy.context.view_layer.update()
    assert apply(played, rig, edit=edit).keys > 1.5 * small


def test_the_scene_takes_over_the_rate_and_the_jaw_keeps_its_moments(rig):
    played = replace(one_shape("jawOpen", 0.0, 25), rate=24.0, time=np.arange(25) / 24)
    played.coefficients[:, played.names.index("jawOpen")] = np.linspace(0, 1, 25)
    report = apply(played, rig, adopt_rate=True)
    assert bpy.context.scene.render.fps == 24 and report.frames == (1, 25)


def test_the_sound_comes_along_once_for_keys_and_bones_of_one_character(rig, tmp_path):
    if not bpy.app.build_options.audaspace:
        pytest.skip("this bpy is built without sound")
    clip = write_talkie(tmp_path / "clip.mov")
    played = replace(one_shape("jawOpen", 0.5, 30), footage=str(clip))
    report = apply(played, rig, sound=True)
    assert report.sound == "sound: clip" and report.sound in report.lines()
    add_mesh("Teeth", ["jawOpen"], rig)
    mapping = Mapping("one", {"jawOpen": Target((("jawOpen", 1.0),))})
    scene = bpy.context.scene
    retarget(scene, played, find_character(scene, "Teeth"), Options(mapping, first=5.0, sound=True))
    editor = scene.sequence_editor
    strips = list(editor.strips if hasattr(editor, "strips") else editor.sequences)
    assert len(strips) == 1 and strips[0].frame_final_start == 5


def run(capsys, *words):
    code = cli.main(["retarget", *map(str, words)])
    return (code, *capsys.readouterr())


def test_every_option_of_the_command_reaches_the_bones(head_file, tmp_path, capsys):
    quiet, loud = (write_arkit_json(one_shape("jawOpen", v, 60), tmp_path / f"{v}.json") for v in (0.0, 0.4))
    actor = save_profile(ActorProfile(gains={"jawOpen": 2.0}), tmp_path / "actor.json")
    out = tmp_path / "out.blend"
    asked = [quiet, "--character", head_file, "--object", "rig", "--out", out]
    words = ["--punch-in", f"{loud}:20-40", "--blend", 0, "--actor", actor, "--gain", "jaw=0.5", "--reduce", "0.2mm"]
    code, said, error = run(capsys, *asked, *words, "--smooth", 0.1, "--mute", "brows", "--no-head")
    assert code == 0, error
    assert " keys (" in said
    bpy.ops.wm.open_mainfile(filepath=str(out))
    shown = jaw(30)
    bpy.ops.wm.open_mainfile(filepath=str(head_file))
    apply(one_shape("jawOpen", 0.4, 60), bpy.data.objects["rig"])
    assert shown == pytest.approx(jaw(30), rel=0.05), "0.4 of the take is 0.8 of the actor, of which half is asked for"


def test_what_bones_cannot_do_is_refused_in_one_line(head_file, tmp_path, capsys):
    phone = write_arkit_json(one_shape("jawOpen", 0.4, 30), tmp_path / "phone.json")
    out = tmp_path / "out.blend"
    asked = [phone, "--character", head_file, "--out", out]
    for words, told in (
        (["--layers"], "--layers: bones have no layers"),
        (["--layers", "--bones"], "--layers: bones have no layers"),
        (["--preset", "apple"], "--preset apple: is for shape keys"),
        (["--punch-in", f"{phone}:900-950"], "does not cover frames 900 to 950"),
        (["--first", "nan"], "first frame nan"),
        (["--landmarks", "x.json"], "--landmarks: only for --drive mesh"),
        (["--front", "+Y"], "--front: only for --drive mesh"),
    ):
        code, _, error = run(capsys, *asked, *words)
        assert code == 2 and told in error and error.count("\n") == 1 and not out.exists(), error
