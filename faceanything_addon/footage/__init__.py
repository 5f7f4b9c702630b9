"""Footage: video files, folders of pictures and single pictures, as upright RGB frames with true time stamps."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .footage import Footage, Frame, open_footage

__all__ = ["Footage", "Frame", "open_footage"]
