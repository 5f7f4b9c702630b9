"""Materials of the face's parts."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...template import Part

Color = tuple[float, float, float, float]

PART_COLORS: dict[Part, Color] = {
    Part.SKIN: (0.61, 0.37, 0.27, 1.0),
    Part.TEETH: (0.83, 0.79, 0.68, 1.0),
    Part.TONGUE: (0.46, 0.13, 0.13, 1.0),
    Part.MOUTH: (0.24, 0.05, 0.05, 1.0),
}
ROUGHNESS = {Part.SKIN: 0.5, Part.TEETH: 0.2, Part.TONGUE: 0.35, Part.MOUTH: 0.4}

# Cosines of the angle from the eye's axis at which its colours change: a pupil of 2 mm and an iris of 5.9 mm radius
# on an eyeball of 12 mm.
PUPIL_COSINE = 0.985
IRIS_COSINE = 0.871
SCLERA: Color = (0.80, 0.77, 0.74, 1.0)
LIMBUS: Color = (0.035, 0.025, 0.02, 1.0)
IRIS: Color = (0.10, 0.16, 0.20, 1.0)
PUPIL: Color = (0.003, 0.003, 0.003, 1.0)


def plain_material(name: str, color: Color, roughness: float) -> bpy.types.Material:
    """A material with one Principled shader; color also in the solid viewport."""
    material: Any = bpy.data.materials.new(name)
    if material.node_tree is None:  # always there since 5.0, where setting use_nodes only warns
        material.use_nodes = True
    shader = shader_of(material)
    shader.inputs["Base Color"].default_value = color
    shader.inputs["Roughness"].default_value = roughness
    material.diffuse_color = color
    material.roughness = roughness
    return material


def shader_of(material: Any) -> Any:
    """The material's Principled node."""
    return next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")


def part_materials(prefix: str) -> dict[Part, bpy.types.Material]:
    """Skin, teeth, tongue and mouth materials of one take."""
    return {
        part: plain_material(f"{prefix} {part.name.lower()}", color, ROUGHNESS[part])
        for part, color in PART_COLORS.items()
    }


def assign_parts(mesh: Any, part: np.ndarray, materials: dict[Part, bpy.types.Material]) -> None:
    """Give each quad the material of its part. part: (Q,)"""
    slots = np.zeros(len(part), dtype=np.int32)
    for number, (key, material) in enumerate(materials.items()):
        mesh.materials.append(material)
        slots[part == key] = number
    mesh.polygons.foreach_set("material_index", slots)


def add_texture(material: Any, file: Path, pack: bool = True) -> None:
    """Let a picture on the UVs colour the material; packed into the scene, or left where it is."""
    image = bpy.data.images.load(str(file), check_existing=False)
    if pack:
        image.pack()
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = image
    node.location = (-320, 300)
    material.node_tree.links.new(node.outputs["Color"], shader_of(material).inputs["Base Color"])
    material.node_tree.nodes.active = node


def eye_materials(prefix: str) -> list[bpy.types.Material]:
    """Three materials with one shader that paints pupil, iris and white by the angle from the eye's axis.

    They differ only in the colour of the solid viewport, which cannot run shaders.
    """
    white = plain_material(f"{prefix} eye", SCLERA, 0.08)
    _paint_iris(white)
    materials = [white]
    for name, color in (("iris", IRIS), ("pupil", PUPIL)):
        other = white.copy()
        other.name = f"{prefix} {name}"
        other.diffuse_color = color
        materials.append(other)
    return materials


def assign_eye(mesh: Any, cosine: np.ndarray, materials: list[bpy.types.Material]) -> None:
    """cosine: (Q,) of the angle between each quad's centre and the eye's axis."""
    for material in materials:
        mesh.materials.append(material)
    slots = (cosine > IRIS_COSINE).astype(np.int32) + (cosine > PUPIL_COSINE)
    mesh.polygons.foreach_set("material_index", slots.astype(np.int32))


def _paint_iris(material: Any) -> None:
    """Object coordinates -> direction -> cosine to the axis (-Y) -> colours."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    place = nodes.new("ShaderNodeTexCoord")
    direction = nodes.new("ShaderNodeVectorMath")
    direction.operation = "NORMALIZE"
    cosine = nodes.new("ShaderNodeVectorMath")
    cosine.operation = "DOT_PRODUCT"
    cosine.inputs[1].default_value = (0.0, -1.0, 0.0)
    ramp = nodes.new("ShaderNodeValToRGB")
    _fill_ramp(ramp.color_ramp)
    links.new(place.outputs["Object"], direction.inputs[0])
    links.new(direction.outputs["Vector"], cosine.inputs[0])
    links.new(cosine.outputs["Value"], ramp.inputs["Fac"])
    links.new(ramp.outputs["Color"], shader_of(material).inputs["Base Color"])
    for column, node in enumerate((place, direction, cosine, ramp)):
        node.location = (-1000 + 220 * column, 300)


def _fill_ramp(ramp: Any) -> None:
    stops = [
        (IRIS_COSINE - 0.012, SCLERA),
        (IRIS_COSINE, LIMBUS),
        (IRIS_COSINE + 0.03, IRIS),
        (PUPIL_COSINE - 0.004, IRIS),
        (PUPIL_COSINE, PUPIL),
    ]
    while len(ramp.elements) > 1:
        ramp.elements.remove(ramp.elements[-1])
    ramp.elements[0].position, ramp.elements[0].color = stops[0]
    for position, color in stops[1:]:
        ramp.elements.new(position).color = color
