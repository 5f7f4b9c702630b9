"""What an action made here moved, and the next one does not, goes back to rest.

Else it would stand for ever as it was last seen.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from mathutils import Quaternion

from ..scene.animation import OWN
from .head import REST, rest_rotation
from .layers import CAPTURED, EDITED, PUNCH, action_curves, captured_strip, slot_of, strips_of

Channels = set[tuple[str, int]]  # (data path, index)


def own_channels(data: Any, kind: str) -> Channels:
    """What an action of this kind, made here, moves now: the active one, or the captured layer."""
    strip = captured_strip(data)
    return _channels_of(strip if strip is not None else data, kind)


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
    """Shape keys to 0, bones to their rest, an object to how it stood; what drivers hold is left to them."""
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
        elif name.startswith("rotation_"):
            getattr(owner, name)[index] = _rotation_at_rest(owner, name)[index]


def _rotation_at_rest(owner: Any, name: str) -> Any:
    rest = Quaternion(rest_rotation(owner)) if owner.id_data == owner else Quaternion()
    if name == "rotation_quaternion":
        return rest
    return rest.to_euler(owner.rotation_mode if len(owner.rotation_mode) == 3 else "XYZ")


def release(target: Any, kind: str) -> None:
    """Take the motion of this kind off an object that received it; its actions stay in the file."""
    data = target.animation_data
    moved = own_channels(data, kind)
    if not moved:
        return
    for layer in (CAPTURED, PUNCH, EDITED):
        for track, strip in strips_of(data, layer):
            strip.action.use_fake_user = True
            data.nla_tracks.remove(track)
    if data.action is not None and data.action.get(OWN, "") in (kind, True):
        data.action.use_fake_user = True
        data.action = None
    to_rest(target, moved)
