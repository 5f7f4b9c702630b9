"""Alembic, USD, glTF and FBX: written, imported again and compared."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from reimport import distance, named, reimport, world_points
from support.stand_in import make_take, make_template
from support.store import store_take

from faceanything_addon.blender.exchange import command
from faceanything_addon.blender.exchange.build import face_piece
from faceanything_addon.exchange.surface import visible_surface
from faceanything_addon.take.take import Take, camera_vertices

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
