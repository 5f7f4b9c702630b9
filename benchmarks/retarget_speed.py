"""How long a performance takes to get onto a character: `python -m benchmarks.retarget_speed`.

Needs bpy. The character has the 52 ARKit shape keys, each of which moves all vertices.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

RATE = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--vertices", type=int, default=10_000)
    parsed = parser.parse_args()
    print(f"{parsed.frames:,} frames, {parsed.vertices:,} vertices, 52 shape keys and a head bone\n")
    print("| step | seconds | |\n|---|---|---|")
    run(parsed.frames, parsed.vertices)
    sys.stdout.flush()
    os._exit(0)  # some versions of bpy hang at exit


def run(frames: int, vertices: int) -> None:
    import bpy

    from faceanything_addon.blender.edit import Punch, add_layers, punch_in, refresh
    from faceanything_addon.blender.retarget import Options, find_character, retarget
    from faceanything_addon.solve.edit import Edit
    from faceanything_addon.solve.reduce import Tolerance

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene: Any = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.0
    face = make_character(vertices)
    character, played = find_character(scene, "face"), make_performance(frames, 1)
    head = face.parent
    step("apply", lambda: retarget(scene, played, character, Options(head=head, bone="head")).lines()[0])
    step("play 100 frames", lambda: play(scene))
    step("layers", lambda: add_layers(scene, character))
    second, punch = make_performance(frames, 2), Punch(frames // 4, frames // 2)
    step("second take over a quarter", lambda: punch_in(scene, character, second, punch))
    step("gain", lambda: refresh(scene, character, Edit({"mouth": 1.2})).line())
    step("smooth 0.3", lambda: refresh(scene, character, Edit(smooth=0.3)).line())
    for bound in (Tolerance(weight=0.01), Tolerance(millimetres=0.5)):
        name = f"{bound.millimetres:g} mm" if bound.millimetres else f"a weight of {bound.weight:g}"
        wanted = Edit(smooth=0.3, tolerance=bound)
        step(f"smooth 0.3, fewer keys within {name}", lambda wanted=wanted: refresh(scene, character, wanted).line())
    step("play 100 frames, four layers", lambda: play(scene))


def play(scene: Any) -> None:
    for frame in range(300, 400):
        scene.frame_set(frame)


def step(name: str, work: Callable[[], str | None]) -> None:
    begin = time.perf_counter()
    said = work()
    print(f"| {name} | {time.perf_counter() - begin:.2f} | {said or ''} |", flush=True)


def make_character(vertices: int) -> Any:
    """A cloud of points whose shape keys move each by up to 20 mm, under an armature with a head bone."""
    import bpy

    from faceanything_addon.template.names import arkit_names

    chance = np.random.default_rng(0)
    rig = bpy.data.objects.new("rig", bpy.data.armatures.new("rig"))
    mesh = bpy.data.meshes.new("face")
    face = bpy.data.objects.new("face", mesh)
    scene: Any = bpy.context.scene
    for item in (rig, face):
        scene.collection.objects.link(item)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    bone = rig.data.edit_bones.new("head")
    bone.head, bone.tail = (0, 0, 1.5), (0, 0, 1.7)
    bpy.ops.object.mode_set(mode="OBJECT")
    points = chance.normal(0, 0.1, (vertices, 3)).astype(np.float32)
    mesh.from_pydata(points, [], [])
    face.parent = rig
    face.shape_key_add(name="Basis", from_mix=False)
    for name in arkit_names():
        block: Any = face.shape_key_add(name=name, from_mix=False)
        block.points.foreach_set("co", (points + chance.uniform(-0.01, 0.01, points.shape)).astype(np.float32).ravel())
    return face


def make_performance(frames: int, seed: int) -> Any:
    """Movements like speech: each coefficient comes and goes about once a second."""
    from faceanything_addon.exchange.livelink import head_turns
    from faceanything_addon.take.performance import Performance
    from faceanything_addon.template.names import arkit_names

    chance, time_ = np.random.default_rng(seed), np.arange(frames) / RATE
    coefficients = np.zeros((frames, 52))
    for column in coefficients.T:
        for middle in chance.uniform(0, time_[-1], round(time_[-1])):
            column += chance.uniform(0.1, 0.8) * np.exp(-0.5 * ((time_ - middle) / chance.uniform(0.05, 0.3)) ** 2)
    coefficients += chance.normal(0, 0.003, coefficients.shape)
    angles = 0.2 * np.sin(time_[:, None] * [1.1, 0.7, 0.5])
    return Performance(time_, arkit_names(), np.clip(coefficients, 0, 1), RATE, head_turns(angles))


if __name__ == "__main__":
    main()
