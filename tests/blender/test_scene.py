"""A take as a scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import bpy
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector
from support.stand_in import make_take, make_template

from faceanything_addon.blender import space
from faceanything_addon.blender.scene import SceneOptions, build_take
from faceanything_addon.blender.scene.mesh import FACE, cut_piece
from faceanything_addon.reconstruct.keys import key_shapes
from faceanything_addon.take.take import camera_vertices, project
from faceanything_addon.template import Part
from faceanything_addon.template.shape import own_shapes


@pytest.fixture(scope="module")
def template():
    return make_template()


def seen(built, item, frame):
    """Footage pixels of an object's evaluated vertices: (N, 2)."""
    scene = bpy.context.scene
    whole = int(np.floor(frame))
    scene.frame_set(whole, subframe=float(frame - whole))
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    info = scene.render
    out = []
    for vertex in evaluated.data.vertices:
        view = world_to_camera_view(scene, built.camera, evaluated.matrix_world @ vertex.co)
        out.append((view.x * info.resolution_x - 0.5, (1 - view.y) * info.resolution_y - 0.5))
    return np.array(out)


def positions(item):
    mesh = item.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
    out = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", out)
    return out.reshape(-1, 3)


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (500, 500)])
def test_the_mesh_lies_over_the_plate(template, size):
    take = make_take(template, 8, *size)
    built = build_take(bpy.context.scene, take, template, SceneOptions())
    truth = project(camera_vertices(take.frames), take.frames.intrinsics)
    face = cut_piece(template, FACE).index
    for frame in (0, 3, 7):
        pixels = seen(built, built.face, built.clock.keys[frame])
        assert np.abs(pixels - truth[frame, face]).max() < 0.05
        for eye, part in zip(built.eyes, (Part.EYE_LEFT, Part.EYE_RIGHT), strict=True):
            pixels = seen(built, eye, built.clock.keys[frame])
            assert np.abs(pixels - truth[frame, template.part == part]).max() < 0.05


def test_shoulders_are_hidden_and_can_be_had_back(template):
    low = (template.vertices[:, 1] < np.median(template.vertices[:, 1])).astype(np.float32)
    template = replace(template, regions=template.regions | {"shoulders": low})
    built = build_take(bpy.context.scene, make_take(template, 2), template, SceneOptions())
    index = cut_piece(template, FACE).index
    assert len(positions(built.face)) == (low[index] < 0.5).sum() > 0
    built.face.modifiers["Hide shoulders"].show_viewport = False
    assert len(positions(built.face)) == len(index)


def test_a_zooming_lens_is_keyed(template):
    take = make_take(template, 6)
    intrinsics = take.frames.intrinsics.copy()
    intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = np.linspace(700, 900, 6)
    take = replace(take, frames=replace(take.frames, intrinsics=intrinsics))
    built = build_take(bpy.context.scene, take, template, SceneOptions())
    truth = project(camera_vertices(take.frames), intrinsics)
    pixels = seen(built, built.face, built.clock.keys[4])
    assert np.abs(pixels - truth[4, cut_piece(template, FACE).index]).max() < 0.05


def test_face_shows_the_take_at_each_frame_and_between(template):
    take = make_take(template, 10)
    built = build_take(bpy.context.scene, take, template, SceneOptions())
    truth = space.object_vertices(take.frames.vertices[:, cut_piece(template, FACE).index])
    for frame in range(10):
        bpy.context.scene.frame_set(frame + 1)
        assert np.abs(positions(built.face) - truth[frame]).max() < 1e-5
    bpy.context.scene.frame_set(4, subframe=0.5)
    assert np.abs(positions(built.face) - (truth[3] + truth[4]) / 2).max() < 1e-5


def test_long_takes_play_from_a_cache(template, tmp_path):
    take = make_take(template, 9)
    file = tmp_path / "face.pc2"
    built = build_take(bpy.context.scene, take, template, SceneOptions(key_limit=5, cache_file=file))
    assert built.face.data.shape_keys is None and file.is_file()
    truth = space.object_vertices(take.frames.vertices[:, cut_piece(template, FACE).index])
    for frame in (0, 4, 8):
        bpy.context.scene.frame_set(frame + 1)
        assert np.abs(positions(built.face) - truth[frame]).max() < 1e-5
    bpy.context.scene.frame_set(4, subframe=0.5)
    assert np.abs(positions(built.face) - (truth[3] + truth[4]) / 2).max() < 1e-5


