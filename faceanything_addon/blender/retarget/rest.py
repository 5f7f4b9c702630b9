"""What an action made here moved, and the next one does not, goes back to rest.

Else it would stand for ever as it was last seen.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mathutils import Quaternion

from ..scene.animation import OWN
from .head import REST, rest_rotation
from .layers import CAPTURED, EDITED, LAYER, PUNCH, action_curves, assign, captured_strip, slot_of, strips_of

Channels = set[tuple[str, int]]  # (data path, index)
Ours = Callable[[Any, str], bool]  # whether a data path of a data-block is one that is written here
LAYERS = (CAPTURED, PUNCH, EDITED)
ROTATIONS = ("rotation_quaternion", "rotation_euler")
AT_REST = {"location": 0.0, "scale": 1.0}  # of bones
POINT = {
    "co": 2,
    "interpolation": 1,
    "handle_left_type": 1,
    "handle_right_type": 1,
    "handle_left": 2,
    "handle_right": 2,
}  # what a key is, and how many numbers that takes


def own_channels(data: Any, kind: str) -> Channels:
    """What actions of this kind, made here, move now: the captured layer, else the active one and those pushed down."""
    if data is None:
        return set()
    strip = captured_strip(data)
    owners = [strip] if strip is not None else [data, *(strip for _, strip in _pushed_down(data, kind))]
    return set().union(*(_channels_of(owner, kind) for owner in owners))


def _pushed_down(data: Any, kind: str) -> list[tuple[Any, Any]]:
    """(track, strip) of actions of this kind that play below others, and are no layers."""
    strips = [(track, strip) for track in data.nla_tracks for strip in track.strips if strip.action is not None]
    return [(track, strip) for track, strip in strips if strip.action.get(OWN) == kind and LAYER not in strip.action]


def forget_rest(datablock: Any, kind: str) -> None:
    """Have an object's rest taken anew, unless an action of this kind made here turns it now.

    A duplicate has the rest of its original, and who clears an object's animation may place it elsewhere.
    """
    if REST in datablock and not _is_turned(datablock.animation_data, kind):
        del datablock[REST]


def _is_turned(data: Any, kind: str) -> bool:
    if data is None:
        return False
    owners = [data, *(strip for track in data.nla_tracks for strip in track.strips)]
    return any(path.startswith("rotation_") for owner in owners for path, _ in _channels_of(owner, kind))


def _channels_of(owner: Any, kind: str) -> Channels:
    """What an animation data or a strip moves, where its action is of this kind and made here."""
    if owner is None or owner.action is None or owner.action.get(OWN, "") not in (kind, True):
        return set()
    if hasattr(owner, "action_slot") and owner.action_slot is None:  # it plays nothing
        return set()
    return channels(action_curves(owner.action, slot_of(owner)))


def channels(curves: Any) -> Channels:
    """Of F-curves."""
    return {(curve.data_path, curve.array_index) for curve in curves}


def to_rest(datablock: Any, moved: Channels) -> None:
    """Shape keys to 0, bones to their rest, an object's turn to how it stood; what drivers hold is left to them."""
    data = datablock.animation_data
    held = channels(data.drivers) if data is not None else set()
    for path, index in sorted(moved - held):
        before, _, name = path.rpartition(".")
        try:
            owner = datablock.path_resolve(before) if before else datablock
        except ValueError:  # renamed or removed
            continue
        if name == "value":
            owner.value = 0.0
        elif name in ROTATIONS:
            getattr(owner, name)[index] = _rotation_at_rest(owner, name)[index]
        elif name in AT_REST and owner != datablock:
            getattr(owner, name)[index] = AT_REST[name]


def _rotation_at_rest(owner: Any, name: str) -> Any:
    rest = Quaternion(rest_rotation(owner)) if owner.id_data == owner else Quaternion()
    if name == "rotation_quaternion":
        return rest
    return rest.to_euler(owner.rotation_mode if len(owner.rotation_mode) == 3 else "XYZ")


def release(target: Any, kind: str, ours: Ours = lambda *_: True) -> None:
    """Take the motion of this kind off an object that received it. Its actions stay in the file, its layers are muted.

    Args:
        ours: which data paths are that motion's; what else its action moves goes on.
    """
    data = target.animation_data
    moved = {channel for channel in own_channels(data, kind) if ours(target, channel[0])}
    if not moved:
        return
    for layer in LAYERS:
        for track, _ in strips_of(data, layer):
            track.mute = True
    for track, strip in _pushed_down(data, kind):
        if not _left_without(strip, moved):
            data.nla_tracks.remove(track)
    if _channels_of(data, kind) & moved and not _left_without(data, moved):
        data.action = None
    to_rest(target, moved)


def _left_without(owner: Any, moved: Channels) -> bool:
    """Have an animation data or a strip play a copy of its action without these channels; False: nothing is left."""
    old, slot = owner.action, slot_of(owner)
    old.use_fake_user = True
    if channels(action_curves(old, slot)) <= moved:
        return False
    copy = old.copy()
    copy.use_fake_user = False
    own = copy.slots[slot.identifier] if slot is not None else None
    curves = action_curves(copy, own)
    for curve in [c for c in curves if (c.data_path, c.array_index) in moved]:
        curves.remove(curve)
    assign(owner, copy, own)
    return True


def carry(before: Any, curves: Any, left: Channels) -> None:
    """Copy F-curves of these channels into another action: what the user keyed in the one before goes on."""
    for curve in before:
        if (curve.data_path, curve.array_index) in left and curves.find(
            curve.data_path, index=curve.array_index
        ) is None:
            copy = curves.new(curve.data_path, index=curve.array_index)
            copy.extrapolation, copy.mute = curve.extrapolation, curve.mute
            points, count = copy.keyframe_points, len(curve.keyframe_points)
            points.add(count)
            for name, width in POINT.items():
                values = np.empty(count * width, np.float32 if width > 1 else np.int32)
                curve.keyframe_points.foreach_get(name, values)
                points.foreach_set(name, values)
            copy.update()
