"""Sending while the timeline moves. Off until the user presses the button."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy

from ...errors import UserError
from ...exchange.protocols import Sampler
from ...exchange.send import Sender
from ...take.performance import Performance
from ..jobs import state
from ..scene.timing import FIRST_FRAME


class Playback:
    """What is being sent, and where to."""

    sender: Sender | None = None
    sampler: Sampler | None = None


playback = Playback()


def start(performance: Performance, to: str, protocol: str) -> None:
    """Send the performance at every change of the scene's frame; its first sample belongs to frame 1.

    Raises:
        UserError: the receiver is not known, or Blender may not use the network.
    """
    stop()
    sender = Sender(to, protocol)
    if not sender.local and not getattr(bpy.app, "online_access", True):
        sender.close()
        raise UserError(f"{to}: Blender may not use the network; allow online access in Preferences > System > Network")
    playback.sender, playback.sampler = sender, Sampler(performance)
    bpy.app.handlers.frame_change_post.append(_send)
    bpy.app.handlers.load_pre.append(_forget)


def stop() -> None:
    """Stop sending."""
    for handlers, own in ((bpy.app.handlers.frame_change_post, _send), (bpy.app.handlers.load_pre, _forget)):
        if own in handlers:
            handlers.remove(own)
    _close()


def _close() -> None:
    """Send nothing more. The handlers stay: Blender walks their list just now and would pass over the next one's."""
    if playback.sender is not None:
        playback.sender.close()
    playback.sender = playback.sampler = None


def _send(scene: Any, *_: Any) -> None:
    if playback.sender is None or playback.sampler is None:
        return
    rate = scene.render.fps / scene.render.fps_base
    try:
        playback.sender.send(playback.sampler.at(max(0.0, (scene.frame_current_final - FIRST_FRAME) / rate)))
    except UserError as error:
        _close()
        state.error = str(error)


def _forget(*_: Any) -> None:
    _close()
