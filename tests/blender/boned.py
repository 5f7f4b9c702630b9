"""Characters whose faces are moved by bones, made in Blender: the template's head, skinned."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from faceanything_addon.blender import space
from faceanything_addon.blender.retarget.bones.rigs import store_map
from faceanything_addon.retarget.bones import Bone, BoneMap, Eyes
from faceanything_addon.retarget.bones.anchors import anchor_points
from faceanything_addon.template import Part, load_template
from faceanything_addon.template.shape import EYES

FALLOFF = 0.011  # metres
JAW_TURN = 0.1013  # radians of this rig's jaw for jawOpen at 1, when the face is recognised without any error
LOCKED_JAW_TURN = 0.1265  # the same while its y axis and the lower lip's sideways shift are locked
RECOGNISED = 0.05  # share of it by which the network's recognition of a grey head may be off
JAW_JOINT = np.array([0.0, -0.03, -0.055])
LIPS = ("lip_upper", "lip_upper_left", "lip_upper_right", "lip_corner_left", "lip_corner_right")
LOWER_LIPS = ("lip_lower", "lip_lower_left", "lip_lower_right")
BROWS = tuple(f"brow_{part}_{side}" for part in ("inner", "mid", "outer") for side in ("left", "right"))
LIDS = tuple(f"lid_{row}_{side}" for row in ("upper", "lower") for side in ("left", "right"))
PLACED = (*LIPS, *LOWER_LIPS, *BROWS, "nostril_left", "nostril_right")


def add_head(size: float = 1.0, name: str = "Face"):
    """The template's neutral head, `size` times as large, facing -Y; its bones' map; the armature `rig`."""
    template = load_template()
    at = {name: size * point for name, point in anchor_points(template, template.vertices.astype(np.float64)).items()}
    rig = _armature(at, size)
    face = _mesh(name, size * template.vertices, template.quads, rig)
    for bone, weights in _weights(template).items():
        group = face.vertex_groups.new(name=bone)
        for row in np.flatnonzero(weights > 1e-3):
            group.add([int(row)], float(weights[row]), "REPLACE")
    return rig, face, _map()


def _map() -> BoneMap:
    bones = {f"b.{name}": Bone(name) for name in PLACED}
    bones.update({f"b.{name}": Bone(name, tail=True, moves="turn") for name in LIDS})
    bones["jaw"] = Bone(None, tail=True, moves="both")
    return BoneMap("test", "test rig", bones, "head", ("neck",), Eyes("turn", "eye.L", "eye.R"))


def _armature(at: dict, size: float):
    data = bpy.data.armatures.new("rig")
    rig = bpy.data.objects.new("rig", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    eyes = load_template().eye_centers * size
    bottom, back = np.array([0, -0.16, -0.06]) * size, np.array([0, -0.08, -0.05]) * size
    ahead, up = np.array([0, 0, 0.012]) * size, np.array([0, 0.1, 0.0]) * size
    made = {"neck": (bottom, back, None), "head": (back, back + up, "neck")}
    made["jaw"] = (JAW_JOINT * size, at["chin"], "head")
    for name, center in zip(("eye.L", "eye.R"), eyes, strict=True):
        made[name] = (center, center + ahead, "head")
    for name in LIDS:
        made[f"b.{name}"] = (eyes[int(name.endswith("right"))], at[name], "head")
    for name in PLACED:
        made[f"b.{name}"] = (at[name], at[name] + ahead, "jaw" if name in LOWER_LIPS else "head")
    for number, (name, (head, tail, parent)) in enumerate(made.items()):
        bone = data.edit_bones.new(name)
        bone.head, bone.tail = space.object_vertices(np.array([head, tail])).tolist()
        bone.parent = data.edit_bones[parent] if parent else None
        bone.roll = 0.3 * number  # every rig has its own axes
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def _mesh(name: str, vertices: np.ndarray, quads: np.ndarray, rig):
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(space.object_vertices(vertices).tolist(), [], quads.tolist())
    face = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(face)
    face.parent = rig
    face.modifiers.new("Armature", "ARMATURE").object = rig
    return face


def _weights(template) -> dict[str, np.ndarray]:
    """Bone -> (V,) skin weights that sum to 1."""
    amount = {
        name: np.linalg.norm(template.expressions[number], axis=1)
        for number, name in enumerate(template.expression_names)
    }
    jaw = np.clip(amount["jawOpen"] / np.percentile(amount["jawOpen"], 99.5), 0, 1)
    at = anchor_points(template, template.vertices.astype(np.float64))
    local = {}
    for name in PLACED:
        near = np.exp(-((np.linalg.norm(template.vertices - at[name], axis=1) / FALLOFF) ** 2))
        side = jaw if name in LOWER_LIPS else 1 - jaw if name in LIPS and "corner" not in name else 1.0
        local[f"b.{name}"] = near * side * np.isin(template.part, (Part.SKIN, Part.MOUTH))
    for name in LIDS:
        local[f"b.{name}"] = _lid(template, amount, name)
    total = sum(local.values())
    local = {name: weights / np.maximum(total, 1) for name, weights in local.items()}
    for name, part in zip(("eye.L", "eye.R"), EYES, strict=True):
        local[name] = (template.part == part).astype(float)
    left = np.clip(1 - sum(local.values()), 0, 1)
    return {**local, "jaw": jaw * left, "head": (1 - jaw) * left}


def _lid(template, amount: dict, name: str) -> np.ndarray:
    """The upper lid comes down when the eye closes; the lower lid lies below the corners."""
    side = "Left" if name.endswith("left") else "Right"
    blink = template.expressions[template.expression_names.index(f"eyeBlink{side}")]
    height = template.vertices[:, 1] - template.eye_centers[0, 1] + 0.002
    skin = np.isin(template.part, (Part.SKIN, Part.MOUTH)) & (
        np.sign(template.vertices[:, 0]) == (1 if side == "Left" else -1)
    )
    upper = np.clip(-blink[:, 1] / -blink[:, 1].min(), 0, 1) * skin
    if "upper" in name:
        return upper**0.7
    return np.exp(-((np.abs(height + 0.004) / 0.005) ** 2)) * (amount[f"eyeBlink{side}"] > 2e-4) * (upper < 0.1) * skin


def save_head(folder: Path, size: float = 1.0, bones: BoneMap | None = None) -> Path:
    """A file with such a head whose armature keeps a map of its bones: its own, or another one."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = 30
    rig, _, own = add_head(size)
    store_map(rig, bones or own)
    file = folder / "head.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(file))
    return file


