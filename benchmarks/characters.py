"""Characters in Blender from head models that this product does not know. Needs bpy."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .shapes import ict_model, makehuman_model, polygons

COLOURS = {
    "skin": (0.68, 0.46, 0.38, 1),
    "eye": (0.88, 0.88, 0.88, 1),
    "iris": (0.05, 0.09, 0.16, 1),
    "teeth": (0.86, 0.83, 0.74, 1),
    "tongue": (0.62, 0.2, 0.2, 1),
}
IRIS = 0.40  # of the eyeball's radius
ICT_PARTS = {
    "Head": ("skin", ("head",)),
    "EyeLeft": ("eye", ("sclera_left",)),
    "EyeRight": ("eye", ("sclera_right",)),
    "Gums": ("tongue", ("gums_tongue",)),
    "Teeth": ("teeth", ("teeth_upper", "teeth_lower")),
}
HEAD_TOP = 14062  # vertices of the ICT model's face, head and sockets


@dataclass
class Mesh:
    """One object; metres, Blender's axes."""

    name: str
    colour: str
    vertices: np.ndarray  # (N, 3)
    faces: list[list[int]]
    keys: dict[str, np.ndarray] = field(default_factory=dict)  # (N, 3) displacements
    used: np.ndarray = field(default_factory=lambda: np.zeros(0, int))  # numbers in the model


def blender_axes(points: np.ndarray, scale: float) -> np.ndarray:
    """Y up, Z out of the face -> Z up, looking along -Y; metres."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1) * scale


def cut(
    name: str,
    colour: str,
    vertices: np.ndarray,
    faces: np.ndarray,
    chosen: np.ndarray,
    keys: Mapping[str, np.ndarray],
    scale: float,
) -> Mesh:
    """An object of the chosen vertices (V,) bool of a model. faces: (F, 4), -1 for triangles."""
    piece, used = polygons(name, vertices, faces, chosen)
    ends = np.append(piece.starts[1:], len(piece.corners))
    corners = [piece.corners[a:b].tolist() for a, b in zip(piece.starts, ends, strict=True)]
    own = {k: blender_axes(d[used].astype(float), scale) for k, d in keys.items()}
    return Mesh(name, colour, blender_axes(piece.vertices, scale), corners, own, used)


def ict_meshes(folder: Path, keys: bool, seed: int) -> list[Mesh]:
    """A person of the ICT model, with its own expressions under their own names or without any."""
    model = ict_model(folder)
    ranges = dict(zip(map(str, model["region_names"]), model["region_ranges"], strict=True))
    weight = np.random.default_rng(seed).normal(size=100).clip(-2, 2)
    vertices = model["vertices"] + np.tensordot(weight, model["identity"].astype(np.float32), axes=1)
    own = dict(zip(map(str, model["expression_names"]), model["expressions"], strict=True)) if keys else {}
    meshes = []
    for name, (colour, parts) in ICT_PARTS.items():
        chosen = np.zeros(len(vertices), bool)
        for part in parts:
            begin, end = (0, HEAD_TOP) if part == "head" else ranges[part][:2]
            chosen[begin:end] = True
        meshes.append(cut(name, colour, vertices, model["faces"], chosen, own, 0.01))
    return meshes


def makehuman_meshes(folder: Path) -> list[Mesh]:
    """MakeHuman's neutral head without shape keys."""
    model = makehuman_model(folder)
    colours = {"body": "skin", "eye": "eye", "teet": "teeth", "tong": "tongue"}
    meshes = []
    for number in range(6):
        name = str(model["group_names"][number])
        colour = next((c for stem, c in colours.items() if stem in name), "skin")
        chosen = model["vertex_group"] == number
        meshes.append(cut(name, colour, model["vertices"], model["faces"], chosen, {}, 0.01))
    return meshes


