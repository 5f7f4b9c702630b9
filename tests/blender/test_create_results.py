"""What becomes of new shape keys: accepted, discarded, undone; what is refused on the way."""

# SPDX-License-Identifier: GPL-3.0-or-later
import bpy
import numpy as np
import pytest
from test_create import add_monkey, places, scene, select, two_shapes

from faceanything_addon.blender.create.pieces import family, read_pieces
from faceanything_addon.blender.create.result import add_copies, axes_of, results
from faceanything_addon.blender.jobs import state
from faceanything_addon.blender.retarget.operators import chosen_character
from faceanything_addon.errors import UserError

__all__ = ["scene"]


def refuses(operator, line):
    with pytest.raises(RuntimeError, match=line):
        getattr(bpy.ops.face_anything, operator)()
    assert line in state.error and "Traceback" not in state.error


def test_a_result_whose_original_was_deleted_is_kept_until_it_is_discarded(scene):
    head = add_monkey()
    collection = two_shapes(head)
    head.hide_set(False)
    select(head)
    bpy.ops.object.delete()
    refuses("accept_shapes", "the mesh it was made from is gone")
    assert collection.objects[0].data.shape_keys is not None
    assert bpy.ops.face_anything.discard_shapes() == {"FINISHED"} and not scene.objects


def test_what_was_hidden_stays_hidden_and_other_view_layers_do_no_harm(scene):
    head, other = add_monkey(), add_monkey()
    head.hide_set(True)
    room = bpy.data.collections.new("Elsewhere")
    scene.collection.children.link(room)
    room.objects.link(other)
    scene.collection.objects.unlink(other)
    bpy.context.view_layer.layer_collection.children["Elsewhere"].exclude = True
    for item in (head, other):
        two_shapes(item)
        assert bpy.ops.face_anything.discard_shapes() == {"FINISHED"}
    assert head.hide_get() and not results(scene)


@pytest.mark.parametrize("mode", ["EDIT", "SCULPT"])
def test_a_copy_that_is_being_worked_on_is_neither_accepted_nor_discarded(scene, mode):
    copy = two_shapes(add_monkey()).objects[0]
    select(copy)
    bpy.ops.object.mode_set(mode=mode)
    for operator in ("accept_shapes", "discard_shapes"):
        refuses(operator, "Suzanne ARKit: is being worked on; go to Object Mode first")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert bpy.ops.face_anything.accept_shapes() == {"FINISHED"}


def test_accepted_meshes_are_selected_alone_and_the_one_in_hand_is_active(scene):
    head, teeth, stranger = add_monkey(), add_monkey(), add_monkey()
    offset = np.full((1, len(head.data.vertices), 3), 0.1)
    collection = add_copies(scene, [head, teeth], ["jawOpen"], [offset, offset])
    select(collection.objects[1], stranger)
    assert bpy.ops.face_anything.accept_shapes() == {"FINISHED"}
    assert bpy.context.view_layer.objects.active == teeth and set(bpy.context.selected_objects) == {head, teeth}
    assert chosen_character(bpy.context).meshes == (teeth,)


def test_a_mesh_that_is_in_no_view_layer_is_accepted_too(scene):
    head, room = add_monkey(), bpy.data.collections.new("Elsewhere")
    scene.collection.children.link(room)
    room.objects.link(head)
    scene.collection.objects.unlink(head)
    two_shapes(head)
    bpy.context.view_layer.layer_collection.children["Elsewhere"].exclude = True
    assert bpy.ops.face_anything.accept_shapes() == {"FINISHED"} and head.data.shape_keys is not None


def test_what_is_being_worked_on_stays_in_hand_when_shapes_are_accepted(scene):
    head, stranger = add_monkey(), add_monkey()
    two_shapes(head)
    select(stranger)
    bpy.ops.object.mode_set(mode="EDIT")
    assert bpy.ops.face_anything.accept_shapes() == {"FINISHED"}
    assert bpy.context.view_layer.objects.active == stranger and stranger.mode == "EDIT"
    bpy.ops.object.mode_set(mode="OBJECT")


def test_copies_without_keys_and_doubled_copies_are_told(scene):
    head = add_monkey()
    collection = two_shapes(head)
    double = collection.objects[0].copy()
    collection.objects.link(double)
    refuses("accept_shapes", "Suzanne: has several copies")
    collection.objects.unlink(double)
    collection.objects[0].shape_key_clear()
    refuses("accept_shapes", "has no shape keys any more")
    assert head.data.shape_keys is None


