"""How the face answers to its bones: each moved a little either way, once."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np
from mathutils import Quaternion

from ....retarget.bones.bonemap import BOTH, PLACE, TURN, BoneMap, Delta
from ....retarget.bones.face import Face
from ....retarget.bones.probes import Probes
from ....retarget.bones.solve import COST_OF_BOTH, FARTHEST_PLACE, FARTHEST_TURN, STEP_PLACE, STEP_TURN, Response
from ...context import view_layer_of

TURN_PROBE = 2.0  # steps that a turn is tried by; its bend shows better in a larger one
IDLE = 1e-4  # distances between the eyes that a step must move something


@dataclass(frozen=True)
class Channel:
    """One axis of a bone's location or rotation."""

    bone: str
    turn: bool
    axis: int

    def step(self, size: float) -> float:
        """What one step is: armature units or radians."""
        return STEP_TURN if self.turn else STEP_PLACE * size


@dataclass(frozen=True)
class Rig:
    """A rig, what is known of its face, and the meshes that it deforms."""

    item: Any  # armature object
    map: BoneMap
    meshes: tuple[Any, ...]

    def rest(self) -> dict[str, np.ndarray]:
        """(3, 3) each: armature-from-bone rotation at rest, of all bones of the map."""
        bones = self.item.data.bones
        return {n: np.array(bones[n].matrix_local.to_3x3(), np.float64) for n in self.map.names() if n in bones}

    def slide(self) -> dict[str, np.ndarray]:
        """(3, 3) each: armature-from-bone rotation of the axes that locations count in."""
        bones = self.item.data.bones
        return {n: axes if bones[n].use_local_location else np.eye(3) for n, axes in self.rest().items()}

    def points(self) -> dict[str, np.ndarray]:
        """(3,) each, armature space: where the face bones' points lie now."""
        pose = self.item.pose.bones
        tails = {name: bone.tail for name, bone in self.map.bones.items()}
        return {n: np.array(pose[n].tail if tail else pose[n].head, np.float64) for n, tail in tails.items()}

    def vertices(self) -> np.ndarray:
        """(N, 3) armature space: all vertices of the meshes as they are deformed now."""
        graph = bpy.context.evaluated_depsgraph_get()
        inverse = np.array(self.item.matrix_world.inverted(), np.float64)
        return _stacked([placed(mesh.evaluated_get(graph), inverse) for mesh in self.meshes])

    def normals(self) -> np.ndarray:
        """(N, 3) unit, armature space."""
        graph = bpy.context.evaluated_depsgraph_get()
        inverse = np.array(self.item.matrix_world.inverted(), np.float64)
        return _stacked([_facing(mesh.evaluated_get(graph), inverse) for mesh in self.meshes])


def channels_of(rig: Rig) -> list[Channel]:
    """The axes of the face bones that are neither locked nor outside what the map moves."""
    out = []
    for name, bone in rig.map.bones.items():
        pose = rig.item.pose.bones[name]
        if bone.moves != TURN and not pose.bone.use_connect:
            out += [Channel(name, False, axis) for axis in range(3) if not pose.lock_location[axis]]
        if bone.moves != PLACE:
            out += [Channel(name, True, axis) for axis in range(3) if not pose.lock_rotation[axis]]
    return out


def pose_bone(bone: Any, delta: Delta, channel: Channel | None = None, value: float = 0.0) -> None:
    """Set a bone, which must be in quaternion mode, to its neutral pose and one channel of it beyond."""
    location, rotation = list(delta.location), Quaternion(delta.rotation).normalized()
    if channel is not None and channel.turn:
        axis = [float(number == channel.axis) for number in range(3)]
        rotation = rotation @ Quaternion(axis, value)
    elif channel is not None:
        location[channel.axis] += value
    bone.location, bone.rotation_quaternion, bone.scale = location, rotation, delta.scale


