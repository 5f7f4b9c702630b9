"""The polygons of a mesh as arrays."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import numpy as np


def polygons(mesh: Any) -> tuple[np.ndarray, np.ndarray]:
    """(P,) first corner of each polygon, (C,) vertices of the corners, as `Piece` wants them."""
    starts, corners = np.empty(len(mesh.polygons), np.int32), np.empty(len(mesh.loops), np.int32)
    mesh.polygons.foreach_get("loop_start", starts)
    mesh.loops.foreach_get("vertex_index", corners)
    return starts, corners
