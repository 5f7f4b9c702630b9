"""Materials of the face's parts."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...exchange.surface import load_look
from ...template import Part

Color = tuple[float, float, float, float]

LOOK = load_look()
PARTS = (Part.SKIN, Part.TEETH, Part.TONGUE, Part.MOUTH)
ROUGHNESS = {Part.SKIN: 0.5, Part.TEETH: 0.2, Part.TONGUE: 0.35, Part.MOUTH: 0.4}
LIMBUS: Color = (0.035, 0.025, 0.02, 1.0)


def look_color(name: str) -> Color:
    """A colour of data/look.json, opaque."""
    red, green, blue = LOOK.colors[name]
    return red, green, blue, 1.0


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
        part: plain_material(f"{prefix} {part.name.lower()}", look_color(part.name.lower()), ROUGHNESS[part])
        for part in PARTS
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
    white = plain_material(f"{prefix} eye", look_color("eye"), 0.08)
    _paint_iris(white)
    materials = [white]
    for name, color in (("iris", look_color("iris")), ("pupil", look_color("pupil"))):
        other = white.copy()
        other.name = f"{prefix} {name}"
        other.diffuse_color = color
        materials.append(other)
    return materials


def assign_eye(mesh: Any, cosine: np.ndarray, materials: list[bpy.types.Material]) -> None:
    """cosine: (Q,) of the angle between each quad's centre and the eye's axis."""
    for material in materials:
        mesh.materials.append(material)
    slots = (cosine > LOOK.iris_cosine).astype(np.int32) + (cosine > LOOK.pupil_cosine)
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
        (LOOK.iris_cosine - 0.012, look_color("eye")),
        (LOOK.iris_cosine, LIMBUS),
        (LOOK.iris_cosine + 0.03, look_color("iris")),
        (LOOK.pupil_cosine - 0.004, look_color("iris")),
        (LOOK.pupil_cosine, look_color("pupil")),
    ]
    while len(ramp.elements) > 1:
        ramp.elements.remove(ramp.elements[-1])
    ramp.elements[0].position, ramp.elements[0].color = stops[0]
    for position, color in stops[1:]:
        ramp.elements.new(position).color = color
