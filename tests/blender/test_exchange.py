"""Alembic, USD, glTF and FBX: written, imported again and compared."""

# SPDX-License-Identifier: GPL-3.0-or-later
import json
from dataclasses import replace

import bpy
import cv2
import numpy as np
import pytest
from reimport import distance, named, open_empty, reimport, world_points
from support.stand_in import make_take, make_template
from support.store import store_take

from faceanything_addon import cli
from faceanything_addon.blender.exchange import command
from faceanything_addon.blender.exchange.build import face_piece
from faceanything_addon.blender.exchange.formats import FORMATS
from faceanything_addon.errors import UserError
from faceanything_addon.exchange import export as door
from faceanything_addon.exchange.suffixes import KNOWN
from faceanything_addon.exchange.surface import visible_surface
from faceanything_addon.take.take import Take, camera_vertices
from faceanything_addon.template import Part

RATE = 25.0
STAMPS = np.array([0, 1, 2, 3, 6, 7, 8, 10, 11, 12])  # frames at which footage of a varying rate has pictures
FIRST = {"alembic": 1, "usd": 1, "gltf": 0, "fbx": 1}  # scene frame to which Blender imports the take's first
TO_BLENDER = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # OpenCV's camera axes -> Blender's, camera at the origin


@pytest.fixture(scope="module")
def template():
    return make_template(6)


@pytest.fixture
def folder(template, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "load_template", lambda: template)
    return store_take(varying(template), tmp_path / "take")


def varying(template) -> Take:
    take = make_take(template, len(STAMPS), fps=RATE)
    return Take(take.info, take.actor, replace(take.frames, time=3.0 + STAMPS / RATE))


def write(folder, kind, out, content=None, space=None, rate=None):
    done = []
    files = command.export_file(folder, kind, out, content, space, rate, lambda *counts: done.append(counts))
    assert files[0] == out and all(file.is_file() for file in files)
    return done


def truth(template, number, space="camera"):
    """The face in Blender's world at one frame of the take."""
    frames, index = varying(template).frames[number : number + 1], face_piece(visible_surface(template)).index
    if space == "head":
        return frames.vertices[0, index] @ np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]]).T
    return camera_vertices(frames)[0, index] @ TO_BLENDER.T


# Metres. A take stores vertices to 0.0025 mm, so the meshes of all frames are 0.0043 mm off at most; FBX turns by Euler
# angles in single precision.
CASES = [
    ("alembic", "a.abc", "mesh", 5e-6),
    ("usd", "a.usdc", "mesh", 5e-6),
    ("usd", "a.usda", "rig", 2e-6),
    ("gltf", "a.glb", "rig", 2e-6),
    ("gltf", "a.gltf", "rig", 2e-6),
    ("fbx", "a.fbx", "rig", 5e-6),
]


@pytest.mark.parametrize(("kind", "name", "content", "tolerance"), CASES)
def test_what_is_written_comes_back_at_every_frame(folder, template, tmp_path, kind, name, content, tolerance):
    write(folder, kind, tmp_path / name, content)
    reimport(tmp_path / name, RATE)
    face, first = named("Face"), FIRST[kind]
    errors = [distance(world_points(face, first + s), truth(template, n)) for n, s in enumerate(STAMPS)]
    assert max(errors) < tolerance, errors
    # Where the footage has no picture, the mesh is half way.
    between = distance(world_points(face, first + 9), (truth(template, 6) + truth(template, 7)) / 2)
    assert between < 2e-4 and distance(world_points(face, first + 9), truth(template, 6)) > 1e-3


@pytest.mark.parametrize(
    ("kind", "name"), [("alembic", "a.abc"), ("usd", "a.usdc"), ("gltf", "a.glb"), ("fbx", "a.fbx")]
)
def test_in_head_space_the_head_stands_still_and_there_is_no_camera(folder, template, tmp_path, kind, name):
    write(folder, kind, tmp_path / name, space="head")
    reimport(tmp_path / name, RATE)
    for number in (0, 5):
        shown = world_points(named("Face"), FIRST[kind] + STAMPS[number])
        assert distance(shown, truth(template, number, "head")) < 5e-6
    assert not [o for o in bpy.data.objects if o.type == "CAMERA"]


@pytest.mark.parametrize(("kind", "name"), [("usd", "a.usdc"), ("gltf", "a.glb"), ("fbx", "a.fbx")])
def test_shape_keys_have_apples_names_and_the_takes_values(folder, template, tmp_path, kind, name):
    write(folder, kind, tmp_path / name)
    scene = reimport(tmp_path / name, RATE)
    keys = named("Face").data.shape_keys.key_blocks
    assert set(template.expression_names) <= {key.name for key in keys}
    worst = 0.0
    for number, stamp in enumerate(STAMPS):
        scene.frame_set(int(FIRST[kind] + stamp))
        shown = np.array([keys[key].value for key in template.expression_names])
        worst = max(worst, float(np.abs(shown - varying(template).frames.arkit[number]).max()))
    assert worst < 1e-5


