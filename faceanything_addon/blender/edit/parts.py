"""What of a character is animated: shape keys, and turns of head and eyes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import bpy
import numpy as np
from mathutils import Euler

from ...errors import UserError
from ...retarget import Mapping
from ...retarget.resample import resample
from ...solve.edit import TURN, Edit, calmed, edited, scaled_turns
from ...solve.reduce import EYE_RADIUS, HEAD_RADIUS, Tolerance
from ...solve.regions import EYES, HEAD, SIDES
from ...take.performance import Performance
from .. import space
from ..retarget.characters import Character, key_names, key_path
from ..retarget.eyes import eye_columns, eyes_of
from ..retarget.head import eulers, head_at, head_channel, head_columns, rest_rotation
from ..retarget.memory import Applied, recall
from ..scene.head import SIDE

Channel = tuple[str, int]  # data path and index


class Part(Protocol):
    """Channels of one data-block that are edited together."""

    @property
    def datablock(self) -> Any:
        """What has the animation."""
        ...

    @property
    def addition(self) -> str:
        """Blend type of hand keys on top."""
        ...

    def owns(self, path: str) -> bool:
        """Whether an F-curve's data path is one of this part."""
        ...

    def played(self, performance: Performance, at: np.ndarray) -> dict[Channel, np.ndarray]:
        """What a performance says of the part at its times (F,): columns (F,); empty where it says nothing."""
        ...

    def next_to(self, before: dict[Channel, float], columns: dict[Channel, np.ndarray]) -> dict[Channel, np.ndarray]:
        """The same movement in columns (F,), in such numbers that the way to it from `before` is the short one."""
        ...

    def edited(self, channels: list[Channel], time: np.ndarray, values: np.ndarray, edit: Edit) -> np.ndarray:
        """Columns (F, K) of these channels at time (F,), changed -> (F, K)."""
        ...

    def bounds(self, channels: list[Channel], tolerance: Tolerance) -> list[float]:
        """What each channel may be off by."""
        ...


@dataclass(frozen=True)
class KeyPart:
    """The shape keys of a mesh."""

    item: Any
    mapping: Mapping
    unit: float  # millimetres a unit of the scene
    addition: str = "ADD"

    @property
    def datablock(self) -> Any:
        return self.item.data.shape_keys

    @cached_property
    def names(self) -> dict[str, str]:
        """Key by data path."""
        return {key_path(name): name for name in key_names(self.item)}

    def owns(self, path: str) -> bool:
        return path in self.names

    def played(self, performance: Performance, at: np.ndarray) -> dict[Channel, np.ndarray]:
        values = self.mapping.evaluate(performance.names, resample(performance.time, performance.coefficients, at))
        columns = dict(zip(self.mapping.targets, values.T, strict=True))
        return {(path, 0): columns[name] for path, name in self.names.items() if name in columns}

    def next_to(self, before: dict[Channel, float], columns: dict[Channel, np.ndarray]) -> dict[Channel, np.ndarray]:
        return columns

    def edited(self, channels: list[Channel], time: np.ndarray, values: np.ndarray, edit: Edit) -> np.ndarray:
        keys = [self.names[path] for path, _ in channels]
        blocks = [self.datablock.key_blocks[key] for key in keys]
        gains = np.array([self._gain(key, edit) for key in keys])
        low, high = np.array([(block.slider_min, block.slider_max) for block in blocks]).T
        return edited(time, values, gains, low, high, edit.smooth)

    def _gain(self, key: str, edit: Edit) -> float:
        target = self.mapping.targets.get(key)
        return edit.key_gain(target.sources) if target else 1.0

    def bounds(self, channels: list[Channel], tolerance: Tolerance) -> list[float]:
        if not tolerance.millimetres:
            return [tolerance.weight] * len(channels)
        world = np.array(self.item.matrix_world.to_3x3()) * self.unit
        blocks = [self.datablock.key_blocks[self.names[path]] for path, _ in channels]
        return [min(tolerance.of_shape(reach(block, world)), 1.0) for block in blocks]


def reach(block: Any, world: np.ndarray) -> float:
    """How far a shape key moves the vertex that it moves most; world: (3, 3) object axes to millimetres."""
    offset = (_points(block) - _points(block.relative_key)) @ world.T
    return float(np.sqrt((offset**2).sum(axis=1).max()))


def _points(block: Any) -> np.ndarray:
    out = np.empty(3 * len(block.data), np.float32)
    block.points.foreach_get("co", out)
    return out.reshape(-1, 3)


