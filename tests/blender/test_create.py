"""Make ARKit Shape Keys in Blender: copies, acceptance, what is refused, the command line."""

# SPDX-License-Identifier: GPL-3.0-or-later
import json

import bpy
import numpy as np
import pytest
from support.heads import head_pieces

import faceanything_addon
from faceanything_addon import cli
from faceanything_addon.blender.create.landmarks import scene_landmarks
from faceanything_addon.blender.create.pieces import read_pieces
from faceanything_addon.blender.create.result import add_copies, results
from faceanything_addon.blender.jobs import state
from faceanything_addon.errors import UserError
from faceanything_addon.retarget import recognise
from faceanything_addon.template import load_template
from faceanything_addon.template.names import arkit_names

SUZANNE = {  # places on Blender's monkey: it looks along -Y, the subject's left is +X
    "eye_outer_left": (0.60, -0.62, 0.27),
    "eye_inner_left": (0.17, -0.70, 0.22),
    "eye_upper_left": (0.36, -0.72, 0.44),
    "eye_lower_left": (0.36, -0.74, 0.06),
    "brow_inner_left": (0.16, -0.80, 0.50),
    "brow_outer_left": (0.62, -0.60, 0.50),
    "nostril_left": (0.10, -0.80, -0.32),
    "mouth_left": (0.26, -0.66, -0.72),
    "jaw_left": (0.36, -0.42, -0.62),
    "nose_tip": (0, -0.86, -0.28),
    "nose_bridge": (0, -0.74, 0.12),
    "lip_upper": (0, -0.78, -0.52),
    "lip_lower": (0, -0.68, -0.87),
    "chin": (0, -0.52, -0.98),
}
SUZANNE |= {n.replace("left", "right"): (-x, y, z) for n, (x, y, z) in SUZANNE.items() if "left" in n}


@pytest.fixture
def scene():
    faceanything_addon.register()
    yield bpy.context.scene
    faceanything_addon.unregister()
    state.error = state.note = ""


def add_piece(piece):
    ends = [*piece.starts[1:], len(piece.corners)]
    mesh = bpy.data.meshes.new(piece.name)
    polygons = [piece.corners[a:b].tolist() for a, b in zip(piece.starts, ends, strict=True)]
    mesh.from_pydata(piece.vertices.tolist(), [], polygons)
    item = bpy.data.objects.new(piece.name, mesh)
    bpy.context.scene.collection.objects.link(item)
    return item


def select(*items):
    for item in bpy.context.scene.objects:
        item.select_set(item in items)
    bpy.context.view_layer.objects.active = items[0] if items else None


def add_monkey():
    bpy.ops.mesh.primitive_monkey_add()
    return bpy.context.object


def places(block):
    flat = np.empty(len(block.data) * 3, np.float32)
    block.data.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def two_shapes(item, names=("jawOpen", "eyeBlinkLeft")):
    """A result without a recognition: every vertex moves a little up."""
    offset = np.zeros((len(names), len(item.data.vertices), 3))
    offset[..., 2] = 0.1
    return add_copies(bpy.context.scene, [item], names, [offset])


def test_keys_are_made_on_copies_and_accepted_onto_the_meshes(scene):
    head, eyes, teeth = (add_piece(p) for p in head_pieces(load_template(), ("Head", "Eyes", "Teeth")))
    head.modifiers.new("Subdivision", "SUBSURF")
    before = [v.co.copy() for v in head.data.vertices]
    select(head, eyes, teeth)
    assert bpy.ops.face_anything.make_shapes() == {"FINISHED"}
    assert head.data.shape_keys is None and all(v.co == c for v, c in zip(head.data.vertices, before, strict=True))
    (result,) = results(scene)
    # The eyes are moved by no shape: there is no copy of them.
    assert {o.name for o in result.objects} == {"Head ARKit", "Teeth ARKit"}
    copy = result.objects["Head ARKit"]
    assert tuple(k.name for k in copy.data.shape_keys.key_blocks[1:]) == arkit_names()
    assert bpy.context.view_layer.objects.active == copy
    assert "SUBSURF" in {m.type for m in copy.modifiers} and not head.visible_get()
    assert bpy.ops.face_anything.accept_shapes() == {"FINISHED"}
    assert not results(scene) and head.visible_get() and eyes.data.shape_keys is None
    keys = head.data.shape_keys.key_blocks
    assert recognise([k.name for k in keys[1:]]).table.name == "apple"
    jaw = places(keys["jawOpen"]) - places(keys["Basis"])
    # 3 cm of the template at 23 units a metre, downwards.
    assert -1.3 < jaw[:, 2].min() < -0.5


