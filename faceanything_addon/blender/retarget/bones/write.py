"""Motion of bones as keys on the channels that they have."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ....retarget.bones.bonemap import Delta
from ....retarget.bones.motion import BoneMotion, posed
from ....solve.reduce import reduce_keys
from ... import space
from ...scene.animation import set_bezier, set_curve
from ..actions import ActionWriter
from ..head import eulers
from .bounds import Bounds

AXIS_ANGLE = "rotation_axis_angle"


@dataclass(frozen=True)
class Written:
    """What was keyed."""

    bones: tuple[str, ...]
    held: tuple[str, ...]  # channels left to their drivers
    locked: tuple[str, ...]  # bones that were to move, and whose locks leave nothing of it
    keys: int
    dense: int  # keys before they were reduced


def write_bones(
    writer: ActionWriter,
    rig: Any,
    frames: np.ndarray,
    motions: dict[str, BoneMotion],
    neutral: dict[str, Delta],
    bounds: Bounds | None = None,
) -> Written:
    """Key all motions in one action, with few keys where there are bounds.

    Rotation modes stay (axis and angle become a quaternion), locked channels are left alone.
    """
    drivers = {(c.data_path, c.array_index) for c in rig.animation_data.drivers} if rig.animation_data else set()
    curves = writer.curves(rig)
    keyed, held, locked, counts = [], [], [], []
    for name, motion in motions.items():
        wanted = any(motion.parts())  # before locks take from it
        channels = _channels(rig.pose.bones[name], motion, neutral.get(name), drivers)
        if wanted and not any(channels.values()):
            locked.append(name)
        for channel, axis, column in _flat(channels):
            path = _path(rig.pose.bones[name]) + channel
            if (path, axis) in drivers:
                held.append(f"{name} {channel}")
                continue
            bound = bounds.of(name, channel, len(channels[channel])) if bounds is not None else None
            counts.append(_write(curves, path, axis, frames, column, bound))
            keyed.append(name)
    done, left = tuple(dict.fromkeys(keyed)), tuple(dict.fromkeys(held))
    return Written(done, left, tuple(locked), sum(counts), len(counts) * len(frames))


def _flat(channels: dict[str, dict[int, np.ndarray]]) -> Iterator[tuple[str, int, np.ndarray]]:
    """Property, axis and values of each curve."""
    for channel, values in channels.items():
        for axis, column in values.items():
            yield channel, axis, column


def _write(curves: Any, path: str, axis: int, frames: np.ndarray, column: np.ndarray, bound: float | None) -> int:
    """One curve; the number of its keys."""
    if bound is None:
        set_curve(curves, path, axis, frames, column)
        return len(frames)
    curve = reduce_keys(frames, column, bound)
    set_bezier(curves, path, axis, curve)
    return len(curve.frames)


def _path(bone: Any) -> str:
    """Of a pose bone's properties: what stands before their names."""
    return f'pose.bones["{bpy.utils.escape_identifier(bone.name)}"].'


def _channels(
    bone: Any, motion: BoneMotion, neutral: Delta | None, drivers: set[tuple[str, int]]
) -> dict[str, dict[int, np.ndarray]]:
    """Name of each property to key -> axis -> values (F,)."""
    motion.turn[:, list(bone.lock_rotation)] = 0
    location, rotation, scale = posed(motion, neutral or Delta())
    places, turns, grows = (part or neutral is not None for part in motion.parts())
    out = {}
    if places and not bone.bone.use_connect:
        out["location"] = _free(location, bone.lock_location)
    if turns and not all(bone.lock_rotation):
        out.update(_rotation(bone, rotation, drivers))
    if grows:
        out["scale"] = _free(scale, bone.lock_scale)
    return out


def _rotation(bone: Any, rotation: np.ndarray, drivers: set[tuple[str, int]]) -> dict[str, dict[int, np.ndarray]]:
    driven = [axis for path, axis in drivers if path == f"{_path(bone)}{AXIS_ANGLE}"]
    if bone.rotation_mode == "AXIS_ANGLE" and driven:  # in another mode its drivers would do nothing
        return {AXIS_ANGLE: dict.fromkeys(driven, np.zeros(len(rotation)))}
    if bone.rotation_mode == "AXIS_ANGLE":
        bone.rotation_mode = "QUATERNION"
    quaternions = space.quaternions(rotation)
    if bone.rotation_mode == "QUATERNION":
        return {"rotation_quaternion": dict(enumerate(quaternions.T))}
    return {"rotation_euler": _free(eulers(quaternions, bone.rotation_mode), bone.lock_rotation)}


def _free(values: np.ndarray, locked: Any) -> dict[int, np.ndarray]:
    return {axis: values[:, axis] for axis in range(3) if not locked[axis]}
