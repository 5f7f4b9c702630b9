"""A take in the user's scene, beside what is there already."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from .paths import stored_path
from .preferences import choices
from .scene.sound import let_hear
from .takes import FOOTAGE, TAKE, build_from_folder, look_through_camera


def show_take(context: bpy.types.Context, scene: bpy.types.Scene, folder: str) -> str:
    """Build a take into a scene and look through its camera; tells, in a line, what came of it.

    Raises:
        UserError: see `build_from_folder`.
    """
    missing: list[str] = []
    rate, stage, moved = frame_rate(scene), stage_of(scene), is_animated(scene)
    built = build_from_folder(scene, folder, choices(context).key_limit, missing.append)
    hidden = hide_others(scene, built.collection)
    let_hear(scene, built.camera.name, {item.name for collection in hidden for item in collection.objects})
    look_through_camera(scene)
    told = [f"{built.collection.name}: {len(built.clock.keys)} frames"]
    told += ["footage not found"] if built.plate is None else missing
    told += [f"hidden now: {', '.join(collection.name for collection in hidden)}"] if hidden else []
    if moved and frame_rate(scene) != rate:
        told.append(f"the scene went from {rate:g} to {frame_rate(scene):g} frames per second")
    if moved and stage_of(scene) != stage:
        told.append("the scene has the take's range and size now")
    return (", " if built.plate is None else "; ").join(told)


def choose_take(settings: Any, folder: Path, footage: str) -> None:
    """Have the panel speak of a take that was loaded, and of its footage as far as that is there."""
    settings.out = stored_path(folder)
    if os.path.exists(footage):
        settings.footage = stored_path(footage)


def frame_rate(scene: bpy.types.Scene) -> float:
    return scene.render.fps / scene.render.fps_base


def stage_of(scene: bpy.types.Scene) -> tuple[int, ...]:
    """Range and size."""
    return scene.frame_start, scene.frame_end, scene.render.resolution_x, scene.render.resolution_y


def is_animated(scene: bpy.types.Scene) -> bool:
    return any(item.animation_data is not None and item.animation_data.action for item in scene.objects)


def hide_others(scene: bpy.types.Scene, shown: bpy.types.Collection) -> list[bpy.types.Collection]:
    """Hide takes of other footage, and older ones of the same folder: they would lie over the one that is shown.

    Returns:
        them.
    """
    hidden: dict[str, bpy.types.Collection] = {}
    for layer in scene.view_layers:
        for entry in entries(layer.layer_collection):
            if lies_over(entry.collection, shown) and not entry.hide_viewport:
                entry.hide_viewport = entry.collection.hide_render = True
                hidden[entry.collection.name] = entry.collection
    return list(hidden.values())


def lies_over(other: Any, shown: Any) -> bool:
    """Two faces of one clip lie side by side."""
    if TAKE not in other or other == shown:
        return False
    return other[TAKE] == shown[TAKE] or other.get(FOOTAGE) != shown[FOOTAGE]


def entries(layer: bpy.types.LayerCollection) -> Iterator[bpy.types.LayerCollection]:
    """A layer collection and all within it."""
    yield layer
    for child in layer.children:
        yield from entries(child)
