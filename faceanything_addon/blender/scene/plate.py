"""The footage behind the mesh."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import re
from math import pi
from pathlib import Path
from typing import Any

import bpy

from ...errors import UserError
from ...footage.images import SUFFIXES, natural_key
from ...footage.video import stored_turn
from ...take.take import TakeInfo
from ..paths import stored_path
from .timing import Clock

OBLONG = 0.02  # by which shapes differ that are not the same


def load_plate(info: TakeInfo) -> bpy.types.Image | None:
    """The footage as an image data-block; None where it is missing or Blender cannot read it."""
    path = _first_picture(Path(info.footage))
    if path is None:
        return None
    try:
        image = bpy.data.images.load(str(path), check_existing=False)
    except RuntimeError:
        return None
    image.filepath = stored_path(path)
    if image.source == "FILE" and os.path.isdir(info.footage):
        image.source = "SEQUENCE"
    return image


def _first_picture(path: Path) -> Path | None:
    """The file itself, or the first picture of a folder."""
    if os.path.isfile(path):  # unlike Path, not troubled by folders that may not be looked into
        return path
    if not os.path.isdir(path):
        return None
    try:
        pictures = [p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith(".")]
    except OSError:
        return None
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


def add_plate(camera: bpy.types.Object, image: bpy.types.Image, clock: Clock, info: TakeInfo) -> None:
    """Show the footage behind the mesh, its picture number `clock.plate_offset` at the scene's first frame."""
    data: Any = camera.data
    background = data.background_images.new()
    background.image = image
    background.display_depth = "BACK"
    background.alpha = 1.0
    background.frame_method = "STRETCH" if _oblong_pixels(image, info) else "FIT"
    _set_upright(background, image)
    user = background.image_user
    user.frame_duration = max(1, clock.last - clock.first + 1)
    user.frame_start = clock.first
    user.frame_offset = clock.plate_offset + _number_shift(image)
    user.use_auto_refresh = True
    data.show_background_images = True


def _oblong_pixels(image: Any, info: TakeInfo) -> bool:
    """Blender shows the file's pixels as squares, and the take is of another shape, upright or turned."""
    width, height = image.size
    shapes = (width / height, height / width) if min(image.size) > 0 else ()
    return bool(shapes) and all(abs(shape * info.height / info.width - 1) > OBLONG for shape in shapes)


def _number_shift(image: Any) -> int:
    """Sequences show the file whose number is frame + offset: shift so that the first file is picture 0.

    Blender takes the last digits of a name for its number, wherever they stand.
    """
    digits = re.findall("[0-9]+", Path(image.filepath).stem)
    return int(digits[-1]) - 1 if image.source == "SEQUENCE" and digits else 0


def movie_turn(file: Path) -> tuple[int, bool]:
    """Quarter turns, counter-clockwise, that a movie asks for, and whether in a mirror; none where it does not tell."""
    try:
        import av
        from av.error import FFmpegError
    except ImportError:
        return 0, False
    try:
        with av.open(str(file), metadata_errors="replace") as container:
            return stored_turn(next(container.decode(video=0)))
    except (FFmpegError, StopIteration, IndexError):
        return 0, False


def _set_upright(background: Any, image: Any) -> None:
    """Show a movie as its file asks for: Blender before 4.4 shows it as the sensor saw it, later ones never mirror."""
    if image.source != "MOVIE":
        return
    turns, mirrored = movie_turn(Path(bpy.path.abspath(image.filepath)))
    if bpy.app.version >= (4, 4, 0):  # shows a mirror image half a turn off, as its matrix has that much of a turn
        background.use_flip_x, background.use_flip_y = mirrored and turns % 2 == 1, mirrored and turns % 2 == 0
        return
    background.use_flip_x = mirrored  # before the turn, which then goes the other way
    background.rotation = (turns if mirrored else -turns) * pi / 2  # clockwise is positive
    if turns % 2 and min(image.size) > 0:
        background.scale = max(image.size) / min(image.size)
