"""Scene settings, and a camera through which the mesh lies over the plate."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from math import pi

import bpy
import numpy as np

from ...take.take import TakeInfo
from ..space import CAMERA_HEIGHT
from .animation import curves_of, set_curve
from .timing import Clock, fps_pair

SENSOR_WIDTH = 36.0  # millimetres; only the ratio to the focal length matters


@dataclass(frozen=True)
class Lens:
    """Blender's numbers for pinhole intrinsics, per frame. Sensor fit is horizontal, portrait or not."""

    millimetres: np.ndarray  # (F,)
    shift_x: np.ndarray  # (F,)
    shift_y: np.ndarray  # (F,)


def lens_of(intrinsics: np.ndarray, width: int, height: int) -> Lens:
    """(F, 3, 3) footage pixels -> lens.

    Half a pixel is added because footage pixel (0, 0) is the centre of the first pixel, while Blender measures from
    the picture's edge. Both shifts are in units of the picture's width, since the sensor is fitted to the width.
    """
    fx, cx, cy = intrinsics[:, 0, 0], intrinsics[:, 0, 2] + 0.5, intrinsics[:, 1, 2] + 0.5
    return Lens(
        millimetres=fx * SENSOR_WIDTH / width,
        shift_x=(width / 2 - cx) / width,
        shift_y=(cy - height / 2) / width,
    )


def apply_timing(scene: bpy.types.Scene, clock: Clock) -> None:
    """Frame rate and range of the scene."""
    scene.render.fps, scene.render.fps_base = fps_pair(clock.rate)
    scene.frame_start, scene.frame_end = clock.first, clock.last
    scene.frame_set(clock.first)


def apply_picture(scene: bpy.types.Scene, info: TakeInfo, intrinsics: np.ndarray) -> None:
    """Resolution and pixel aspect (one, unless the focal lengths of x and y differ)."""
    render = scene.render
    render.resolution_x, render.resolution_y, render.resolution_percentage = info.width, info.height, 100
    ratio = float(np.median(intrinsics[:, 0, 0] / intrinsics[:, 1, 1]))
    even = abs(ratio - 1) < 1e-4
    render.pixel_aspect_x = 1.0 if even or ratio > 1 else 1 / ratio
    render.pixel_aspect_y = ratio if ratio > 1 and not even else 1.0


def add_camera(name: str, info: TakeInfo, intrinsics: np.ndarray, clock: Clock) -> bpy.types.Object:
    """A camera at eye level that looks along +Y; its lens is keyed only where the intrinsics change."""
    data = bpy.data.cameras.new(name)
    data.sensor_fit, data.sensor_width = "HORIZONTAL", SENSOR_WIDTH
    data.clip_start, data.clip_end = 0.01, 100.0
    data.display_size = 0.1
    lens = lens_of(intrinsics.astype(np.float64), info.width, info.height)
    for path, values in (("lens", lens.millimetres), ("shift_x", lens.shift_x), ("shift_y", lens.shift_y)):
        setattr(data, path, float(values[0]))
        if np.ptp(values) > 1e-6 * max(1.0, float(np.abs(values).max())):
            set_curve(curves_of(data), path, 0, clock.keys, values)
    camera = bpy.data.objects.new(name, data)
    camera.location = (0.0, 0.0, CAMERA_HEIGHT)
    camera.rotation_euler = (pi / 2, 0.0, 0.0)
    return camera
