"""The gaze onto the eyes of a take's own rig."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...retarget.bones.motion import gaze_of
from ...retarget.mirror import mirrored
from ...retarget.resample import resample
from ...take.performance import Performance
from ...template.shape import eyeball_rotation
from .. import space
from ..scene.animation import set_curve
from ..scene.head import SIDE
from .characters import Character, roots_of


def eyes_of(scene: bpy.types.Scene, character: Character) -> list[Any]:
    """Eyes made with a take that hang from the same as the character's meshes do; other characters have none."""
    family = set().union(*(roots_of(mesh) for mesh in character.meshes))
    return [item for item in scene.objects if SIDE in item and family & roots_of(item)]


def eye_columns(eye: Any, performance: Performance, at: np.ndarray, mirror: bool) -> dict[tuple[str, int], np.ndarray]:
    """An eye's rotation at times (N,) of the performance: (data path, index) -> values (N,)."""
    gaze = gaze_of(mirrored(performance) if mirror else performance)[:, int(eye[SIDE])]
    rotations = eyeball_rotation(resample(performance.time, gaze, at)).astype(np.float64)
    quaternions = space.quaternions(space.object_rotations(rotations))
    return {("rotation_quaternion", index): column for index, column in enumerate(quaternions.T)}


def write_eye(curves: Any, frames: np.ndarray, columns: dict[tuple[str, int], np.ndarray]) -> None:
    """Key an eye's rotation: curves from `ActionWriter`, frames (N,) of the scene, columns as above."""
    for (path, index), column in columns.items():
        set_curve(curves, path, index, frames, column)