CAMERA_MATRIX = np.array([[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]])  # at the origin, looks along +Y


@pytest.mark.parametrize(
    ("kind", "name"), [("alembic", "a.abc"), ("usd", "a.usdc"), ("gltf", "a.glb"), ("fbx", "a.fbx")]
)
def test_eyes_turn_and_the_camera_stands_at_the_origin(folder, template, tmp_path, kind, name):
    write(folder, kind, tmp_path / name)
    reimport(tmp_path / name, RATE)
    for number in (0, 7):
        for eye, part in (("EyeLeft", Part.EYE_LEFT), ("EyeRight", Part.EYE_RIGHT)):
            truth = camera_vertices(varying(template).frames[number : number + 1])[0, template.part == part]
            shown = world_points(named(eye), FIRST[kind] + STAMPS[number])
            assert distance(shown, truth @ TO_BLENDER.T) < 1e-5
    (camera,) = [item for item in bpy.data.objects if item.type == "CAMERA"]
    assert np.abs(np.array(camera.matrix_world) - CAMERA_MATRIX).max() < 1e-5
    lens = camera.data
    upright = lens.sensor_fit == "VERTICAL"
    focal = lens.lens * (480 / lens.sensor_height if upright else 640 / lens.sensor_width)
    assert focal == pytest.approx(1.2 * 640, rel=1e-3)


def test_usd_holds_blend_shapes_metres_and_y_up(folder, template, tmp_path):
    write(folder, "usd", tmp_path / "a.usda", "rig")
    text = (tmp_path / "a.usda").read_text()
    assert all(f'def BlendShape "{name}"' in text for name in template.expression_names)
    assert "SkelAnimation" in text and "blendShapeWeights.timeSamples" in text and 'upAxis = "Y"' in text
    assert "metersPerUnit = 1" in text and f"timeCodesPerSecond = {RATE:g}" in text and "startTimeCode = 1" in text
    write(folder, "usd", tmp_path / "b.usda", "mesh")
    text = (tmp_path / "b.usda").read_text()
    assert "BlendShape" not in text and "point3f[] points.timeSamples" in text


def test_gltf_holds_one_clip_from_zero_seconds_with_apples_names(folder, template, tmp_path):
    write(folder, "gltf", tmp_path / "a.gltf")
    data = json.loads((tmp_path / "a.gltf").read_text())
    (face,) = [mesh for mesh in data["meshes"] if mesh["name"] == "Face"]
    assert face["extras"]["targetNames"] == list(template.expression_names)
    (clip,) = data["animations"]
    weights = [c for c in clip["channels"] if c["target"]["path"] == "weights"]
    times = data["accessors"][clip["samplers"][weights[0]["sampler"]]["input"]]
    assert len(weights) == 1 and times["count"] == STAMPS[-1] + 1
    assert times["min"] == [0.0] and times["max"] == pytest.approx([STAMPS[-1] / RATE])


def test_the_skins_picture_comes_along(folder, template, tmp_path):
    cv2.imwrite(str(folder / "texture.png"), np.full((8, 8, 3), 99, np.uint8))
    for kind, name, beside in (
        ("gltf", "a.glb", None),
        ("gltf", "b.gltf", "b_skin.png"),
        ("fbx", "c.fbx", None),
        ("usd", "d.usdc", "textures/d_skin.png"),
    ):
        write(folder, kind, tmp_path / name)
        assert beside is None or (tmp_path / beside).is_file()
        reimport(tmp_path / name, RATE)
        skin = next(m for m in named("Face").data.materials if m.name.startswith("skin"))
        (image,) = [node.image for node in skin.node_tree.nodes if node.type == "TEX_IMAGE" and node.image]
        assert tuple(image.size) == (8, 8) and image.pixels[0] == pytest.approx(99 / 255, abs=0.01), kind


@pytest.mark.parametrize("kind", ["PC2", "MDD"])
def test_a_cache_moves_the_mesh_that_lies_beside_it(folder, template, tmp_path, kind, monkeypatch):
    monkeypatch.setattr(door, "load_template", lambda: template)
    cache, mesh = door.export(folder, kind.lower(), tmp_path / f"a.{kind}", door.ExportOptions(), lambda *_: None)
    scene = open_empty()
    scene.render.fps = round(RATE)
    bpy.ops.wm.obj_import(filepath=str(mesh))
    face = bpy.context.view_layer.objects.active or bpy.data.objects[0]
    modifier = face.modifiers.new("Cache", "MESH_CACHE")
    modifier.cache_format, modifier.filepath, modifier.frame_start = kind, str(cache), 1.0
    modifier.forward_axis, modifier.up_axis = "POS_Y", "POS_Z"
    for number, stamp in enumerate(STAMPS):
        truth = camera_vertices(varying(template).frames[number : number + 1])[0] @ TO_BLENDER.T
        assert distance(world_points(face, 1 + stamp), truth) < 5e-6, number


