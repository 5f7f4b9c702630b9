"""Directions a character may look in, by name."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ...errors import UserError

AXES = {"X": (1, 0, 0), "Y": (0, 1, 0), "Z": (0, 0, 1)}
FRONTS = ("-Y", "+Y", "-X", "+X", "+Z", "-Z")


def front_rotation(name: str) -> np.ndarray:
    """(3, 3) rotation from world to template axes of a character that looks along an axis.

    Up is Z, or Y where it looks along Z.

    Raises:
        UserError: no such axis.
    """
    if name not in FRONTS:
        raise UserError(f"{name}: is no direction to look in; use one of {', '.join(FRONTS)}")
    ahead = np.array(AXES[name[1]], float) * (-1 if name[0] == "-" else 1)
    up = np.array(AXES["Y" if name[1] == "Z" else "Z"], float)
    return np.stack([np.cross(up, ahead), up, ahead])