def sample(rig: Rig, probes: Probes, face: Face, channels: list[Channel]) -> Iterator[float | Response]:
    """Yields shares done, at last the response. The rig must be held still and in its neutral pose."""
    linear, square = np.zeros((2, len(channels), len(probes.rest), 3))
    base = _look(rig, probes)
    for number, channel in enumerate(channels):
        bone, neutral = rig.item.pose.bones[channel.bone], rig.map.neutral.get(channel.bone, Delta())
        steps = TURN_PROBE if channel.turn else 1.0
        there, back = (
            _moved(rig, probes, bone, neutral, channel, way * steps * channel.step(face.size)) for way in (1.0, -1.0)
        )
        pose_bone(bone, neutral)
        linear[number] = (there - back) / (2 * steps)
        square[number] = ((there + back) / 2 - base) / steps**2 if channel.turn else 0
        yield (number + 1) / len(channels)
    limit = np.array([FARTHEST_TURN if channel.turn else FARTHEST_PLACE for channel in channels])
    both = [not channel.turn and rig.map.bones[channel.bone].moves == BOTH for channel in channels]
    yield Response(linear, square, limit, np.where(both, COST_OF_BOTH, 1.0), face.size)


def inherited_turn(rig: Rig) -> float:
    """How much of the neck's turn the head bone makes along with it, 0..1. The rig must be held still."""
    pose, neck = rig.item.pose.bones, [name for name in rig.map.neck if name in rig.item.pose.bones]
    if not neck or rig.map.head not in pose:
        return 0.0
    upright = rig.item.data.bones
    axis = np.array([1.0, 0.0, 0.0])
    view_layer_of(bpy.context).update()
    before = pose[rig.map.head].matrix.to_quaternion()
    for name in neck:
        own = np.array(upright[name].matrix_local.to_3x3()).T @ axis
        pose[name].rotation_quaternion = Quaternion(own.tolist(), 0.3)
    view_layer_of(bpy.context).update()
    turned = before.rotation_difference(pose[rig.map.head].matrix.to_quaternion()).angle
    for name in neck:
        pose_bone(pose[name], rig.map.neutral.get(name, Delta()))
    view_layer_of(bpy.context).update()
    return float(np.clip(min(turned, 2 * np.pi - turned) / (0.3 * len(neck)), 0, 1))


def idle_channels(response: Response) -> np.ndarray:
    """(D,) channels that move no probe."""
    return np.abs(response.linear).max(axis=(1, 2), initial=0) < IDLE * response.size


def _moved(rig: Rig, probes: Probes, bone: Any, neutral: Delta, channel: Channel, value: float) -> np.ndarray:
    pose_bone(bone, neutral, channel, value)
    return _look(rig, probes)


def _look(rig: Rig, probes: Probes) -> np.ndarray:
    """(P, 3) armature space: where the probes are now."""
    view_layer_of(bpy.context).update()
    points = rig.points()
    bones = np.array([points[name] for name in probes.bones]).reshape(-1, 3)
    return np.concatenate([bones, rig.vertices()[probes.skin]]) if len(probes.skin) else bones


def placed(mesh: Any, inverse: np.ndarray) -> np.ndarray:
    flat = np.empty(3 * len(mesh.data.vertices), np.float32)
    mesh.data.vertices.foreach_get("co", flat)
    to_rig = inverse @ np.array(mesh.matrix_world, np.float64)
    return flat.reshape(-1, 3) @ to_rig[:3, :3].T + to_rig[:3, 3]


def _facing(mesh: Any, inverse: np.ndarray) -> np.ndarray:
    flat = np.empty(3 * len(mesh.data.vertices), np.float32)
    mesh.data.vertices.foreach_get("normal", flat)
    to_rig = inverse @ np.array(mesh.matrix_world, np.float64)
    normals = flat.reshape(-1, 3) @ np.linalg.inv(to_rig[:3, :3])
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros((0, 3))
