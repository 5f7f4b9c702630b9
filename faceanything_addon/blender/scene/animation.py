"""F-curves on every Blender from 4.2 on, written in bulk."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...solve.reduce import Curve

LINEAR, BEZIER = 1, 2  # values of Keyframe.interpolation
ALIGNED = 3  # value of Keyframe.handle_left_type 'ALIGNED'
OWN = "face_anything_retarget"  # marks actions made here


def curves_of(datablock: Any) -> Any:
    """The collection of F-curves that animates a data-block; makes the action where there is none.

    4.2 keeps curves in the action; since 4.4 they lie in a channel bag of the action's slot, and in 5.x
    `Action.fcurves` is gone.
    """
    data = datablock.animation_data or datablock.animation_data_create()
    if data.action is None:
        data.action = bpy.data.actions.new(datablock.name)
    if not hasattr(data.action, "slots"):
        return data.action.fcurves
    if data.action_slot is None:
        data.action_slot = data.action.slots.new(id_type=datablock.id_type, name=datablock.name)
    return channel_bag(data.action, data.action_slot).fcurves


def channel_bag(action: Any, slot: Any) -> Any:
    layer = action.layers[0] if action.layers else action.layers.new("Layer")
    strip = layer.strips[0] if layer.strips else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True)


def set_curve(curves: Any, path: str, index: int, frames: np.ndarray, values: np.ndarray) -> None:
    """Write one linear F-curve, replacing its keys.

    Args:
        curves: from `curves_of`.
        frames: (F,) scene frames, rising. values: (F,)
    """
    curve = curves.find(path, index=index) or curves.new(path, index=index)
    points = curve.keyframe_points
    if len(points):
        points.clear()
    points.add(len(frames))
    points.foreach_set("co", np.stack([frames, values], axis=1).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.full(len(frames), LINEAR, dtype=np.int32))
    curve.update()


def set_bezier(curves: Any, path: str, index: int, curve: Curve) -> None:
    """Write one F-curve of cubic pieces. Handles a third of the way along make Blender's curve the same cubic."""
    points = curves.new(path, index=index).keyframe_points
    points.add(len(curve.frames))
    gaps = np.diff(curve.frames)
    before, after = np.append(gaps[:1], gaps), np.append(gaps, gaps[-1:])
    if not len(gaps):
        before = after = np.ones(1)
    for name, step in (("co", np.zeros(len(before))), ("handle_left", -before / 3), ("handle_right", after / 3)):
        points.foreach_set(name, _pairs(curve.frames + step, curve.values + step * curve.slopes))
    for name, kind in (("interpolation", BEZIER), ("handle_left_type", ALIGNED), ("handle_right_type", ALIGNED)):
        points.foreach_set(name, np.full(len(before), kind, dtype=np.int32))


def _pairs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.stack([x, y], axis=1).astype(np.float32).ravel()


def set_vector(datablock: Any, path: str, frames: np.ndarray, values: np.ndarray) -> None:
    """Write the curves of a vector property: values (F, N)."""
    curves = curves_of(datablock)
    for index in range(values.shape[1]):
        set_curve(curves, path, index, frames, values[:, index])
