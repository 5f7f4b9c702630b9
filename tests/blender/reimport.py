"""Exported files, imported again into an empty scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np

from faceanything_addon.blender.retarget.command import importer


def open_empty():
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return bpy.context.scene


def reimport(file: Path, rate: float):
    """The scene with the file in it, at this rate."""
    scene = open_empty()
    scene.render.fps, scene.render.fps_base = round(rate), round(rate) / rate
    if file.suffix == ".abc":
        bpy.ops.wm.alembic_import(filepath=str(file), as_background_job=False, set_frame_range=True)
    elif file.suffix.startswith(".usd"):
        bpy.ops.wm.usd_import(filepath=str(file))
    else:
        importer(file.suffix)(filepath=str(file))
    return scene


def named(name: str):
    """The mesh object called so, or whose mesh is."""
    found = [o for o in bpy.data.objects if o.type == "MESH" and name in (o.name, o.data.name, o.name.split(".")[0])]
    assert found, (name, [o.name for o in bpy.data.objects])
    return found[0]


def world_points(item, frame: float) -> np.ndarray:
    """(N, 3) evaluated vertices in the world at a scene frame."""
    bpy.context.scene.frame_set(int(np.floor(frame)), subframe=float(frame % 1))
    evaluated = item.evaluated_get(bpy.context.evaluated_depsgraph_get())
    mesh = evaluated.to_mesh()
    points = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", points)
    evaluated.to_mesh_clear()
    matrix = np.array(evaluated.matrix_world)
    return points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3]


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Greatest distance from a point of one cloud to the nearest of the other, both ways."""
    from scipy.spatial import cKDTree

    return float(max(cKDTree(a).query(b)[0].max() for a, b in ((first, second), (second, first))))
