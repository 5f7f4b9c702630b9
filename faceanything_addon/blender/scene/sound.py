"""The footage's sound in the sequencer, in step with what is seen."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy

from ...footage.sound import sound_start
from ..paths import stored_path

OWNER = "face_anything_sound"  # of a strip: what it belongs to, names apart by BETWEEN
BETWEEN = "\n"
CLOSE = 1e-3  # frames by which the same moment may differ
MOST_CHANNELS = 128


def add_sound(scene: bpy.types.Scene, footage: str | Path, first: float, time: float, owner: str) -> Any:
    """Add the footage's sound as a strip, replacing the one that the owner had.

    A take's scene and the characters that play the take share a strip: where the same sound is there already, it is
    not added again. A strip that others own too stays when one of them moves.

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
        leave_sound(scene, owner)
        return None
    rate = scene.render.fps / scene.render.fps_base
    position = first + (begin - time) * rate
    strips = _strips(scene)
    there = next((strip for strip in strips if _is_same(strip, file, position, rate)), None)
    leave_sound(scene, owner, there)
    try:
        strip = there or strips.new_sound(file.stem, str(file), _free_channel(strips), round(position))
    except RuntimeError:
        return None
    strip.sound.filepath = stored_path(file)
    strip[OWNER] = BETWEEN.join(dict.fromkeys((*_owners(strip), owner)))
    if hasattr(strip, "sound_offset"):
        strip.sound_offset = (position - round(position)) / rate
    scene.sync_mode = "AUDIO_SYNC"
    return strip


def leave_sound(scene: bpy.types.Scene, owner: str, but: Any = None) -> None:
    """Take an owner off all strips but one; those that nobody owns any more are removed."""
    strips = _strips(scene) if scene.sequence_editor is not None else ()
    for strip in list(strips):
        if strip != but and owner in _owners(strip):
            _leave(strips, strip, owner)


def let_hear(scene: bpy.types.Scene, shown: str, hidden: set[str]) -> None:
    """Let the strips of one owner be heard, and mute those that belong to hidden ones alone."""
    for strip in _strips(scene) if scene.sequence_editor is not None else ():
        owners = set(_owners(strip))
        if shown in owners:
            strip.mute = False
        elif owners and owners <= hidden:
            strip.mute = True


def _owners(strip: Any) -> list[str]:
    return [name for name in str(strip.get(OWNER, "")).split(BETWEEN) if name]


def _is_same(strip: Any, file: Path, position: float, rate: float) -> bool:
    """Whether a strip made here plays the file from this frame on; the user may have moved it since."""
    if not _owners(strip) or getattr(strip, "sound", None) is None:
        return False
    offset = getattr(strip, "sound_offset", 0.0) * rate
    wanted = position - round(position) if hasattr(strip, "sound_offset") else 0.0
    start = getattr(strip, "content_start", None)  # the newer name of frame_start
    begins = (strip.frame_start if start is None else start) == round(position) and abs(offset - wanted) < CLOSE
    return begins and Path(bpy.path.abspath(strip.sound.filepath)) == Path(bpy.path.abspath(str(file)))


def _leave(strips: Any, strip: Any, owner: str) -> None:
    """Take an owner off a strip; the last one's is removed."""
    others = [name for name in _owners(strip) if name != owner]
    if others:
        strip[OWNER] = BETWEEN.join(others)
    else:
        strips.remove(strip)


def _sound_start(file: Path) -> float | None:
    if not os.path.isfile(file):
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
