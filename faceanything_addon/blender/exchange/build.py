"""A take as plain objects that exporters understand: nothing hidden, no shader networks, the camera at the origin."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...exchange.meshes import read_motion
from ...exchange.pc2 import write_pc2
from ...exchange.surface import Surface, visible_surface
from ...take.files import TakeReader
from ...take.timing import frame_count, frame_positions
from ...template import Part, Template
from .. import space
from ..scene import camera as cameras
from ..scene.head import add_eye, add_head, attach_cache, eye_center, gaze_quaternions, make_eye_mesh
from ..scene.materials import add_texture, assign_parts, look_color, plain_material
from ..scene.mesh import EYES, FACE, Piece, make_mesh
from ..scene.rig import add_arkit_keys, animate_arkit
from ..scene.timing import Clock, fps_pair

CONTENTS = ("mesh", "rig")
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """What of a take goes into a file."""

    content: str  # "mesh": the meshes of all frames; "rig": the neutral face with 52 shape keys that move
    space: str  # "camera": the head moves before the camera; "head": it stands at the origin
    rate: float  # scene frames per second
    first: int  # scene frame of the take's first frame
    work: Path  # folder for what the scene needs while it is exported
    picture: Path | None  # of the skin


def build_export(
    scene: bpy.types.Scene, reader: TakeReader, template: Template, plan: Plan, report: Report
) -> list[bpy.types.Object]:
    """Fill an empty scene with Head, Face, EyeLeft, EyeRight and, in camera space, Camera; the objects.

    Raises:
        UserError: the take is damaged or the work folder cannot be written.
    """
    builder = _Builder(scene, reader, template, plan, report)
    head = builder.head()
    objects = [head, builder.face(head), *builder.eyes(head)]
    if plan.space == "camera":
        objects.append(builder.camera())
    return objects


class _Builder:
    """The steps of `build_export`, with what they share."""

    def __init__(
        self, scene: bpy.types.Scene, reader: TakeReader, template: Template, plan: Plan, report: Report
    ) -> None:
        self.scene, self.reader, self.template, self.plan, self.report = scene, reader, template, plan, report
        self.motion = read_motion(reader)
        fps, base = fps_pair(plan.rate)
        positions = frame_positions(self.motion.time, fps / base)
        self.clock = Clock(fps / base, positions + plan.first, 0)
        scene.render.fps, scene.render.fps_base = fps, base
        scene.frame_start, scene.frame_end = plan.first, plan.first - 1 + frame_count(positions)
        self.piece = face_piece(visible_surface(template))

    def head(self) -> bpy.types.Object:
        if self.plan.space == "head":
            return self._link(bpy.data.objects.new("Head", None))
        pose = self.motion.head_pose
        return self._link(add_head("Head", pose, self.clock.keys, height=0.0))

    def face(self, head: bpy.types.Object) -> bpy.types.Object:
        neutral = self.reader.actor.neutral
        mesh = make_mesh("Face", self.piece, space.object_vertices(neutral[self.piece.index]))
        assign_parts(mesh, self.piece.part, self._materials())
        face = self._link(bpy.data.objects.new("Face", mesh))
        face.parent = head
        if self.plan.content == "rig":
            add_arkit_keys(face, self.template, self.piece.index, self.reader.actor)
            animate_arkit(face, self.template.expression_names, self.motion.arkit, self.clock.keys)
        else:
            file = self.plan.work / "face.pc2"
            write_pc2(file, self._meshes())
            attach_cache(face, file, self.clock.keys)
        return face

    def eyes(self, head: bpy.types.Object) -> list[bpy.types.Object]:
        turns, neutral = gaze_quaternions(self.motion), self.reader.actor.neutral
        materials = [plain_material(name, look_color(name), 0.1) for name in ("eye", "iris", "pupil")]
        made = []
        for side, part in enumerate(EYES):
            name = ("EyeLeft", "EyeRight")[side]
            mesh = make_eye_mesh(name, self.template, neutral, part, materials)
            center = eye_center(self.template, neutral, part)
            made.append(self._link(add_eye(name, mesh, head, center, turns[:, side], self.clock.keys, side)))
        return made

    def camera(self) -> bpy.types.Object:
        info, intrinsics = self.reader.info, self.motion.intrinsics
        cameras.apply_picture(self.scene, info, intrinsics)
        camera = self._link(cameras.add_camera("Camera", info, intrinsics, self.clock))
        camera.location = (0.0, 0.0, 0.0)
        self.scene.camera = camera
        return camera

    def _materials(self) -> dict[Part, bpy.types.Material]:
        names = {part: part.name.lower() for part in FACE}
        materials = {part: plain_material(name, look_color(name), 0.5) for part, name in names.items()}
        if self.plan.picture is not None:
            add_texture(materials[Part.SKIN], self.plan.picture, pack=False)
        return materials

    def _meshes(self) -> Iterator[np.ndarray]:
        done = 0
        for chunk in self.reader.chunks():
            for vertices in chunk.vertices[:, self.piece.index]:
                yield space.object_vertices(vertices)
                done += 1
                self.report(done, len(self.reader))

    def _link(self, item: Any) -> Any:
        self.scene.collection.objects.link(item)
        return item


def face_piece(surface: Surface) -> Piece:
    """The visible surface without the eyes, which are objects of their own."""
    face = np.isin(surface.part, [int(part) for part in FACE])
    used = np.unique(surface.quads[face])
    return Piece(
        index=surface.index[used],
        quads=np.searchsorted(used, surface.quads[face]).astype(np.int32),
        uvs=surface.uvs[surface.uv_quads[face]],
        part=surface.part[face],
    )