class TurnPart:
    """The rotation of a bone or an object; what turns it is up to the kinds of it."""

    item: Any  # the object, or its pose bone
    datablock: Any
    prefix = ""  # of the data path
    rest: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0)  # quaternion w, x, y, z
    names: tuple[str, ...]  # region, and side of an eye
    radius: float
    addition = "COMBINE"

    def owns(self, path: str) -> bool:
        return path in (f"{self.prefix}rotation_quaternion", f"{self.prefix}rotation_euler")

    def next_to(self, before: dict[Channel, float], columns: dict[Channel, np.ndarray]) -> dict[Channel, np.ndarray]:
        """Quaternions of the same hemisphere, and angles within half a turn: else the way is a whole turn."""
        channels = sorted(columns)
        start = np.array([before[channel] for channel in channels])
        values = np.stack([columns[channel] for channel in channels], axis=1)
        if channels[0][0].endswith("rotation_quaternion"):
            values = -values if values[0] @ start < 0 else values
        elif len(channels) == 3:
            values = _angles_next_to(start, values, self._order)
        return dict(zip(channels, values.T, strict=True))

    def edited(self, channels: list[Channel], time: np.ndarray, values: np.ndarray, edit: Edit) -> np.ndarray:
        order = [channels.index(channel) for channel in sorted(channels)]
        turns = self._quaternions(values[:, order])
        turns = calmed(time, turns, edit.smooth, TURN)
        turns /= np.linalg.norm(turns, axis=1, keepdims=True)
        gain = float(np.prod([edit.gain(name) for name in self.names]))
        if gain != 1:
            turns = _alike(turns, scaled_turns(turns, np.array(self.rest), gain))
        out = np.empty_like(values)
        out[:, order] = turns if len(channels) == 4 else eulers(turns, self._order)
        return out

    @property
    def _order(self) -> str:
        """Of captured Euler angles, also where the user has changed the rotation mode since."""
        mode = self.item.rotation_mode
        return "XYZ" if mode in ("QUATERNION", "AXIS_ANGLE") else mode

    def _quaternions(self, values: np.ndarray) -> np.ndarray:
        if values.shape[1] == 4:
            return values / np.linalg.norm(values, axis=1, keepdims=True)
        turned = np.array([Euler(row, self._order).to_quaternion() for row in values])
        return space.continuous(turned)

    def bounds(self, channels: list[Channel], tolerance: Tolerance) -> list[float]:
        angle = tolerance.of_turn(self.radius)
        # Errors of all components may add up; a quaternion turns twice as far as it differs.
        return [angle / 4 if len(channels) == 4 else angle / 3] * len(channels)


class HeadPart(TurnPart):
    """The turn of the head."""

    names, radius = (HEAD,), HEAD_RADIUS

    def __init__(self, head: Any, bone: str, mirror: bool) -> None:
        self.datablock, self.bone, self.mirror = head, bone, mirror
        self.item, self.prefix = head_channel(head, bone)
        if not bone:
            self.rest = tuple(rest_rotation(head))

    def played(self, performance: Performance, at: np.ndarray) -> dict[Channel, np.ndarray]:
        if performance.head is None:
            return {}
        return head_columns(self.datablock, self.bone, head_at(performance, at, self.mirror))


class EyePart(TurnPart):
    """The turn of an eye of a take's own rig."""

    radius = EYE_RADIUS

    def __init__(self, eye: Any, mirror: bool) -> None:
        self.datablock = self.item = eye
        self.mirror = mirror
        self.names = (EYES, SIDES[int(eye[SIDE])])

    def played(self, performance: Performance, at: np.ndarray) -> dict[Channel, np.ndarray]:
        return eye_columns(self.item, performance, at, self.mirror)


def _angles_next_to(start: np.ndarray, angles: np.ndarray, order: str) -> np.ndarray:
    """Euler angles (F, 3) of the same turns, each next to the one before, the first to start (3,)."""
    out, last = np.empty_like(angles), Euler(start.tolist(), order)
    for number, row in enumerate(angles.tolist()):
        last = Euler(row, order).to_quaternion().to_euler(order, last)
        out[number] = last
    return out


def _alike(turns: np.ndarray, scaled: np.ndarray) -> np.ndarray:
    """Scaled quaternions in the hemisphere of the first one they come from, without jumps."""
    scaled = space.continuous(scaled)
    return scaled if float(turns[0] @ scaled[0]) >= 0 else -scaled


def parts_of(scene: bpy.types.Scene, character: Character) -> list[Part]:
    """All animated parts of a character: its keys, its head and, of a take's own rig, the eyes.

    A head whose bone is not there any more is left out, see `head_problem`.
    """
    applied = recall(character)
    unit = scene.unit_settings.scale_length * 1000
    meshes: list[Any] = list(character.meshes)
    shapes = {mesh.data.shape_keys: mesh for mesh in meshes}  # linked duplicates share theirs
    parts: list[Part] = [KeyPart(mesh, applied.mapping, unit) for mesh in shapes.values()]
    if applied.head is not None and not head_problem(applied):
        parts.append(HeadPart(applied.head, applied.bone, applied.mapping.mirror))
    return [*parts, *(EyePart(eye, applied.mapping.mirror) for eye in eyes_of(scene, character))]


def lost_keys(character: Character, applied: Applied) -> str:
    """Which keys that were applied are no longer there under their names, and the cure; empty where all are."""
    lost = [name for name in applied.mapping.targets if name not in character.keys]
    if not lost:
        return ""
    return (
        f"{', '.join(lost)}: no longer on {character.name}; a renamed key stays as captured until it has its old name "
        "again, or until Apply is pressed in the Retarget panel"
    )


def head_problem(applied: Applied) -> str:
    """Why the head's turn cannot be edited, and the cure; empty where it can be, and where none was applied."""
    if applied.head is None:
        return ""
    try:
        head_channel(applied.head, applied.bone)
    except UserError:
        return (
            f"{applied.head.name}: has no bone {applied.bone!r} any more, the head stays as it was; "
            "give the bone its old name, or choose Bone in the Retarget panel and press Apply"
        )
    return ""
