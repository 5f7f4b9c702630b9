"""The footage's sound in the sequencer, in step with what is seen."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...footage.sound import sound_start

OWNER = "face_anything_sound"  # of a strip: what it belongs to
MOST_CHANNELS = 128


def add_sound(scene: bpy.types.Scene, footage: str | Path, first: float, time: float, owner: str) -> Any:
    """Add the footage's sound as a strip, replacing the one that the owner had.

    A strip begins at a whole frame; the rest is the strip's sound offset. Before Blender 4.4 there is none, and the
    sound may be off by half a frame of the scene.

    Args:
        first: scene frame at which `time` is seen; a fraction is kept.
        time: seconds, as the container says.
        owner: name of the take's or character's object.

    Returns:
        the strip; None where the footage has no sound or this Blender cannot play it.
    """
    file = Path(footage)
    begin = _sound_start(file)
    if begin is None:
        return None
    rate = scene.render.fps / scene.render.fps_base
    position = first + (begin - time) * rate
    strips = _strips(scene)
    for old in [strip for strip in strips if strip.get(OWNER) == owner]:
        strips.remove(old)
    try:
        strip = strips.new_sound(file.stem, str(file), _free_channel(strips), round(position))
    except RuntimeError:
        return None
    strip[OWNER] = owner
    if hasattr(strip, "sound_offset"):
        strip.sound_offset = (position - round(position)) / rate
    scene.sync_mode = "AUDIO_SYNC"
    return strip


def _sound_start(file: Path) -> float | None:
    if not file.is_file():
        return None
    try:
        return sound_start(file)
    except ImportError:
        return None


def _strips(scene: Any) -> Any:
    editor = scene.sequence_editor_create()
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def _free_channel(strips: Any) -> int:
    return min(max((strip.channel for strip in strips), default=0) + 1, MOST_CHANNELS)
