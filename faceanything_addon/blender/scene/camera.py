"""Scene settings and a camera through which the mesh lies over the plate."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from math import pi
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...errors import UserError
from ...footage.images import SUFFIXES, natural_key
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


def load_plate(info: TakeInfo) -> bpy.types.Image | None:
    """The footage as an image data-block; None where it is missing or Blender cannot read it."""
    path = _first_picture(Path(info.footage))
    if path is None:
        return None
    try:
        image = bpy.data.images.load(str(path), check_existing=False)
    except RuntimeError:
        return None
    if image.source == "FILE" and info.end - info.start > 1:
        image.source = "SEQUENCE"
    return image


def _first_picture(path: Path) -> Path | None:
    """The file itself, or the first picture of a folder."""
    if path.is_file():
        return path
    if not path.is_dir():
        return None
    pictures = (p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    return min(pictures, key=natural_key, default=None)


def plate_rate(image: bpy.types.Image | None, info: TakeInfo) -> float:
    """Pictures per second at which Blender plays the footage; for sequences and missing files the take's own."""
    if image is None or image.source != "MOVIE":
        return info.fps
    clip = bpy.data.movieclips.load(bpy.path.abspath(image.filepath))
    rate = float(clip.fps)
    bpy.data.movieclips.remove(clip)
    return rate if rate > 0 else info.fps


def first_time(info: TakeInfo) -> float:
    """Time stamp of the footage's first picture, from which Blender counts; 0 where it cannot be had."""
    from ...footage import open_footage

    try:
        return next(open_footage(info.footage, 0, 1).frames()).time
    except (UserError, ImportError):
        return 0.0


def add_plate(camera: bpy.types.Object, image: bpy.types.Image, info: TakeInfo, clock: Clock) -> None:
    """Show the footage behind the mesh, its picture number `clock.plate_offset` at the scene's first frame."""
    data: Any = camera.data
    background = data.background_images.new()
    background.image = image
    background.display_depth = "BACK"
    background.alpha = 1.0
    background.frame_method = "FIT"
    background.rotation = plate_turn(image, info)
    user = background.image_user
    user.frame_duration = max(1, clock.last - clock.first + 1)
    user.frame_start = clock.first
    user.frame_offset = clock.plate_offset + _number_shift(image)
    user.use_auto_refresh = True
    data.show_background_images = True


def _number_shift(image: Any) -> int:
    """Sequences show the file whose number is frame + offset: shift so that the first file is picture 0."""
    if image.source != "SEQUENCE":
        return 0
    digits = ""
    for letter in reversed(Path(image.filepath).stem):
        if not letter.isdigit():
            break
        digits = letter + digits
    return int(digits) - 1 if digits else 0


def plate_turn(image: Any, info: TakeInfo) -> float:
    """Radians by which to turn the picture: Blender before 4.4 ignores the turn that phones write into a movie."""
    wide, high = image.size[0], image.size[1]
    if not (wide and high) or (wide > high) == (info.width > info.height):
        return 0.0
    return -pi / 2
