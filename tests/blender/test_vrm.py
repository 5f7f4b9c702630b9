"""VRM characters of both versions, through Blender's own importer."""

# SPDX-License-Identifier: GPL-3.0-or-later
from math import radians, sin

import bpy
import numpy as np
import pytest
from keyed import add_armature, add_mesh
from mathutils import Vector
from support.performance import make_performance
from support.vrm import vrm0, vrm1

import faceanything_addon
from faceanything_addon import cli
from faceanything_addon.blender.jobs import state
from faceanything_addon.exchange.livelink import write_livelink

MORPHS = ["mouth_a", "lid_l", "lid_r", "cheek"]
VOWELS = [("A", "a", 0), ("Blink_L", "blink_l", 1), ("Blink_R", "blink_r", 2), ("Joy", "joy", 3)]


@pytest.fixture
def phone(tmp_path):
    return write_livelink(make_performance(30, 25.0), tmp_path / "phone.csv")


def add_eye(rig, side, x):
    """A bone before the face's front, and a vertex of the mesh `Eye` that hangs on it."""
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bone = rig.data.edit_bones.new(f"eye_{side}")
    bone.head, bone.tail = (x, 0, 1.6), (x, 0, 1.7)
    bone.parent = rig.data.edit_bones["head"]
    bpy.ops.object.mode_set(mode="OBJECT")


