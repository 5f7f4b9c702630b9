"""The head: its motion, the face mesh that plays the take, and the eyes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...take.take import Frames
from ...template import Part, Template
from ...template.shape import eyeball_rotation
from .. import space
from ..paths import stored_path
from .animation import OWN, curves_of, set_curve, set_vector
from .materials import assign_eye
from .mesh import Piece, cut_piece, make_mesh

SIDE = "face_anything_eye"  # of an eye: 0 left, 1 right


def add_head(
    name: str, head_pose: np.ndarray, keys: np.ndarray, height: float = space.CAMERA_HEIGHT
) -> bpy.types.Object:
    """An empty that carries the head's motion.

    Args:
        head_pose: (F, 4, 4) camera-from-head. keys: (F,) scene frames. height: of the camera above the ground.
    """
    head = bpy.data.objects.new(name, None)
    head.empty_display_type, head.empty_display_size = "ARROWS", 0.05
    head.rotation_mode = "QUATERNION"
    world = space.world_poses(head_pose.astype(np.float64), height)
    set_vector(head, "location", keys, world[:, :3, 3])
    set_vector(head, "rotation_quaternion", keys, space.quaternions(world[:, :3, :3]))
    return head


def add_shape_keys(target: bpy.types.Object, samples: np.ndarray, keys: np.ndarray) -> None:
    """One absolute shape key per frame, played by a single curve, in straight lines from key to key.

    Args:
        samples: (F, N, 3) f4, object space.
        keys: (F,) scene frames.
    """
    target.shape_key_add(name="neutral", from_mix=False)
    data: Any = target.data
    shapes = data.shape_keys
    shapes.use_relative = False
    times = np.empty(len(samples))
    for number, sample in enumerate(samples):
        block: Any = target.shape_key_add(name=f"frame {number}", from_mix=False)
        block.points.foreach_set("co", sample.ravel())
        block.interpolation = "KEY_LINEAR"
        times[number] = block.frame
    shapes.key_blocks[0].interpolation = "KEY_LINEAR"
    set_curve(curves_of(shapes), "eval_time", 0, keys, times)


def attach_cache(target: bpy.types.Object, file: Path, keys: np.ndarray) -> None:
    """Play a PC2 file whose samples belong to the scene frames keys (F,): the sample is keyed, so any timing plays
    right."""
    cache: Any = target.modifiers.new("Face Anything cache", "MESH_CACHE")
    cache.cache_format, cache.filepath = "PC2", stored_path(file)
    cache.forward_axis, cache.up_axis = "POS_Y", "POS_Z"
    cache.interpolation, cache.play_mode, cache.time_mode = "LINEAR", "CUSTOM", "FRAME"
    path = f'modifiers["{cache.name}"].eval_frame'
    set_curve(curves_of(target), path, 0, keys, np.arange(len(keys), dtype=np.float64))
    # A cache replaces places by number: nothing may have changed the number of vertices before it.
    target.modifiers.move(len(target.modifiers) - 1, 0)


def eye_center(template: Template, vertices: np.ndarray, part: Part) -> np.ndarray:
    """(V, 3) -> (3,): the middle of the eyeball's box, about which the reconstruction turns it."""
    ball = vertices[template.part == part]
    return (ball.max(axis=0) + ball.min(axis=0)) / 2


def make_eye_mesh(
    name: str, template: Template, neutral: np.ndarray, part: Part, materials: list[bpy.types.Material]
) -> bpy.types.Mesh:
    """An eyeball around its own centre, looking along -Y. neutral: (V, 3) head space."""
    piece: Piece = cut_piece(template, (part,))
    local = neutral[piece.index] - eye_center(template, neutral, part)
    mesh = make_mesh(name, piece, space.object_vertices(local))
    centers = local[piece.quads].mean(axis=1)
    assign_eye(mesh, centers[:, 2] / np.maximum(np.linalg.norm(centers, axis=1), 1e-9), materials)
    return mesh


def gaze_quaternions(frames: Frames) -> np.ndarray:
    """(F, 2, 4) rotations of the eyes against the head, Blender object axes, subject's left first."""
    local = space.head_gaze(frames.gaze.astype(np.float64), frames.head_pose.astype(np.float64))
    turns = space.object_rotations(eyeball_rotation(local).astype(np.float64))
    return np.stack([space.quaternions(turns[:, eye]) for eye in (0, 1)], axis=1)


def add_eye(
    name: str,
    mesh: bpy.types.Mesh,
    parent: bpy.types.Object,
    center: np.ndarray,
    turns: np.ndarray,
    keys: np.ndarray,
    side: int,
) -> bpy.types.Object:
    """An eye that looks: child of the head, origin at the eyeball's centre.

    Args:
        side: 0 for the subject's left.
        center: (3,) head space. turns: (F, 4) from `gaze_quaternions`.
    """
    eye = bpy.data.objects.new(name, mesh)
    eye.parent = parent
    x, y, z = (float(c) for c in space.object_vertices(center))
    eye.location = (x, y, z)
    eye.rotation_mode = "QUATERNION"
    set_vector(eye, "rotation_quaternion", keys, turns)
    data: Any = eye.animation_data
    data.action[OWN] = True
    eye[SIDE] = side
    return eye
