"""What is known of a rig after it was tried."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

import bpy
import numpy as np

from ....errors import UserError
from ....retarget.bones import Bone
from ....retarget.bones.bonemap import AIM, in_their_place
from ....retarget.bones.face import Face
from ....retarget.bones.lone import lone_jaw
from ....retarget.bones.probes import Probes, choose_probes, face_of
from ....retarget.bones.skin import skin_probes
from ....retarget.bones.solve import Response, settled_trust, without
from ....template import Template
from ....template.names import arkit_names
from ... import space
from ...context import view_layer_of
from ..head import unheaded
from .hold import held_still
from .sample import Channel, Rig, channels_of, idle_channels, inherited_turn, pose_bone, sample
from .skin import Skin, find_skin

FEWEST_ANCHORS = 4  # bones on known points
FEWEST_POINTS = 2  # of bones and eyes, below which nothing tells how large the face is
SEARCHING = 0.6  # of the bar: where the face on the meshes is found


@dataclass(frozen=True)
class Measured:
    """How a face answers to its bones."""

    face: Face
    channels: list[Channel]  # D
    response: Response
    probes: Probes
    trust: np.ndarray  # (P,) of the probes
    points: dict[str, np.ndarray]  # (3,) armature space: points of the bones of face and eyes at rest
    inherits: float  # of the neck's turn by the head bone
    idle: tuple[str, ...]  # bones that move nothing
    locked: tuple[str, ...]  # face bones of which nothing can be moved
    untold: tuple[str, ...]  # face bones of which nothing tells how they are to move
    lone: bool  # at most a jaw is solved, as too few bones lie on known points
    coarse: str  # why the skin's own motion is not known; empty: it is


def measure(rig: Rig, template: Template) -> Iterator[float | Measured]:
    """Yields shares done, at last what was found. The rig is put back at the end, whatever happens.

    Raises:
        UserError: nothing of the face moves with the bones.
    """
    with held_still(rig.item, rig.meshes):
        _stand_neutral(rig)
        rig = replace(rig, map=replace(rig.map, bones=in_their_place(rig.map.bones, rig.points())))
        points = _points(rig)
        face = face_of(template, points, _with_eyes(rig), _upright(rig))
        lone = not _is_told(rig)
        solved = _lone_jaw(rig, points) if lone else rig.map.bones
        skin = yield from _skin_of(rig, template, face, bool(solved))
        solved = solved if skin.moving is not None or not lone else {}
        untold = _untold(rig, solved)
        rig = replace(rig, map=replace(rig.map, bones=solved))
        probes = _probes(rig, template, face, points, solved, skin)
        channels = channels_of(rig)
        response = None
        for step in sample(rig, probes, face, channels):
            if isinstance(step, Response):
                response = step
            else:
                yield SEARCHING + (1 - SEARCHING) * step
        inherits = inherited_turn(rig)
    assert response is not None
    idle = idle_channels(response)
    useful = [channel for channel, still in zip(channels, idle, strict=True) if not still]
    if channels and not useful and not lone:
        raise UserError(
            f"{rig.item.name}: nothing of its face moves with its bones; show the armature in the viewport, "
            "and free its bones of constraints"
        )
    response = without(response, idle)
    answering, free = ({channel.bone for channel in some} for some in (useful, channels))
    nothing = tuple(name for name in solved if name in free - answering)
    locked = tuple(name for name in solved if name not in free)
    trust = _trust(response, probes, face)
    yield Measured(face, useful, response, probes, trust, points, inherits, nothing, locked, untold, lone, skin.why_not)


def _skin_of(rig: Rig, template: Template, face: Face, wanted: bool) -> Generator[float, None, Skin]:
    """Yields shares done; returns what is found of the skin's motion, where it is wanted and there is skin."""
    skin = Skin(None)
    for step in find_skin(rig, template, face) if wanted and rig.meshes else ():
        if isinstance(step, Skin):
            skin = step
        else:
            yield SEARCHING * step
    return skin


def _untold(rig: Rig, solved: dict[str, Bone]) -> tuple[str, ...]:
    """Face bones that are neither solved nor in a pose."""
    posed = {name for pose in rig.map.poses.values() for name in pose}
    return tuple(name for name in rig.map.bones if name not in (*solved, *posed))


def _stand_neutral(rig: Rig) -> None:
    for name, delta in rig.map.neutral.items():
        if name in rig.item.pose.bones:
            pose_bone(rig.item.pose.bones[name], delta)
    view_layer_of(bpy.context).update()


def _upright(rig: Rig) -> np.ndarray:
    """(3, 3) armature-from-head rotation of a character that faces -Y, whatever its heading."""
    return unheaded(np.array(rig.item.matrix_world.to_quaternion().to_matrix())).T @ space.OBJECT_FROM_HEAD


def _is_told(rig: Rig) -> bool:
    """Whether enough of the face bones lie on known points to tell the face."""
    return sum(bone.anchor is not None for bone in rig.map.bones.values()) >= FEWEST_ANCHORS


def _lone_jaw(rig: Rig, points: dict[str, np.ndarray]) -> dict[str, Bone]:
    """The jaw, where place and size of the face are told by its bones and the eyes."""
    told = {bone.anchor for name, bone in _with_eyes(rig).items() if bone.anchor and name in points}
    return lone_jaw(rig.map) if len(told) >= FEWEST_POINTS else {}


def _probes(
    rig: Rig, template: Template, face: Face, points: dict[str, np.ndarray], solved: dict[str, Bone], skin: Skin
) -> Probes:
    if skin.moving is not None:
        return skin_probes(skin.moving, face.size)
    none = np.zeros((0, 3))
    vertices, normals = (rig.vertices(), rig.normals()) if solved else (none, none)
    return choose_probes(template, face, points, solved, vertices, normals)


def _trust(response: Response, probes: Probes, face: Face) -> np.ndarray:
    if not len(response.linear) or probes.shapes is not None:
        return probes.trust
    return settled_trust(response, probes.trust, probes.targets(face, np.eye(len(arkit_names()))), len(probes.bones))


def _points(rig: Rig) -> dict[str, np.ndarray]:
    """Points of the face bones, and heads of the bones of the eyes, armature space."""
    eyes, pose = rig.map.eyes, rig.item.pose.bones
    names = (eyes.left, eyes.right, eyes.left_center, eyes.right_center)
    return {**{name: np.array(pose[name].head, np.float64) for name in names if name in pose}, **rig.points()}


def _with_eyes(rig: Rig) -> dict[str, Bone]:
    """The face bones and, as anchors, the bones at the centres of the eyeballs."""
    eyes = rig.map.eyes
    centers = (eyes.left_center, eyes.right_center) if eyes.moves == AIM else (eyes.left, eyes.right)
    sides = {name: Bone(f"eye_{side}") for name, side in zip(centers, ("left", "right"), strict=True) if name}
    return {**sides, **rig.map.bones}