def test_linked_duplicates_that_both_move_get_meshes_and_keys_of_their_own(scene):
    left = add_monkey()
    right = left.copy()
    scene.collection.objects.link(right)
    offset = np.zeros((1, len(left.data.vertices), 3))
    offset[..., 2] = 0.1
    add_copies(scene, [left, right], ["jawOpen"], [offset, -offset])
    assert bpy.ops.face_anything.accept_shapes() == {"FINISHED"}
    assert left.data != right.data
    for item, way in ((left, 0.1), (right, -0.1)):
        keys = item.data.shape_keys.key_blocks
        assert [k.name for k in keys] == ["Basis", "jawOpen"]
        assert np.allclose((places(keys["jawOpen"]) - places(keys["Basis"]))[:, 2], way, atol=1e-6)


@pytest.mark.parametrize("number", [0, 1])
def test_a_key_made_on_the_copy_of_one_linked_duplicate_stays_with_that_one(scene, number):
    left = add_monkey()
    right = left.copy()
    scene.collection.objects.link(right)
    offset = np.zeros((1, len(left.data.vertices), 3))
    offset[..., 2] = 0.1
    copies = list(add_copies(scene, [left, right], ["jawOpen"], [offset, -offset]).objects)
    copies[number].shape_key_add(name="Own", from_mix=False).data[0].co.x += 1
    assert bpy.ops.face_anything.accept_shapes() == {"FINISHED"}
    for item, has in ((left, number == 0), (right, number == 1)):
        assert ("Own" in item.data.shape_keys.key_blocks) == has


def test_an_arkit_key_made_by_hand_meanwhile_is_not_touched(scene):
    head = add_monkey()
    copy = two_shapes(head).objects[0]
    head.shape_key_add(name="Basis")
    head.shape_key_add(name="jawOpen").data[0].co.x += 1
    refuses("accept_shapes", "Suzanne: already has the shape key jawOpen")
    copy.shape_key_remove(copy.data.shape_keys.key_blocks["jawOpen"])
    assert bpy.ops.face_anything.accept_shapes() == {"FINISHED"}
    keys = head.data.shape_keys.key_blocks
    assert [k.name for k in keys] == ["Basis", "jawOpen", "eyeBlinkLeft"]
    assert keys["jawOpen"].data[0].co.x == pytest.approx(keys["Basis"].data[0].co.x + 1)


def test_keys_that_the_user_made_on_a_copy_are_accepted_with_their_ranges_and_no_key_of_before_comes_back(scene):
    head = add_monkey()
    head.shape_key_add(name="Basis")
    for name in ("Smirk", "Gone"):
        head.shape_key_add(name=name)
    copy = two_shapes(head).objects[0]
    wrinkle = copy.shape_key_add(name="Wrinkle", from_mix=False)
    wrinkle.relative_key = copy.data.shape_keys.key_blocks["jawOpen"]
    wrinkle.slider_min, wrinkle.slider_max = -2, -1
    wrinkle.data[0].co.x += 1
    head.shape_key_remove(head.data.shape_keys.key_blocks["Gone"])
    assert bpy.ops.face_anything.accept_shapes() == {"FINISHED"}
    keys = head.data.shape_keys.key_blocks
    assert [k.name for k in keys] == ["Basis", "Smirk", "eyeBlinkLeft", "jawOpen", "Wrinkle"]
    assert (places(keys["Wrinkle"]) - places(keys["Basis"]))[0] == pytest.approx([1, 0, 0], abs=1e-5)
    assert (keys["Wrinkle"].slider_min, keys["Wrinkle"].slider_max) == (-2, -1)
    assert keys["Wrinkle"].relative_key == keys["jawOpen"]


def test_a_key_that_the_user_made_on_copy_and_mesh_is_refused(scene):
    head = add_monkey()
    copy = two_shapes(head).objects[0]
    head.shape_key_add(name="Basis")
    for item in (head, copy):
        item.shape_key_add(name="Wrinkle")
    refuses("accept_shapes", "Suzanne: already has the shape key Wrinkle")
    assert copy.data.shape_keys is not None