def test_discard_leaves_no_trace(scene):
    head = add_monkey()
    two_shapes(head)
    meshes, objects = len(bpy.data.meshes), len(bpy.data.objects)
    assert bpy.ops.face_anything.discard_shapes() == {"FINISHED"}
    assert (len(bpy.data.meshes), len(bpy.data.objects)) == (meshes - 1, objects - 1)
    assert head.data.shape_keys is None and head.visible_get() and not results(scene)


def test_keys_that_were_there_are_kept(scene):
    head = add_monkey()
    head.shape_key_add(name="Basis")
    head.shape_key_add(name="Smirk").data[0].co.x += 0.25
    two_shapes(head)
    bpy.ops.face_anything.accept_shapes()
    keys = head.data.shape_keys.key_blocks
    assert [k.name for k in keys] == ["Basis", "Smirk", "eyeBlinkLeft", "jawOpen"]
    assert keys["Smirk"].data[0].co.x == pytest.approx(keys["Basis"].data[0].co.x + 0.25)


def test_displacements_are_the_worlds_on_scaled_and_turned_objects(scene):
    head = add_monkey()
    head.scale, head.rotation_euler = (2, 3, 4), (0.3, 0.5, 1.0)
    bpy.context.view_layer.update()
    copy = two_shapes(head).objects[0]
    keys = copy.data.shape_keys.key_blocks
    moved = (places(keys["jawOpen"]) - places(keys["Basis"])) @ np.array(head.matrix_world)[:3, :3].T
    assert np.allclose(moved, [0, 0, 0.1], atol=1e-4)


def refused(line, prepare):
    head = add_monkey()
    prepare(head)
    select(head)
    with pytest.raises(RuntimeError, match=line):
        bpy.ops.face_anything.make_shapes()
    assert state.error.startswith("Suzanne: ") and "\n" not in state.error and state.job is None
    bpy.data.meshes.remove(head.data)


def test_what_cannot_receive_keys_is_refused_in_one_line(scene):
    refused("apply the Mirror modifier", lambda head: head.modifiers.new("Mirror", "MIRROR"))
    refused(
        "already has the shape key jawOpen", lambda h: (h.shape_key_add(name="Basis"), h.shape_key_add(name="jawOpen"))
    )
    refused("scaled to nothing", lambda head: (setattr(head, "scale", (0, 1, 1)), bpy.context.view_layer.update()))
    refused("has no faces", lambda head: head.data.clear_geometry())


def test_without_a_selection_or_a_result_a_line_says_so(scene):
    for operator, line in (("make_shapes", "nothing is selected"), ("accept_shapes", "there are no new shapes")):
        with pytest.raises(RuntimeError, match=line):
            getattr(bpy.ops.face_anything, operator)()


def test_a_result_is_not_accepted_onto_a_mesh_that_was_changed(scene):
    head = add_monkey()
    collection = two_shapes(head)
    head.data.vertices.add(1)
    with pytest.raises(RuntimeError, match="Suzanne: has other vertices by now"):
        bpy.ops.face_anything.accept_shapes()
    assert head.data.shape_keys is None and len(collection.objects) == 1


