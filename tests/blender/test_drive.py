"""A take's motion on a character's vertices, by the command line."""

# SPDX-License-Identifier: GPL-3.0-or-later
import dataclasses
import json

import bpy
import numpy as np
import pytest
from support.stand_in import make_take
from support.store import store_take
from test_create import SUZANNE, add_monkey

from faceanything_addon import cli
from faceanything_addon.blender.create.drive import cache_files
from faceanything_addon.template import load_template


def a_take(folder, frames=5):
    """The mean head opens its mouth while the head turns."""
    template = load_template()
    take = make_take(template, frames)
    jaw = template.expressions[template.expression_names.index("jawOpen")]
    amount = np.linspace(0, 1, frames, dtype=np.float32)[:, None, None]
    ahead = np.repeat(take.frames.head_pose[:, None, :3, 2], 2, axis=1)
    moved = dataclasses.replace(take.frames, vertices=template.vertices + amount * jaw, gaze=ahead)
    actor = dataclasses.replace(take.actor, neutral=template.vertices)
    return store_take(dataclasses.replace(take, frames=moved, actor=actor), folder)


def positions(item):
    mesh = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    return np.array([v.co for v in mesh.vertices])


def test_the_mesh_plays_the_take_from_a_cache_and_the_head_turns(tmp_path, capsys):
    monkey = add_monkey()
    monkey.location = (4, 5, 6)
    bpy.context.view_layer.update()
    rest = np.array([v.co for v in monkey.data.vertices])
    file, marks, out = tmp_path / "monkey.blend", tmp_path / "marks.json", tmp_path / "driven.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    marks.write_text(json.dumps({"landmarks": {n: list(np.add(p, (4, 5, 6))) for n, p in SUZANNE.items()}}))
    take = a_take(tmp_path / "take")
    options = ["--drive", "mesh", "--landmarks", str(marks), "--head", "Suzanne"]
    assert cli.main(["retarget", str(take), "--character", str(file), "--out", str(out), *options]) == 0
    assert "Suzanne: 5 frames" in capsys.readouterr().out
    assert [f.name for f in tmp_path.glob("*.pc2")] == ["driven.Suzanne.pc2"]
    bpy.ops.wm.open_mainfile(filepath=str(out))
    monkey = bpy.data.objects["Suzanne"]
    assert monkey.data.shape_keys is None and monkey.modifiers[0].type == "MESH_CACHE"
    scene = bpy.context.scene
    scene.frame_set(1)
    start, first_turn = positions(monkey), monkey.matrix_world.copy()
    scene.frame_set(scene.frame_end)
    moved = positions(monkey) - rest
    chin = int(np.argmin(np.linalg.norm(rest - [0, -0.5, -0.98], axis=1)))
    crown = int(rest[:, 2].argmax())
    assert np.abs(start - rest).max() < 1e-4
    assert moved[chin, 2] < -0.05 and np.abs(moved[crown]).max() < 0.01
    assert monkey.matrix_world != first_turn


@pytest.mark.parametrize("axes", [(2,), (0, 1, 2)])
def test_axes_of_the_head_that_are_locked_stay_and_are_told(tmp_path, capsys, axes):
    monkey = add_monkey()
    monkey.rotation_mode = "XYZ"
    for axis in axes:
        monkey.lock_rotation[axis] = True
    file, marks, out = tmp_path / "monkey.blend", tmp_path / "marks.json", tmp_path / "driven.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    marks.write_text(json.dumps({"landmarks": {n: list(p) for n, p in SUZANNE.items()}}))
    options = ["--drive", "mesh", "--landmarks", str(marks), "--head", "Suzanne"]
    take = a_take(tmp_path / "take")
    assert cli.main(["retarget", str(take), "--character", str(file), "--out", str(out), *options]) == 0
    which = "Suzanne rotation" if len(axes) == 3 else "Suzanne rotation Z"
    assert f"locked: {which}" in capsys.readouterr().out
    bpy.ops.wm.open_mainfile(filepath=str(out))
    scene, monkey = bpy.context.scene, bpy.data.objects["Suzanne"]
    turns = []
    for frame in (1, scene.frame_end):
        scene.frame_set(frame)
        turns.append(np.array(monkey.rotation_euler))
    moved = np.abs(turns[1] - turns[0]) > 1e-4
    assert not moved[list(axes)].any() and moved.any() == (len(axes) < 3)


def test_each_mesh_has_a_cache_of_its_own_on_every_disk(tmp_path):
    names = ["teeth.001", "teeth_001", "Teeth_001", "tongue", "all"]
    files = cache_files(tmp_path / "driven.blend", names)
    plain = [file.name.lower() for file in files]
    assert files[0].name == "driven.teeth_001.pc2" and files[3].name == "driven.tongue.pc2"
    assert len(set(plain)) == 5 and "driven.all.pc2" not in plain


def test_a_mesh_without_vertices_gets_no_cache(tmp_path, capsys):
    add_monkey()
    empty = bpy.data.objects.new("Empty", bpy.data.meshes.new("Empty"))
    bpy.context.scene.collection.objects.link(empty)
    file, marks, out = tmp_path / "monkey.blend", tmp_path / "marks.json", tmp_path / "driven.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    marks.write_text(json.dumps({"landmarks": SUZANNE}))
    words = ["--character", str(file), "--out", str(out), "--drive", "mesh", "--landmarks", str(marks)]
    assert cli.main(["retarget", str(a_take(tmp_path / "take", 2)), *words]) == 0
    assert [f.name for f in tmp_path.glob("*.pc2")] == ["driven.Suzanne.pc2"]


def test_a_mesh_that_has_arkits_keys_is_driven_all_the_same(tmp_path, capsys):
    monkey = add_monkey()
    for key in ("Basis", "jawOpen", "browInnerUp"):
        monkey.shape_key_add(name=key, from_mix=False)
    file, marks, out = tmp_path / "monkey.blend", tmp_path / "marks.json", tmp_path / "driven.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    marks.write_text(json.dumps({"landmarks": {name: list(place) for name, place in SUZANNE.items()}}))
    options = ["--drive", "mesh", "--landmarks", str(marks), "--out", str(out)]
    assert cli.main(["retarget", str(a_take(tmp_path / "take")), "--character", str(file), *options]) == 0
    assert "Suzanne: 5 frames" in capsys.readouterr().out


def test_options_of_shape_keys_are_refused(tmp_path, capsys):
    command = ["retarget", str(tmp_path), "--character", "a.blend", "--out", "b.blend", "--drive", "mesh", "--mirror"]
    assert cli.main(command) == 2
    assert "--mirror: for shape keys and bones; leave that out with --drive mesh" in capsys.readouterr().err
