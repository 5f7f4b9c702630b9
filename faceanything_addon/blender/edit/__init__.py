"""Editing a performance in layers, none of which changes the captured one."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .layers import add_layers, is_layered
from .punch import Punch, punch_in, remove_punch_ins
from .refresh import EditReport, refresh

__all__ = ["EditReport", "Punch", "add_layers", "is_layered", "punch_in", "refresh", "remove_punch_ins"]
