"""Blender meshes from parts of the template."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...template import Part, Template

VERTEX_ATTRIBUTE = "face_anything_vertex"  # number of the vertex in the template, for exporters and scripts
EYES = (Part.EYE_LEFT, Part.EYE_RIGHT)
FACE = (Part.SKIN, Part.TEETH, Part.TONGUE, Part.MOUTH)


@dataclass(frozen=True)
class Piece:
    """Part of the template as a mesh of its own: N vertices, Q quads."""

    index: np.ndarray  # (N,) vertices of the template
    quads: np.ndarray  # (Q, 4) into `index`
    uvs: np.ndarray  # (Q, 4, 2) at the corners
    part: np.ndarray  # (Q,) Part of each quad


def cut_piece(template: Template, parts: tuple[Part, ...]) -> Piece:
    """Take the vertices of some parts and the quads that lie wholly among them."""
    chosen = np.isin(template.part, [int(p) for p in parts])
    index = np.flatnonzero(chosen)
    place = np.full(len(chosen), -1, dtype=np.int32)
    place[index] = np.arange(len(index), dtype=np.int32)
    inside = chosen[template.quads].all(axis=1)
    quads = template.quads[inside]
    return Piece(
        index=index,
        quads=place[quads],
        uvs=template.uvs[template.uv_quads[inside]],
        part=template.part[quads].max(axis=1),
    )


def make_mesh(name: str, piece: Piece, vertices: np.ndarray) -> bpy.types.Mesh:
    """A smooth-shaded quad mesh with UVs. vertices: (N, 3) f4, Blender object space, metres."""
    mesh: Any = bpy.data.meshes.new(name)
    count = len(piece.quads)
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.ravel())
    mesh.loops.add(count * 4)
    mesh.loops.foreach_set("vertex_index", piece.quads.astype(np.int32).ravel())
    mesh.polygons.add(count)
    mesh.polygons.foreach_set("loop_start", np.arange(0, count * 4, 4, dtype=np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(count, dtype=bool))
    layer = mesh.uv_layers.new(name="UVMap")
    layer.data.foreach_set("uv", piece.uvs.astype(np.float32).ravel())
    attribute = mesh.attributes.new(VERTEX_ATTRIBUTE, "INT", "POINT")
    attribute.data.foreach_set("value", piece.index.astype(np.int32))
    mesh.update(calc_edges=True)
    mesh.validate()
    return mesh


def add_region_groups(target: bpy.types.Object, piece: Piece, template: Template) -> None:
    """One vertex group per region of the template, where the region touches the piece."""
    for name, weights in template.regions.items():
        here = weights[piece.index]
        touched = np.flatnonzero(here > 1e-3)
        if not len(touched):
            continue
        group = target.vertex_groups.new(name=name)
        for weight in np.unique(np.round(here[touched], 3)):
            members = touched[np.round(here[touched], 3) == weight]
            group.add(members.tolist(), float(weight), "REPLACE")


def hide_shoulders(target: bpy.types.Object) -> None:
    """Leave out what does not turn with the head; a modifier, so that it can be had back."""
    mask: Any = target.modifiers.new("Hide shoulders", "MASK")
    mask.vertex_group, mask.invert_vertex_group = "shoulders", True
    mask.threshold = 0.5