def test_variable_frame_rate_keys_lie_between_frames(template):
    take = make_take(template, 6)
    time = np.array([0, 0.031, 0.07, 0.1, 0.152, 0.2])
    take = replace(take, frames=replace(take.frames, time=time))
    built = build_take(bpy.context.scene, take, template, SceneOptions())
    assert built.clock.keys == pytest.approx(1 + time * 30)
    truth = space.object_vertices(take.frames.vertices[:, cut_piece(template, FACE).index])
    bpy.context.scene.frame_set(2, subframe=float(built.clock.keys[1] - 1) if built.clock.keys[1] < 2 else 0)
    bpy.context.scene.frame_set(3, subframe=float(built.clock.keys[2] - 3))
    assert np.abs(positions(built.face) - truth[2]).max() < 1e-5


def test_arkit_copy_has_52_animated_relative_keys(template):
    take = make_take(template, 8)
    built = build_take(bpy.context.scene, take, template, SceneOptions())
    shapes = built.rig.data.shape_keys
    assert shapes.use_relative and [k.name for k in shapes.key_blocks][1:] == list(template.expression_names)
    for frame in (0, 5):
        bpy.context.scene.frame_set(frame + 1)
        values = [shapes.key_blocks[n].value for n in template.expression_names]
        assert values == pytest.approx(take.frames.arkit[frame], abs=1e-5)
    index = cut_piece(template, FACE).index
    neutral, offsets = key_shapes(template, take.actor)
    own, mouth = own_shapes(template, take.actor.rest, take.actor.neutral), 7  # of the shapes that are there at rest
    assert np.abs(own.expressions[mouth] - template.expressions[mouth]).max() > 1e-3
    assert np.isclose(offsets[mouth], own.expressions[mouth], atol=1e-5).mean() > 0.9  # but for the lids
    truth = space.object_vertices((neutral + np.tensordot(take.frames.arkit[5], offsets, axes=1))[index])
    assert np.abs(positions(built.rig) - truth).max() < 1e-5
    assert built.rig.hide_render


def test_rate_range_and_resolution(template):
    take = make_take(template, 20, 480, 640, fps=30000 / 1001)
    build_take(bpy.context.scene, take, template, SceneOptions())
    scene = bpy.context.scene
    assert (scene.render.fps, scene.render.fps_base) == (30, pytest.approx(1.001))
    assert (scene.frame_start, scene.frame_end) == (1, 20)
    assert (scene.render.resolution_x, scene.render.resolution_y) == (480, 640)


def test_quads_uvs_parts_groups_and_numbers(template):
    take = make_take(template, 2)
    face = build_take(bpy.context.scene, take, template, SceneOptions()).face
    mesh = face.data
    assert all(p.loop_total == 4 and p.use_smooth for p in mesh.polygons)
    assert mesh.uv_layers.active is not None
    assert {mesh.materials[p.material_index].name.split()[-1] for p in mesh.polygons} == {"skin", "teeth", "tongue"}
    assert set(face.vertex_groups.keys()) == {"skin", "chin"}
    numbers = [a.value for a in mesh.attributes["face_anything_vertex"].data]
    assert numbers == cut_piece(template, FACE).index.tolist()


def test_a_head_that_turns_round_has_no_jump(template):
    angle = np.linspace(0, 4 * np.pi, 60)
    turns = np.stack([[[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]] for a in angle])
    q = space.quaternions(turns)
    assert np.abs(np.diff(q, axis=0)).max() < 0.2
    rotated = np.array(Vector((0, 0, 1)))
    assert np.allclose(turns[7] @ rotated, [np.sin(angle[7]), 0, np.cos(angle[7])])


def test_two_takes_live_side_by_side(template):
    take = make_take(template, 3)
    first = build_take(bpy.context.scene, take, template, SceneOptions())
    second = build_take(bpy.context.scene, take, template, SceneOptions())
    assert first.collection.name == "clip" and second.collection.name != "clip"
    assert first.head.animation_data.action != second.head.animation_data.action


def test_missing_footage_still_gives_a_scene(template):
    built = build_take(bpy.context.scene, make_take(template, 3), template, SceneOptions())
    assert built.plate is None and len(built.camera.data.background_images) == 0