def add_known_rig(bones: BoneMap):
    """An armature with the bones of a known rig that lie on named points, its jaw and eyes, at the template's size."""
    template = load_template()
    at = anchor_points(template, template.vertices.astype(np.float64))
    made = {bones.head: (np.array([0, -0.08, -0.05]), np.array([0, 0.02, -0.05]))}
    for name, bone in bones.bones.items():
        if bone.moves == "both":
            made[name] = (JAW_JOINT, at["chin"])
        elif bone.anchor:
            inward = np.array([0, 0, 0.03])
            made[name] = (
                (at[bone.anchor] - inward, at[bone.anchor])
                if bone.tail
                else (at[bone.anchor], at[bone.anchor] + inward)
            )
    jaw = next(name for name, bone in bones.bones.items() if bone.moves == "both")
    for name, center in zip((bones.eyes.left, bones.eyes.right), template.eye_centers, strict=True):
        made[name] = (center, center + np.array([0, 0, 0.01]))
    data = bpy.data.armatures.new("rig")
    rig = bpy.data.objects.new("rig", data)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for name, ends in made.items():
        edit = data.edit_bones.new(name)
        edit.head, edit.tail = space.object_vertices(np.array(ends)).tolist()
        anchor = bones.bones[name].anchor if name in bones.bones else None
        edit.parent = data.edit_bones.get(jaw if anchor in LOWER_LIPS else bones.head) if name != bones.head else None
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig
