"""Layers of a performance: NLA tracks, from below Captured, Punch-in, Edited; above them the active action, Offsets.

A track's layer is told by its action, so that tracks may be renamed.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from math import floor
from typing import Any

import numpy as np

from ..scene.animation import channel_bag

LAYER = "face_anything_layer"  # of an action
CAPTURED, PUNCH, EDITED, OFFSETS = "Captured", "Punch-in", "Edited", "Offsets"


def action_curves(action: Any, slot: Any) -> Any:
    """The F-curves of an action's slot; before 4.4 the action's own."""
    return action.fcurves if slot is None else channel_bag(action, slot).fcurves


def slot_of(owner: Any) -> Any:
    """The slot of an animation data or an NLA strip; None before 4.4."""
    return getattr(owner, "action_slot", None)


def assign(owner: Any, action: Any, slot: Any) -> None:
    """Have an animation data or an NLA strip play an action."""
    owner.action = action
    # Blender may have picked another data-block's slot when the action was assigned.
    if slot is not None:
        owner.action_slot = slot


def strips_of(data: Any, layer: str) -> list[tuple[Any, Any]]:
    """(track, strip) of a layer, from below."""
    if data is None:
        return []
    strips = [(track, strip) for track in data.nla_tracks for strip in track.strips]
    return [(t, s) for t, s in strips if s.action is not None and s.action.get(LAYER) == layer]


def captured_strip(data: Any) -> Any:
    """The strip of the captured layer; None where there are no layers."""
    found = strips_of(data, CAPTURED)
    return found[0][1] if found else None


def layer_tracks(data: Any) -> list[str]:
    """Names of the tracks that hold layers, from below."""
    if data is None:
        return []
    actions = [(track.name, strip.action) for track in data.nla_tracks for strip in track.strips]
    return [name for name, action in actions if action is not None and action.get(LAYER) in (CAPTURED, PUNCH, EDITED)]


def put_strip(
    data: Any, layer: str, action: Any, slot: Any, span: tuple[float, float], after: Any = None, name: str = ""
) -> Any:
    """A new track with one strip that plays the action at its own frames.

    Args:
        span: first and last scene frame.
        after: track above which the new one goes; None: at the top.
    """
    action[LAYER] = layer
    track = data.nla_tracks.new(prev=after) if after is not None else data.nla_tracks.new()
    track.name = name or layer
    strip = track.strips.new(name or layer, floor(span[0]), action)
    if slot is not None:
        strip.action_slot = slot
    fit_strip(strip, span)
    strip.extrapolation = "NOTHING" if layer == PUNCH else "HOLD"
    track.lock = layer == CAPTURED
    return strip


def fit_strip(strip: Any, span: tuple[float, float]) -> None:
    """Lay a strip over frames of its action, one to one."""
    first, last = span[0], max(span[1], span[0] + 1)  # a strip has a length
    strip.action_frame_start, strip.action_frame_end = first, last
    strip.scale = 1.0
    # The far end first: a strip must never have its end before its start.
    strip.frame_end = max(last, strip.frame_end)
    strip.frame_start, strip.frame_end = first, last
    strip.action_frame_start, strip.action_frame_end = first, last
    strip.scale = 1.0


def replace_captured(data: Any, action: Any, slot: Any) -> None:
    """Another captured performance in the place of the one before, which stays in the file."""
    track, old = strips_of(data, CAPTURED)[0]
    old.action.use_fake_user = True
    for second, _ in strips_of(data, PUNCH):
        second.mute = second.mute and not track.mute  # all of them were muted when the motion went elsewhere
    put_strip(data, CAPTURED, action, slot, span_of(action_curves(action, slot)), track, track.name)
    data.nla_tracks.remove(track)


def read_curves(action: Any, slot: Any) -> dict[tuple[str, int], tuple[np.ndarray, np.ndarray]]:
    """Keys of all F-curves: (data path, index) -> frames (F,) and values (F,), f8."""
    return {(curve.data_path, curve.array_index): _keys(curve) for curve in action_curves(action, slot)}


def _keys(curve: Any) -> tuple[np.ndarray, np.ndarray]:
    points = np.empty(2 * len(curve.keyframe_points), np.float32)
    curve.keyframe_points.foreach_get("co", points)
    return points[::2].astype(np.float64), points[1::2].astype(np.float64)


def span_of(curves: Any) -> tuple[float, float]:
    """First and last frame of the keys of F-curves; some may have lost keys by hand."""
    ends = [curve.range() for curve in curves if len(curve.keyframe_points)]
    return min(first for first, _ in ends), max(last for _, last in ends)


def scene_frames_of(strip: Any, frames: np.ndarray) -> np.ndarray:
    """Frames of a strip's action -> frames of the scene."""
    return strip.frame_start + (frames - strip.action_frame_start) * strip.scale
