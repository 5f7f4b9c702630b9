"""The panel's last line is about the file that is open: another file begins without one."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from .jobs import state


@persistent
def forget(*_: Any) -> None:
    state.error = state.note = ""


def register() -> None:
    bpy.app.handlers.load_post.append(forget)


def unregister() -> None:
    if forget in bpy.app.handlers.load_post:
        bpy.app.handlers.load_post.remove(forget)