def save_glb(file, front):
    """A rig with head and eyes, a face with morphs, a mesh of two eyes that look along `front` * Y."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    rig = add_armature()
    face = add_mesh("Face", MORPHS, rig)
    face.vertex_groups.new(name="head").add([0, 1, 2, 3], 1.0, "REPLACE")
    mesh = bpy.data.meshes.new("Eyes")
    left = -front * 0.03
    points = [
        (side + dx, front * 0.01, 1.6 + dz) for side in (left, -left) for dx, dz in ((0, 0), (0.01, 0), (0, 0.01))
    ]
    mesh.from_pydata(points, [], [(0, 1, 2), (3, 4, 5)])
    eyes = bpy.data.objects.new("Eyes", mesh)
    bpy.context.scene.collection.objects.link(eyes)
    eyes.parent = rig
    for side, x, chosen in (("l", left, [0, 1, 2]), ("r", -left, [3, 4, 5])):
        add_eye(rig, side, x)
        eyes.vertex_groups.new(name=f"eye_{side}").add(chosen, 1.0, "REPLACE")
    for item in (face, eyes):
        item.modifiers.new("Armature", "ARMATURE").object = rig
    bpy.ops.export_scene.gltf(filepath=str(file), export_format="GLB")
    return file


BONES = {"head": "head", "leftEye": "eye_l", "rightEye": "eye_r"}


@pytest.fixture
def old(tmp_path):
    groups = [{"name": n, "presetName": p, "binds": [("Face", k, 100)]} for n, p, k in VOWELS]
    groups.append({"name": "Grin", "presetName": "unknown", "binds": [("Face", 0, 50), ("Face", 3, 25)]})
    return vrm0(save_glb(tmp_path / "plain.glb", 1), tmp_path / "old.vrm", groups, BONES)


@pytest.fixture
def new(tmp_path):
    preset = {"aa": [("Face", 0, 1.0)], "blinkLeft": [("Face", 1, 1.0)], "blinkRight": [("Face", 2, 0.5)]}
    return vrm1(save_glb(tmp_path / "plain.glb", -1), tmp_path / "new.vrm", preset, {"Grin": [("Face", 3, 1.0)]}, BONES)


def run(capsys, *arguments):
    code = cli.main(["retarget", *map(str, arguments)])
    return (code, *capsys.readouterr())


def retargeted(capsys, phone, character, out):
    code, said, error = run(capsys, phone, "--character", character, "--out", out)
    assert code == 0, error
    bpy.ops.wm.open_mainfile(filepath=str(out))
    return said


def offset(item, key, vertex):
    shapes = item.data.shape_keys
    return Vector(shapes.key_blocks[key].points[vertex].co) - Vector(shapes.reference_key.points[vertex].co)


def test_expressions_of_vrm_0_become_keys_and_are_driven(tmp_path, capsys, phone, old):
    said = retargeted(capsys, phone, old, tmp_path / "out.blend")
    assert "vrm0: " in said and " keys on 2 meshes" in said
    face = bpy.data.objects["Face"]
    grin = offset(face, "Grin", 3)
    whole = [offset(face, name, 3) for name in ("A", "Joy")]
    assert (grin - (whole[0] * 0.5 + whole[1] * 0.25)).length < 1e-5
    values = [face.data.shape_keys.key_blocks["Blink_L"].value for _ in played(30)]
    assert np.ptp(values) > 0.1


def played(frames):
    for frame in range(1, frames + 1):
        bpy.context.scene.frame_set(frame)
        yield frame


def test_expressions_of_vrm_1_become_keys_with_their_weights(tmp_path, capsys, phone, new):
    said = retargeted(capsys, phone, new, tmp_path / "out.blend")
    assert "vrm1: " in said
    face = bpy.data.objects["Face"]
    assert (offset(face, "blinkRight", 3) - offset(face, "lid_r", 3) * 0.5).length < 1e-5
    assert (offset(face, "aa", 3) - offset(face, "mouth_a", 3)).length < 1e-5


@pytest.mark.parametrize(("kind", "degrees", "word"), [("old", 10, "Look"), ("new", 8, "look")])
def test_eyes_on_bones_get_keys_for_their_looks(tmp_path, capsys, phone, request, kind, degrees, word):
    retargeted(capsys, phone, request.getfixturevalue(kind), tmp_path / "out.blend")
    eyes = bpy.data.objects["Eyes"]
    world = np.array(eyes.matrix_world)[:3, :3]
    places = [eyes.matrix_world @ v.co for v in eyes.data.vertices]
    assert places[0].y < -0.005 and places[0].x > 0  # faces -Y, left is +X, whichever way the file looks
    step = 0.01 * sin(radians(degrees))
    for key, expected in (("Left", (step, 0)), ("Right", (-step, 0)), ("Up", (0, step)), ("Down", (0, -step))):
        for vertex in (0, 3):  # before the middle of each eye
            moved = world @ np.array(offset(eyes, f"{word}{key}", vertex))
            assert moved[[0, 2]] == pytest.approx(expected, abs=1e-4), key
    assert offset(eyes, "eyeLookOutLeft", 0).length > 1e-3 and offset(eyes, "eyeLookOutLeft", 3).length < 1e-6


@pytest.mark.parametrize("kind", ["old", "new"])
def test_the_head_that_the_file_names_turns_without_being_asked(tmp_path, capsys, phone, request, kind):
    retargeted(capsys, phone, request.getfixturevalue(kind), tmp_path / "out.blend")
    rig, face = bpy.data.objects["Face"].find_armature(), bpy.data.objects["Eyes"]
    bpy.context.scene.frame_set(1)
    performance = make_performance(30, 25.0)
    bpy.context.scene.frame_set(26)
    assert rig.pose.bones["head"].matrix_basis.to_quaternion().angle > 0.05
    nose = performance.head[25] @ np.array([0.0, 0, 1])  # a take's axes: looks along +Z, up is +Y
    evaluated = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data.vertices
    looks = np.array(evaluated[0].co) + np.array(evaluated[3].co)
    rest = np.array(face.data.vertices[0].co) + np.array(face.data.vertices[3].co)
    assert np.sign(looks[0] - rest[0]) == np.sign(nose[0])


def test_the_import_menu_makes_it_the_panels_character(old, tmp_path):
    faceanything_addon.register()
    try:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        assert bpy.ops.face_anything.import_vrm(filepath=str(old)) == {"FINISHED"}
        settings = bpy.context.scene.face_anything_retarget
        assert settings.character.name in ("Face", "Eyes") and settings.use_head and settings.bone == "head"
        assert "shape keys on 2 meshes" in state.note
        torn = tmp_path / "torn.vrm"
        torn.write_bytes(b"glTF")
        with pytest.raises(RuntimeError, match="torn.vrm: is no VRM file"):
            bpy.ops.face_anything.import_vrm(filepath=str(torn))
    finally:
        faceanything_addon.unregister()


def test_what_is_no_vrm_is_told_in_one_line(tmp_path, capsys, phone):
    plain = save_glb(tmp_path / "plain.glb", 1)
    renamed = tmp_path / "renamed.vrm"
    renamed.write_bytes(plain.read_bytes())
    torn = tmp_path / "torn.vrm"
    torn.write_bytes(plain.read_bytes()[:200])
    empty = tmp_path / "empty.vrm"
    empty.write_bytes(b"")
    capsys.readouterr()  # Blender's own exporter may have spoken, into a stream of an earlier test
    for file in (renamed, torn, empty, tmp_path / "missing.vrm"):
        code, _, error = run(capsys, phone, "--character", file, "--out", tmp_path / "out.blend")
        assert code == 2 and str(file) in error and error.count("\n") == 1, error
