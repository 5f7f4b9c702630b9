"""A take becomes a scene."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .build import SceneOptions, TakeObjects, build_take

__all__ = ["SceneOptions", "TakeObjects", "build_take"]
