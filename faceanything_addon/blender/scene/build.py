"""One take becomes one collection."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np

from ...exchange.pc2 import write_pc2
from ...take.take import Take
from ...template import Part, Template
from .. import space
from . import camera as cameras
from . import plate as plates
from .head import add_eye, add_head, add_shape_keys, attach_cache, eye_center, gaze_quaternions, make_eye_mesh
from .materials import add_texture, assign_parts, eye_materials, part_materials
from .mesh import EYES, FACE, Piece, add_region_groups, cut_piece, hide_shoulders, make_mesh
from .rig import add_arkit_keys, animate_arkit
from .sound import add_sound
from .timing import Clock, make_clock

RIG_DISTANCE = 0.35  # metres beside the head, at least
RIG_MARGIN = 0.15  # metres from the rig-ready copy's middle to the edge of the camera's sight


@dataclass(frozen=True)
class SceneOptions:
    """How a take is built."""

    key_limit: int = 600  # longer takes play from a cache file
    cache_file: Path | None = None  # None: keys, however long the take
    texture_file: Path | None = None  # picture of the skin on the UVs
    rig_copy: bool = True
    plate: bool = True
    sound: bool = True  # the footage's, in the sequencer


@dataclass(frozen=True)
class TakeObjects:
    """What `build_take` made."""

    collection: bpy.types.Collection
    camera: bpy.types.Object
    head: bpy.types.Object
    face: bpy.types.Object
    eyes: tuple[bpy.types.Object, ...]
    rig: bpy.types.Object | None
    clock: Clock
    plate: bpy.types.Image | None


def build_take(scene: bpy.types.Scene, take: Take, template: Template, options: SceneOptions) -> TakeObjects:
    """Build camera, plate, head, face, eyes and the rig-ready copy; set the scene's rate, range and resolution.

    Args:
        scene: receives the collection; its camera becomes the take's.
        take: one performance, with at least one frame.

    Raises:
        UserError: the cache file cannot be written.
    """
    piece = cut_piece(template, FACE)
    cache = _write_cache(take, piece, options)  # before anything is made, so that a failure leaves the scene alone
    builder = _Builder(scene, take, template, options, piece, cache)
    camera = builder.camera()
    head = builder.head()
    face = builder.face(head)
    eyes = builder.eyes(head)
    rig = builder.rig(head) if options.rig_copy else None
    return TakeObjects(builder.collection, camera, head, face, eyes, rig, builder.clock, builder.plate)


def _write_cache(take: Take, piece: Piece, options: SceneOptions) -> Path | None:
    """The file from which a long take plays, instead of thousands of keys."""
    if options.cache_file is None or len(take.frames) <= options.key_limit:
        return None
    write_pc2(options.cache_file, space.object_vertices(take.frames.vertices[:, piece.index]))
    return options.cache_file


class _Builder:
    """The steps of `build_take`, with what they share."""

    def __init__(
        self,
        scene: bpy.types.Scene,
        take: Take,
        template: Template,
        options: SceneOptions,
        piece: Piece,
        cache: Path | None,
    ) -> None:
        self.scene, self.take, self.template, self.options = scene, take, template, options
        self.piece, self.cache = piece, cache
        self.name = Path(take.info.footage).stem[:40] or "take"
        self.collection = bpy.data.collections.new(self.name)
        scene.collection.children.link(self.collection)
        self.name = self.collection.name
        self.plate = plates.load_plate(take.info) if options.plate else None
        rate = plates.plate_rate(self.plate, take.info)
        origin = float(take.frames.time[0]) if take.info.start == 0 else plates.first_time(take.info)
        self.clock = make_clock(take.frames.time, origin, rate)
        self.part_materials = part_materials(self.name)
        if options.texture_file is not None:
            add_texture(self.part_materials[Part.SKIN], options.texture_file)
        self.eye_materials = eye_materials(self.name)
        self.neutral = take.actor.neutral
        self.turns = gaze_quaternions(take.frames)

    def camera(self) -> bpy.types.Object:
        info, intrinsics = self.take.info, self.take.frames.intrinsics
        cameras.apply_picture(self.scene, info, intrinsics)
        camera = cameras.add_camera(f"{self.name} camera", info, intrinsics, self.clock)
        if self.plate is not None:
            plates.add_plate(camera, self.plate, self.clock, info)
        self._link(camera)
        self.scene.camera = camera
        cameras.apply_timing(self.scene, self.clock)
        if self.options.sound:
            time = float(self.take.frames.time[0])
            add_sound(self.scene, self.take.info.footage, self.clock.frame_of(time), time, camera.name)
        return camera

    def head(self) -> bpy.types.Object:
        return self._link(add_head(f"{self.name} head", self.take.frames.head_pose, self.clock.keys))

    def face(self, head: bpy.types.Object) -> bpy.types.Object:
        face = self._face_object(f"{self.name} face", head)
        if self.cache is not None:
            attach_cache(face, self.cache, self.clock.keys)
        else:
            samples = space.object_vertices(self.take.frames.vertices[:, self.piece.index])
            add_shape_keys(face, samples, self.clock.keys)
        hide_shoulders(face)
        return face

    def eyes(self, parent: bpy.types.Object) -> tuple[bpy.types.Object, ...]:
        made = []
        for side, part in enumerate(EYES):
            name = f"{parent.name} eye.{'LR'[side]}"
            mesh = make_eye_mesh(name, self.template, self.neutral, part, self.eye_materials)
            center = eye_center(self.template, self.neutral, part)
            eye = add_eye(name, mesh, parent, center, self.turns[:, side], self.clock.keys, side)
            made.append(self._link(eye))
        return tuple(made)

    def rig(self, head: bpy.types.Object) -> bpy.types.Object:
        """Beside the head, standing still; left out of renders."""
        root = self._link(bpy.data.objects.new(f"{self.name} rig", None))
        root.empty_display_type, root.empty_display_size = "PLAIN_AXES", 0.05
        world = space.world_poses(self.take.frames.head_pose.astype(np.float64))
        x, y, z = world[:, :3, 3].mean(axis=0)
        root.location = (max(x + RIG_DISTANCE, self._right_edge(y)), y, z)
        mesh = self._face_object(f"{self.name} ARKit", root)
        add_arkit_keys(mesh, self.template, self.piece.index, self.take.actor)
        animate_arkit(mesh, self.template.expression_names, self.take.frames.arkit, self.clock.keys)
        for item in (root, mesh, *self.eyes(root)):
            item.hide_render = True
        return mesh

    def _right_edge(self, depth: float) -> float:
        """World x that is out of the camera's sight at a depth, with room for a head."""
        k = self.take.frames.intrinsics
        return float(((self.take.info.width - k[:, 0, 2]) / k[:, 0, 0]).max()) * depth + RIG_MARGIN

    def _face_object(self, name: str, parent: bpy.types.Object) -> bpy.types.Object:
        mesh = make_mesh(name, self.piece, space.object_vertices(self.neutral[self.piece.index]))
        assign_parts(mesh, self.piece.part, self.part_materials)
        target = bpy.data.objects.new(name, mesh)
        target.parent = parent
        add_region_groups(target, self.piece, self.template)
        return self._link(target)

    def _link(self, item: bpy.types.Object) -> bpy.types.Object:
        self.collection.objects.link(item)
        return item