def test_another_rate_keeps_the_length_in_seconds(folder, template, tmp_path):
    write(folder, "alembic", tmp_path / "a.abc", rate=50.0)
    scene = reimport(tmp_path / "a.abc", 50.0)
    assert (scene.frame_start, scene.frame_end) == (1, 2 * STAMPS[-1] + 1)
    for number, stamp in enumerate(STAMPS):
        assert distance(world_points(named("Face"), 1 + 2 * stamp), truth(template, number)) < 5e-6


def test_what_does_not_fit_is_told_and_nothing_is_written(folder, template, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    cases = [
        ({"kind": "alembic", "out": out / "a.abc", "content": "rig"}, "Alembic cannot hold it"),
        ({"kind": "gltf", "out": out / "a.glb", "content": "mesh"}, "glTF cannot hold it"),
        ({"kind": "fbx", "out": out / "a.glb"}, "FBX needs a name that ends with .fbx"),
        ({"kind": "usd", "out": out / "none" / "a.usdc"}, "give the name of a file"),
        ({"kind": "usd", "out": out / "a.usdc", "rate": 0.0}, "give 1 to 1000"),
        ({"kind": "usd", "out": out / "a.usdc", "folder": tmp_path}, "is not a take"),
    ]
    for arguments, told in cases:
        with pytest.raises(UserError, match=told) as caught:
            write(**{"folder": folder, **arguments})
        assert "\n" not in str(caught.value)
    monkeypatch.setattr(command, "load_template", lambda: make_template(5))
    with pytest.raises(UserError, match="another face template"):
        write(folder, "usd", out / "a.usdc")
    assert list(out.iterdir()) == []


def test_a_stopped_export_leaves_what_was_there(folder, tmp_path):
    class Stopped(Exception):
        pass

    def stop(done, total):
        raise Stopped

    (tmp_path / "a.abc").write_text("older")
    with pytest.raises(Stopped):
        command.export_file(folder, "alembic", tmp_path / "a.abc", None, None, None, stop)
    assert (tmp_path / "a.abc").read_text() == "older"
    assert {path.name for path in tmp_path.iterdir()} == {"a.abc", "take"}


def test_the_command_line_writes_a_glb(folder, tmp_path, capsys):
    assert cli.main(["export", str(folder), "--format", "gltf", "--out", str(tmp_path / "a.glb")]) == 0
    assert f"{tmp_path / 'a.glb'}: written" in capsys.readouterr().out
    assert cli.main(["export", str(folder), "--format", "fbx", "--out", str(tmp_path / "a.abc")]) == 2
    assert "FBX needs a name" in capsys.readouterr().err


@pytest.mark.parametrize("free", [[10], [1 << 40, 10]])
def test_a_disk_that_is_full_before_or_after_is_told_and_leaves_nothing(folder, tmp_path, monkeypatch, free):
    """Exporters write cut-off files to a full disk without a word."""
    out = tmp_path / "out"
    out.mkdir()
    sizes = iter(free)
    monkeypatch.setattr(command, "free_space", lambda place: next(sizes))
    with pytest.raises(UserError, match="the disk is full"):
        write(folder, "usd", out / "a.usdc")
    assert list(out.iterdir()) == []


def test_neither_a_file_nor_what_lies_beside_it_replaces_the_footage(template, tmp_path, monkeypatch):
    """A glTF's pictures are files of their own."""
    monkeypatch.setattr(command, "load_template", lambda: template)
    footage = tmp_path / "face_skin.png"
    cv2.imwrite(str(footage), np.full((48, 64, 3), 99, np.uint8))
    before = footage.read_bytes()
    folder = store_take(make_take(template, 3, footage=str(footage)), tmp_path / "take")
    cv2.imwrite(str(folder / "texture.png"), np.full((8, 8, 3), 50, np.uint8))
    with pytest.raises(UserError, match="face_skin.png: is the take's own footage"):
        write(folder, "gltf", tmp_path / "face.gltf")
    (tmp_path / "clip.fbx").hardlink_to(footage)
    with pytest.raises(UserError, match="clip.fbx: is the take's own footage"):
        write(folder, "fbx", tmp_path / "clip.fbx")
    assert footage.read_bytes() == before and not (tmp_path / "face.gltf").exists()


def test_every_name_that_is_written_here_is_one_that_no_other_export_takes():
    assert {suffix for kind in FORMATS.values() for suffix in kind.suffixes} <= KNOWN