def put(meshes: Sequence[Mesh], parent: Any = None) -> list[Any]:
    """Objects of an open scene; without a parent they hang from an empty called `head`."""
    import bpy

    scene: Any = bpy.context.scene
    if parent is None:
        parent = bpy.data.objects.new("head", None)
        scene.collection.objects.link(parent)
        eyes = np.concatenate([m.vertices for m in meshes if m.colour == "eye"]).mean(axis=0)
        parent.location = eyes + (0.0, 0.09, -0.1)  # where the skull sits on the neck
        bpy.context.view_layer.update()
    objects = []
    for mesh in meshes:
        item = _object(mesh)
        scene.collection.objects.link(item)
        item.parent, item.matrix_parent_inverse = parent, parent.matrix_world.inverted()
        objects.append(item)
    return objects


def _object(mesh: Mesh) -> Any:
    import bpy

    data = bpy.data.meshes.new(mesh.name)
    data.from_pydata(mesh.vertices.tolist(), [], mesh.faces)
    for name in (mesh.colour, "iris") if mesh.colour == "eye" else (mesh.colour,):
        data.materials.append(_material(name))
    if mesh.colour == "eye":
        data.polygons.foreach_set("material_index", _iris(mesh).astype(np.int32))
    data.shade_smooth()
    item: Any = bpy.data.objects.new(mesh.name, data)
    if mesh.keys:
        item.shape_key_add(name="Basis", from_mix=False)
    for name, offset in mesh.keys.items():
        if np.abs(offset).max() > 1e-5:
            block: Any = item.shape_key_add(name=name, from_mix=False)
            block.points.foreach_set("co", (mesh.vertices + offset).astype(np.float32).ravel())
    return item


def _material(name: str) -> Any:
    import bpy

    material: Any = bpy.data.materials.get(name) or bpy.data.materials.new(name)
    material.diffuse_color = COLOURS[name]
    material.roughness = 0.6
    return material


def _iris(mesh: Mesh) -> np.ndarray:
    """(P,) bool: polygons near the front pole of the eyeball that they belong to."""
    middle = np.array([mesh.vertices[face].mean(axis=0) for face in mesh.faces])
    out = np.zeros(len(middle), bool)
    spread = float(np.ptp(mesh.vertices[:, 0])) > 0.045  # both eyes in one mesh
    for side in (middle[:, 0] > 0, middle[:, 0] <= 0) if spread else (np.ones(len(middle), bool),):
        ball = middle[side]
        center, radius = (ball.max(axis=0) + ball.min(axis=0)) / 2, np.ptp(ball[:, 0]) / 2
        front = ball[:, 1] < center[1]
        out[side] = front & (np.linalg.norm((ball - center)[:, [0, 2]], axis=1) < IRIS * radius)
    return out


def save(out: Path, rate: int = 30) -> None:
    """As .blend, .glb or .vrm, by its name."""
    import bpy

    scene: Any = bpy.context.scene
    scene.render.fps, scene.render.fps_base = rate, 1.0
    if out.suffix == ".blend":
        bpy.ops.wm.save_as_mainfile(filepath=str(out))
        return
    glb = out.with_suffix(".glb")
    bpy.ops.export_scene.gltf(filepath=str(glb), export_format="GLB", export_yup=True)
    if out.suffix != ".glb":
        glb.replace(out)


def main() -> None:
    """`python -m benchmarks.characters KIND FOLDER OUT`: run by other benchmarks, as bpy wants a process of its own."""
    import os

    import bpy

    kind, folder, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    bpy.ops.wm.read_factory_settings(use_empty=True)
    if kind.startswith("mpfb"):
        from .mpfb import build

        build(kind, folder)
    elif kind == "makehuman":
        put(makehuman_meshes(folder))
    else:
        name, seed = kind.rsplit("_", 1)
        put(ict_meshes(folder, name == "ict_keys", int(seed)))
    save(out)
    sys.stdout.flush()
    os._exit(0)  # some versions of bpy hang at exit


if __name__ == "__main__":
    main()
