"""Landmarks as empties that the user can move."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np

from ...errors import UserError
from ...retarget.create import Landmarks, landmark_names, landmarks_from
from ...template import load_template

NAME = "face_anything_landmark"  # of an empty: which landmark it is
COLLECTION = "Face Landmarks"
HEAD = 0.34  # metres from the template's chin line to its crown, about: scales the first guess


def add_landmarks(scene: bpy.types.Scene, meshes: Sequence[Any]) -> list[bpy.types.Object]:
    """Empties about where a face is on a head that looks along -Y; for the user to move.

    Raises:
        UserError: there are some already.
    """
    if any(NAME in item for item in scene.objects):
        raise UserError("there are landmarks already; move them, or delete them first")
    corners = np.concatenate([_corners(mesh) for mesh in meshes])
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = float(high[2] - low[2])
    center = np.array([(low[0] + high[0]) / 2, low[1], low[2] + 0.6 * size])
    template = load_template()
    places = template.landmarks(template.vertices.astype(np.float64)) * size / HEAD
    places[:, 2] -= places[:, 2].max()
    collection = bpy.data.collections.new(COLLECTION)
    scene.collection.children.link(collection)
    made = []
    for name, number in landmark_names().items():
        x, y, z = places[number]
        empty: Any = bpy.data.objects.new(name, None)
        empty.empty_display_type, empty.empty_display_size = "SPHERE", 0.012 * size
        empty.location = (center[0] + x, center[1] - z, center[2] + y)
        empty.show_in_front = empty.show_name = True
        empty[NAME] = name
        collection.objects.link(empty)
        made.append(empty)
    return made


def _corners(mesh: Any) -> np.ndarray:
    """(8, 3) world: of the box around a mesh."""
    matrix = np.array(mesh.matrix_world)
    return np.array(mesh.bound_box) @ matrix[:3, :3].T + matrix[:3, 3]


def scene_landmarks(scene: bpy.types.Scene) -> Landmarks | None:
    """The places of the scene's landmark empties; None where there are none.

    Raises:
        UserError: there are too few of them.
    """
    empties: list[Any] = [item for item in scene.objects if item.get(NAME) in landmark_names()]
    if not empties:
        return None
    return landmarks_from({str(e[NAME]): list(e.matrix_world.translation) for e in empties}, COLLECTION)
