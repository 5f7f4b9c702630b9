"""A new action over what is there: nothing that was animated before is lost."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import bpy

from ...take.storage import parse_json
from ..scene.animation import OWN
from .layers import LAYER, action_curves, assign, captured_strip, fit_strip, replace_captured, slot_of, span_of
from .rest import Channels, Ours, carry, channels, forget_rest, own_channels, to_rest

KEYS, BONES = "keys", "bones"  # what an action made here is for
WRITTEN = "face_anything_written"  # of an action for bones: its channels, beside those that the user keys in it


class ActionWriter:
    """One action for a whole character: a slot per data-block since 4.4, before that an action per data-block."""

    def __init__(self, name: str, kind: str = KEYS, ours: Ours = lambda *_: True) -> None:
        """ours: which data paths a performance moves; what else the user keyed in the action before is taken over."""
        self.name, self.kind, self.ours = name, kind, ours
        self.actions: list[Any] = []
        self._layered: list[tuple[Any, Any, Any]] = []
        # What moved, the curves that did in the active action, those that take their place, and what an action for
        # bones was made with.
        self._before: list[tuple[Any, Channels, Any, Any, Channels | None]] = []

    def place(self, datablock: Any) -> tuple[Any, Any]:
        """The action and its new slot (None before 4.4) for a data-block, which is not animated by it yet."""
        slotted = "slots" in bpy.types.Action.bl_rna.properties
        if not self.actions or not slotted:
            self.actions.append(bpy.data.actions.new(self.name))
            self.actions[-1][OWN] = self.kind
        action = self.actions[-1]
        return action, action.slots.new(id_type=datablock.id_type, name=datablock.name) if slotted else None

    def curves(self, datablock: Any) -> Any:
        """An empty collection of F-curves that animates the data-block from `finish` on."""
        data = datablock.animation_data or datablock.animation_data_create()
        before = own_channels(data, self.kind)
        if self.kind == KEYS:
            forget_rest(datablock, KEYS)
        written = written_bones(data.action) if self.kind == BONES else None
        active = action_curves(data.action, slot_of(data)) if _plays(data) and before else ()
        action, slot = self.place(datablock)
        if captured_strip(data) is not None:
            self._layered.append((data, action, slot))
        else:
            keep_animation(data, self.kind)
            assign(data, action, slot)
            # An empty action of hand keys, which only adds to layers, may have been here before.
            data.action_blend_type, data.action_extrapolation, data.action_influence = "REPLACE", "HOLD", 1.0
        curves = action_curves(action, slot)
        self._before.append((datablock, before, active, curves, written))
        return curves

    def finish(self) -> None:
        """Where there are layers, the new action takes the place of the captured one; those above stay.

        What an action made here moved before, and this one does not, goes to rest. What the user keyed in it goes on.
        """
        for data, action, slot in self._layered:
            replace_captured(data, action, slot)
        for datablock, before, active, curves, written in self._before:
            gone = before - channels(curves)
            if self.kind == BONES:
                # They went to rest before they were posed for the solving.
                self.actions[-1][WRITTEN] = json.dumps(sorted(channels(curves)))
                carry(active, curves, gone - (gone if written is None else written))
                continue
            ours = {channel for channel in gone if self.ours(datablock, channel[0])}
            carry(active, curves, gone - ours)
            to_rest(datablock, ours)


def written_bones(action: Any) -> Channels | None:
    """What an action for bones was made with; None: not told, as in files of older versions."""
    try:
        return {(str(path), int(index)) for path, index in parse_json(action[WRITTEN])}
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _plays(data: Any) -> bool:
    """Whether an action of its own is played, in 4.4 and later by a slot."""
    return (
        data.action is not None
        and captured_strip(data) is None
        and (not hasattr(data, "action_slot") or data.action_slot is not None)
    )


def keep_animation(data: Any, kind: str) -> None:
    """Push the current action onto an NLA track below, where what the new one does not key goes on playing.

    An action of this kind made here before is only kept in the file: two of them would say the same. One of the other
    kind goes on playing: a rig's face bones below the turn of its head that came with shape keys.
    """
    data.use_tweak_mode = False
    _retire(data, kind)
    action = data.action
    if action is None:
        return
    action.use_fake_user = True
    if action.get(OWN, "") not in (kind, True):
        _push_down(data, action)
    data.action = None


def _retire(data: Any, kind: str) -> None:
    """Take away tracks of actions of this kind that were pushed down here; the actions stay in the file."""
    for track in list(data.nla_tracks):
        actions = [strip.action for strip in track.strips]
        if actions and all(a is not None and a.get(OWN) == kind and LAYER not in a for a in actions):
            for action in actions:
                action.use_fake_user = True
            data.nla_tracks.remove(track)


def _push_down(data: Any, action: Any) -> None:
    slot = slot_of(data)
    if action.get(OWN):
        # Other data-blocks share it, whose layers are none of this one's.
        action = action.copy()
        action.pop(LAYER, None)
        slot = action.slots[slot.identifier] if slot is not None else None
    track = data.nla_tracks.new()
    track.name = action.name
    strip = track.strips.new(action.name, int(action.frame_range[0]), action)
    if slot is not None:
        strip.action_slot = slot
    curves = action_curves(action, slot)
    if any(len(curve.keyframe_points) for curve in curves):
        # Blender places a strip by all slots of the action, and at a whole frame.
        fit_strip(strip, span_of(curves))
    strip.blend_type, strip.extrapolation = data.action_blend_type, data.action_extrapolation
    if data.action_influence != 1:
        strip.use_animated_influence, strip.influence = True, data.action_influence