def test_loose_vertices_and_polygons_of_any_size_are_read(scene):
    mesh = bpy.data.meshes.new("Mixed")
    corners = [(0, 0, 0), (1, 0, 0), (2, 1, 0), (1, 2, 0), (0, 1, 0), (5, 5, 5)]
    mesh.from_pydata(corners, [], [[0, 1, 2, 3, 4]])
    item = bpy.data.objects.new("Mixed", mesh)
    scene.collection.objects.link(item)
    (piece,) = read_pieces([item])
    assert len(piece.vertices) == 6 and piece.starts.tolist() == [0] and piece.corners.tolist() == [0, 1, 2, 3, 4]


def test_landmarks_are_empties_that_can_be_moved(scene):
    head = add_monkey()
    assert scene_landmarks(scene) is None
    select(head)
    assert bpy.ops.face_anything.add_landmarks() == {"FINISHED"}
    scene.objects["chin"].location = (1, 2, 3)
    bpy.context.view_layer.update()
    found = scene_landmarks(scene)
    assert np.allclose(found.points[list(found.index).index(8)], [1, 2, 3]) and len(found.index) == 23
    assert all(abs(x) < 1.5 and y < 0 for x, y, _ in found.points[found.index != 8])
    for name in list(scene.objects.keys())[4:]:
        bpy.data.objects.remove(scene.objects[name])
    with pytest.raises(UserError, match="too few"):
        scene_landmarks(scene)


def test_the_command_makes_keys_by_landmarks_where_no_face_is_recognised(scene, tmp_path, capsys):
    monkey = add_monkey()
    monkey.scale = (3, 3, 3)
    file, marks, out = tmp_path / "monkey.blend", tmp_path / "marks.json", tmp_path / "made" / "keys.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    original = file.read_bytes()
    marks.write_text(json.dumps({"landmarks": {n: [3 * c for c in p] for n, p in SUZANNE.items()}}))
    command = ["make-shapes", str(file), "--out", str(out), "--landmarks", str(marks), "--object", "Suzanne"]
    assert cli.main(command) == 0
    assert "Suzanne: 52 shape keys" in capsys.readouterr().out and file.read_bytes() == original
    bpy.ops.wm.open_mainfile(filepath=str(out))
    keys = bpy.data.objects["Suzanne"].data.shape_keys.key_blocks
    rest = places(keys["Basis"])
    chin = int(np.argmin(np.linalg.norm(rest - [0, -0.5, -0.98], axis=1)))
    ear = int(rest[:, 0].argmax())
    jaw = places(keys["jawOpen"]) - rest
    assert jaw[chin, 2] < -0.05 and np.abs(jaw[ear]).max() < 0.01
    lid = np.linalg.norm(rest - SUZANNE["eye_upper_left"], axis=1) < 0.15
    assert (places(keys["eyeBlinkLeft"]) - rest)[lid, 2].min() < -0.1
    assert np.abs((places(keys["eyeBlinkRight"]) - rest)[lid]).max() < 0.03


def test_landmarks_are_not_replaced_by_what_is_made_of_them(tmp_path, capsys):
    marks = tmp_path / "marks.json"
    marks.write_text(json.dumps({"landmarks": SUZANNE}))
    before = marks.read_bytes()
    assert cli.main(["make-shapes", str(tmp_path / "a.obj"), "--out", str(marks), "--landmarks", str(marks)]) == 2
    assert f"{marks}: is what it is made from; give another name" in capsys.readouterr().err
    assert marks.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "options", "line"),
    [
        ("none.blend", [], "no such file"),
        ("notes.txt", [], "is no character file"),
        ("broken.obj", ["--front", "up"], "is no direction to look in"),
        ("broken.obj", ["--landmarks", "none.json"], "none.json: cannot be read"),
    ],
)
def test_bad_files_end_with_one_line(tmp_path, capsys, name, options, line):
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "broken.obj").write_text("")
    assert cli.main(["make-shapes", str(tmp_path / name), "--out", str(tmp_path / "o.blend"), *options]) == 2
    assert line in capsys.readouterr().err and not (tmp_path / "o.blend").exists()
