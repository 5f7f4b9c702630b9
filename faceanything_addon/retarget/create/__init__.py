"""ARKit shapes for characters that have none: the template is laid on them and its motion carried over."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .landmarks import Landmarks, landmark_names, landmarks_from, read_landmarks
from .make import ArkitShapes, Carrier, carry_shapes, lay_template, make_shapes, shutting
from .mesh import Piece

__all__ = [
    "ArkitShapes",
    "Carrier",
    "Landmarks",
    "Piece",
    "carry_shapes",
    "landmark_names",
    "landmarks_from",
    "lay_template",
    "make_shapes",
    "read_landmarks",
    "shutting",
]
