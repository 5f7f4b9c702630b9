"""Pictures of a character's face at some frames: `python -m benchmarks.portrait SCENE.blend OUT_STEM SIZE FRAME ...`.

Needs bpy. From the front, without perspective, framed by the eyeballs at rest.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

WIDE, DOWN = 3.1, 0.55  # of the distance between the eyes: the picture's width, and its middle below the eyes
FALLBACK = 0.064  # metres between the eyes


def main() -> None:
    import bpy

    scene_file, stem, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    bpy.ops.wm.open_mainfile(filepath=scene_file, load_ui=False)
    scene: Any = bpy.context.scene
    prepare(scene, size)
    for frame in map(int, sys.argv[4:]):
        scene.frame_set(frame)
        scene.render.filepath = f"{stem}{frame}.png"
        bpy.ops.render.render(write_still=True)
    sys.stdout.flush()
    os._exit(0)  # some versions of bpy hang at exit


def prepare(scene: Any, size: int) -> None:
    """Workbench, plain materials, a camera in front of the eyes."""
    import bpy

    for item in scene.objects:
        item.hide_render = item.hide_render or item.type not in {"MESH"} or item.name.startswith("WGT-")
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    shading = scene.display.shading
    shading.light, shading.color_type, shading.show_cavity = "STUDIO", "MATERIAL", True
    shading.cavity_type = "WORLD"
    scene.display.render_aa = "8"
    scene.view_settings.view_transform = "Standard"
    middle, apart = eyes(scene)
    camera: Any = bpy.data.objects.new("portrait", bpy.data.cameras.new("portrait"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", WIDE * apart
    camera.location = (middle[0], middle[1] - 8 * apart, middle[2] - DOWN * apart)
    camera.rotation_euler = (np.pi / 2, 0, 0)
    camera.data.clip_start, camera.data.clip_end = 0.01 * apart, 40 * apart
    scene.collection.objects.link(camera)
    scene.camera = camera


def eyes(scene: Any) -> tuple[np.ndarray, float]:
    """Middle between the eyeballs and their distance, by the objects whose material is `eye`, at rest."""
    places = []
    for item in scene.objects:
        slots = [slot.material.name for slot in item.material_slots if slot.material] if item.type == "MESH" else []
        if slots and slots[0].split(".")[0] == "eye":
            points = np.empty(3 * len(item.data.vertices), np.float32)
            item.data.vertices.foreach_get("co", points)
            matrix = np.array(item.matrix_world)
            places.append(points.reshape(-1, 3) @ matrix[:3, :3].T + matrix[:3, 3])
    cloud = np.concatenate(places)
    left, right = (cloud[side] for side in (cloud[:, 0] > 0, cloud[:, 0] <= 0))
    centers = [(half.max(axis=0) + half.min(axis=0)) / 2 for half in (left, right)]
    return (centers[0] + centers[1]) / 2, float(np.linalg.norm(centers[0] - centers[1])) or FALLBACK


if __name__ == "__main__":
    main()
