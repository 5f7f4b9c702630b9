"""What plays in a scene: `python -m benchmarks.readback SCENE.blend OUT.npz FRAMES`. Needs bpy.

Writes the meshes with shape keys as they stand in the world (`v0`, `starts0`, `corners0`, ...), what each key moves
(`deltas0` (K, V, 3)), and the keys' names and values at frames 1 to FRAMES (`names`, `values` (F, K)).
"""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np


def main() -> None:
    import bpy

    file, out, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    bpy.ops.wm.open_mainfile(filepath=file, load_ui=False)
    scene: Any = bpy.context.scene
    meshes = [item for item in scene.objects if item.type == "MESH" and item.data.shape_keys]
    blocks: dict[str, Any] = {}
    for item in meshes:
        for block in item.data.shape_keys.key_blocks[1:]:
            blocks.setdefault(block.name, block)
    names = tuple(blocks)
    values = np.empty((count, len(names)), np.float32)
    for frame in range(count):
        scene.frame_set(frame + 1)
        values[frame] = [block.value for block in blocks.values()]
    arrays: dict[str, np.ndarray] = {"names": np.array(names), "values": values}
    scene.frame_set(-1000)
    for number, item in enumerate(meshes):
        arrays |= {f"{key}{number}": value for key, value in geometry(item, names).items()}
    np.savez(out, **arrays)
    sys.stdout.flush()
    os._exit(0)  # some versions of bpy hang at exit


def geometry(item: Any, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """World coordinates, polygons, and what each key moves. The object's own motion is left out."""
    mesh, turn = item.data, np.array(item.matrix_world)
    keys = mesh.shape_keys
    rest = points(keys.reference_key, len(mesh.vertices))
    deltas = np.zeros((len(names), *rest.shape), np.float32)
    for block in keys.key_blocks[1:]:
        deltas[names.index(block.name)] = (points(block, len(rest)) - rest) @ turn[:3, :3].T
    starts, corners = np.empty(len(mesh.polygons), np.int32), np.empty(len(mesh.loops), np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    mesh.loops.foreach_get("vertex_index", corners)
    return {"v": rest @ turn[:3, :3].T + turn[:3, 3], "starts": starts, "corners": corners, "deltas": deltas}


def points(block: Any, count: int) -> np.ndarray:
    flat = np.empty(3 * count, np.float32)
    block.points.foreach_get("co", flat)
    return flat.reshape(-1, 3)


if __name__ == "__main__":
    main()
