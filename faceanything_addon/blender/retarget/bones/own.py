"""What an action made here for bones moves: it goes to rest before the next one comes, and is no pose to record."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mathutils import Quaternion

from ....retarget.bones import Delta
from ....retarget.bones.bonemap import Pose
from ...scene.animation import OWN
from ..actions import BONES
from ..layers import LAYER, action_curves, slot_of
from ..rest import channels, to_rest

CHANNELS = ("location", "rotation_quaternion", "rotation_euler", "scale")
SAME = 2e-5  # of a channel's value; recorded poses are rounded


def own_curves(rig: Any) -> list[Any]:
    """F-curves of the rig's action that was made here for bones, on its tracks too; muted ones move nothing."""
    data = rig.animation_data
    if data is None:
        return []
    owners = [strip for track in data.nla_tracks for strip in track.strips if _is_own(strip.action, (BONES,))]
    if _is_own(data.action, (BONES, True)):
        owners.append(data)
    owners = [owner for owner in owners if slot_of(owner) is not None or not hasattr(owner.action, "slots")]
    return [c for owner in owners for c in action_curves(owner.action, slot_of(owner)) if not c.mute]


def _is_own(action: Any, kinds: tuple[Any, ...]) -> bool:
    return action is not None and action.get(OWN) in kinds and LAYER not in action


def own_channels(rig: Any) -> Iterator[tuple[Any, str, int, Any]]:
    """(pose bone, property, axis, curve) of each channel that such an action moves."""
    for curve in own_curves(rig):
        path, _, channel = curve.data_path.rpartition(".")
        if channel not in CHANNELS or not path.startswith("pose.bones["):
            continue
        try:
            yield rig.path_resolve(path), channel, curve.array_index, curve
        except ValueError:  # the bone was removed
            continue


def own_to_rest(rig: Any) -> None:
    """What such an action moves, at rest. What else animates or drives it does so again at the next frame that is set.

    Call it just before the action gives way to another: a bone that the other leaves out would stand for ever as it was
    last seen.
    """
    to_rest(rig, {channel for channel in channels(own_curves(rig)) if channel[0].startswith("pose.bones[")})


def posed_by_own(rig: Any, frame: float, neutral: Pose) -> tuple[str, ...]:
    """Bones away from their neutral pose just as such an action puts them at a frame, not as somebody posed them."""
    out = []
    for bone, channel, axis, curve in own_channels(rig):
        value, at = getattr(bone, channel)[axis], _neutral_values(bone, channel, neutral.get(bone.name, Delta()))
        away = at is not None and min(abs(value - sign * at[axis]) for sign in _signs(channel)) > SAME
        if away and abs(value - curve.evaluate(frame)) < SAME:
            out.append(bone.name)
    return tuple(dict.fromkeys(out))


def _signs(channel: str) -> tuple[float, ...]:
    """A quaternion and its negative are the same rotation."""
    return (1.0, -1.0) if channel == "rotation_quaternion" else (1.0,)


def _neutral_values(bone: Any, channel: str, delta: Delta) -> Any:
    """What a channel is in the neutral pose; None: the bone's rotation mode leaves the channel unused."""
    if not channel.startswith("rotation_"):
        return getattr(delta, channel)
    rotation = Quaternion(delta.rotation).normalized()
    if bone.rotation_mode == "QUATERNION":
        return rotation if channel == "rotation_quaternion" else None
    unused = bone.rotation_mode == "AXIS_ANGLE" or channel != "rotation_euler"
    return None if unused else rotation.to_euler(bone.rotation_mode)
