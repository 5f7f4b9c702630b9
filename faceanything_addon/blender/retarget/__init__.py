"""Performances onto characters that already have shape keys."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .apply import Options, Report, retarget
from .characters import Character, find_character

__all__ = ["Character", "Options", "Report", "find_character", "retarget"]
