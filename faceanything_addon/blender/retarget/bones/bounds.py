"""What the curves of a bone may be off by when they are to have few keys."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ....solve.reduce import EYE_RADIUS, HEAD_RADIUS, Tolerance
from .measure import Measured
from .sample import Rig


@dataclass(frozen=True)
class Bounds:
    """From millimetres on the skin to a bone's channels."""

    tolerance: Tolerance
    unit: float  # millimetres a unit of the armature
    reach: dict[str, float]  # bone -> how far a unit of its location moves the skin, where that was measured
    radius: dict[str, float]  # bone -> millimetres that a radian of it moves the skin
    eyes: frozenset[str]  # bones of the eyes

    def of(self, bone: str, channel: str, axes: int) -> float:
        """Of each of a channel's axes; all of them may be off at once."""
        if channel == "location":
            return self.tolerance.of_place() / (self.unit * max(1.0, self.reach.get(bone, 1.0))) / np.sqrt(axes)
        usual = EYE_RADIUS if bone in self.eyes else HEAD_RADIUS
        angle = self.tolerance.of_turn(max(self.radius.get(bone, usual), 1e-6))
        # A quaternion turns twice as far as it differs.
        return angle / (2 * np.sqrt(axes) if channel == "rotation_quaternion" else axes)


def bounds_of(scene: bpy.types.Scene, rig: Rig, measured: Measured, tolerance: Tolerance | None) -> Bounds | None:
    """By how the face answered to its bones; None where all keys stay."""
    if tolerance is None:
        return None
    world = np.array(rig.item.matrix_world, np.float64)[:3, :3]
    unit = float(np.linalg.norm(world, 2)) * scene.unit_settings.scale_length * 1000
    reach, radius = {}, {}
    for channel, moved in zip(measured.channels, measured.response.linear, strict=True):
        far = float(np.linalg.norm(moved, axis=1).max(initial=0)) / channel.step(measured.face.size)
        table, scale = (radius, unit) if channel.turn else (reach, 1.0)
        table[channel.bone] = max(table.get(channel.bone, 0.0), far * scale)
    eyes = rig.map.eyes
    return Bounds(tolerance, unit, reach, radius, frozenset((eyes.left, eyes.right)))