def test_what_the_user_has_put_beside_the_copies_stays(scene):
    collection = two_shapes(add_monkey())
    own = bpy.data.objects.new("Own", None)
    collection.objects.link(own)
    bpy.ops.face_anything.discard_shapes()
    assert scene.objects.get("Own") == own


def data_blocks():
    tables = ((name, getattr(bpy.data, name)) for name in dir(bpy.data))
    return {name: len(table) for name, table in tables if isinstance(table, bpy.types.bpy_prop_collection)}


def test_discard_leaves_no_data_block_behind(scene):
    head = add_monkey()
    head.data.materials.append(bpy.data.materials.new("Skin"))
    head.modifiers.new("Subdivision", "SUBSURF")
    head.shape_key_add(name="Basis")
    head.shape_key_add(name="Smirk").keyframe_insert("value", frame=1)
    head.keyframe_insert("location", frame=1)
    before = data_blocks()
    two_shapes(head)
    bpy.ops.face_anything.discard_shapes()
    assert data_blocks() == before


@pytest.mark.parametrize("operator", ["accept_shapes", "discard_shapes"])
def test_accept_and_discard_are_undone_by_one_undo(scene, operator):
    bpy.context.preferences.edit.use_global_undo = True
    add_monkey()
    bpy.ops.ed.undo_push(message="before")
    two_shapes(bpy.data.objects["Suzanne"])
    bpy.ops.ed.undo_push(message="made")
    getattr(bpy.ops.face_anything, operator)()
    bpy.ops.ed.undo_push(message="done")
    bpy.ops.ed.undo()
    (result,) = results(bpy.context.scene)
    head = bpy.data.objects["Suzanne"]
    assert [o.name for o in result.objects] == ["Suzanne ARKit"] and head.data.shape_keys is None and head.hide_get()
    bpy.ops.ed.undo()
    assert not results(bpy.context.scene) and not bpy.data.objects["Suzanne"].hide_get() and len(bpy.data.meshes) == 1


def test_hidden_meshes_and_copies_are_not_taken_along(scene):
    rig = bpy.data.objects.new("Rig", None)
    scene.collection.objects.link(rig)
    head, low = add_monkey(), add_monkey()
    head.parent = low.parent = rig
    low.hide_set(True)
    assert family(head, scene.objects) == [head]
    copy = two_shapes(head).objects[0]
    select(copy)
    with pytest.raises(RuntimeError, match="is a copy with new shapes; accept or discard it first"):
        bpy.ops.face_anything.make_shapes()


def test_a_linked_mesh_is_refused_with_a_way_out(scene, tmp_path):
    add_monkey()
    file = tmp_path / "library.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(file), link=True) as (there, here):
        here.objects = list(there.objects)
    bpy.context.scene.collection.objects.link(bpy.data.objects["Suzanne"])
    with pytest.raises(UserError, match="make object and data local first"):
        read_pieces([bpy.data.objects["Suzanne"]])


def test_shapes_are_of_the_moment_they_were_asked_for_though_the_object_moves_on(scene):
    head = add_monkey()
    head.rotation_euler = (0.0, 0.0, 1.0)
    bpy.context.view_layer.update()
    axes = axes_of(head)
    offset = np.zeros((1, len(head.data.vertices), 3))
    offset[..., 0] = 0.1
    head.rotation_euler = (0.0, 0.0, 2.5)
    bpy.context.view_layer.update()
    copy = add_copies(scene, [head], ["jawOpen"], [offset], [axes]).objects[0]
    keys = copy.data.shape_keys.key_blocks
    moved = (places(keys["jawOpen"]) - places(keys["Basis"]))[0]
    assert moved == pytest.approx(axes.T @ [0.1, 0, 0], abs=1e-5)


def test_landmarks_are_added_once_about_all_meshes(scene):
    head, far = add_monkey(), add_monkey()
    far.location.z = 10
    bpy.context.view_layer.update()
    select(head, far)
    bpy.ops.face_anything.add_landmarks()
    assert max(e.location.z for e in scene.objects if e.type == "EMPTY") > 4
    select(head)
    refuses("add_landmarks", "there are landmarks already")


def test_a_cube_is_no_face_and_leaves_nothing(scene):
    bpy.ops.mesh.primitive_cube_add()
    before = data_blocks()
    refuses("make_shapes", "Cube: no face is recognised on it")
    assert data_blocks() == before
