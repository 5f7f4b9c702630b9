"""A performance onto a character, as one action."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bpy
import numpy as np

from ...errors import UserError
from ...retarget import Mapping, NameTable, fit_mapping, recognise
from ...retarget.placement import Start
from ...retarget.resample import resample, scene_frames
from ...take.performance import Performance
from ..scene.animation import set_curve
from ..scene.sound import add_sound, leave_sound
from ..scene.timing import fps_pair, rate_of
from .actions import KEYS, ActionWriter
from .characters import Character, check_local, key_names, key_path, lost_line, overridden, owner_of
from .eyes import eye_columns, eyes_of, write_eye
from .head import Held, bone_path, head_at, head_channel, held_of, rotation_name, write_head
from .memory import Applied, recall, remember, remembered_by_others
from .rest import Ours, own_channels, release, to_rest


@dataclass(frozen=True)
class Options:
    """How a performance is put onto a character."""

    mapping: Mapping | NameTable | None = None  # None: by the naming that is recognised
    mirror: bool = False  # the subject's left drives the character's right; also where the mapping says so
    first: float | Start = 1.0  # scene frame of the first sample
    speed: float = 1.0  # 2 plays twice as fast; the sound is never stretched
    adopt_rate: bool = False  # the scene takes over the performance's frame rate
    sound: bool = False  # the footage's sound in the sequencer, in step
    head: bpy.types.Object | None = None  # receives the head's turn; None: nothing does
    bone: str = ""  # of `head`, where that is an armature


@dataclass(frozen=True)
class Report:
    """What was done and what was not."""

    naming: str
    driven: tuple[str, ...]  # keys
    meshes: tuple[str, ...]
    frames: tuple[int, int]  # first and last
    unused: tuple[str, ...]  # coefficients that drive nothing
    missing: tuple[str, ...]  # keys of the mapping that the character lacks
    held: tuple[str, ...]  # keys, meshes and channels left out because drivers hold them
    actions: tuple[str, ...]
    unknown: tuple[str, ...] = ()  # keys left alone because the performance has none of what drives them
    sound: str = ""  # what became of it
    edited: str = ""  # what was edited afterwards
    locked: tuple[str, ...] = ()  # axes of the head's rotation that are left as they are
    muted: tuple[str, ...] = ()  # keys that are keyed, and show nothing
    overrides: tuple[str, ...] = ()  # objects with which Blender does not save what is remembered

    def lines(self) -> list[str]:
        """For people: what was done, then what was left out."""
        keys, meshes = counted(len(self.driven), "key"), counted(len(self.meshes), "mesh", "meshes")
        done = f"{self.naming}: {keys} on {meshes}, frames {self.frames[0]}"
        left = {
            "without a key": self.unused,
            "not on the character": self.missing,
            "not in the performance": self.unknown,
            "held by drivers": self.held,
            "locked": self.locked,
            "muted": self.muted,
        }
        told = [line for line in (self.sound, self.edited, lost_line(self.overrides)) if line]
        return [f"{done} to {self.frames[1]}", *told, *(f"{k}: {', '.join(v)}" for k, v in left.items() if v)]


@dataclass(frozen=True)
class Keyed:
    """What became of a mesh's keys that were to be written."""

    mesh: str
    free: tuple[str, ...]  # written
    held: tuple[str, ...]  # left to drivers
    muted: tuple[str, ...]  # of those written


def counted(number: int, one: str, many: str = "") -> str:
    """1 key, 2 keys"""
    return f"{number} {one if number == 1 else many or one + 's'}"


def retarget(scene: bpy.types.Scene, performance: Performance, character: Character, options: Options) -> Report:
    """Write the character's keys, and the head's turn where it is wanted, at whole frames of the scene's rate.

    The eyes of a take's own rig get the gaze. What animated the character before goes onto NLA tracks below.

    Raises:
        UserError: no naming is recognised, the mapping drives no key, or the head's bone or motion is not there.
    """
    mapping, missing = mapping_for(character, options)
    eyes = eyes_of(scene, character)
    _check(performance, character, eyes, options)
    played = _played(scene, performance, mapping, options)
    before = recall(character)
    ours = ours_of(mapping, before, options, eyes)
    writer = ActionWriter(f"{character.name} face", ours=ours)
    keyed = {mesh.data: _write_keys(writer, mesh, played) for mesh in _one_a_datablock(character)}
    for eye in eyes:
        write_eye(writer.curves(eye), played.frames, eye_columns(eye, performance, played.at, mapping.mirror))
    held = _turn_head(writer, performance, played, mapping.mirror, options)
    writer.finish()
    if before.head is not None and before.head != options.head and not remembered_by_others(character, before.head):
        release(before.head, KEYS, ours)
    remember(character, Applied(mapping, played.first, options.head, options.bone, options.speed))
    scene.frame_end = max(scene.frame_end, int(played.frames[-1]))
    return Report(
        naming=mapping.name,
        driven=tuple(dict.fromkeys(key for each in keyed.values() for key in each.free)),
        meshes=tuple(mesh.name for mesh in character.meshes if keyed[mesh.data].free),
        frames=(int(played.frames[0]), int(played.frames[-1])),
        unused=mapping.unused(performance.names),
        missing=missing,
        unknown=tuple(key for key in mapping.targets if key not in played.columns),
        held=(*held_keys(list(keyed.values())), *held.driven),
        actions=tuple(action.name for action in writer.actions),
        sound=heard(scene, performance, character.meshes[0], played.first, options.sound),
        locked=held.locked,
        muted=tuple(dict.fromkeys(key for each in keyed.values() for key in each.muted)),
        overrides=overridden(_with_armatures(character, options.head)),
    )


def _check(performance: Performance, character: Character, eyes: list[Any], options: Options) -> None:
    """Raises UserError: something is linked from another file, or the head's bone or motion is not there."""
    for mesh in _one_a_datablock(character):
        check_local(mesh.data.shape_keys)
    for item in (character.meshes[0], *eyes):
        check_local(item)
    if options.head is not None:
        check_local(options.head)
        head_channel(options.head, options.bone)
        if performance.head is None:
            raise UserError(f"{options.head.name}: the performance holds no turn of the head; leave head motion out")


@dataclass(frozen=True)
class Played:
    """A performance at whole frames of a scene."""

    first: float  # scene frame of its first sample
    frames: np.ndarray  # (N,) i8 of the scene
    at: np.ndarray  # (N,) f8 seconds on the performance's clock
    columns: dict[str, np.ndarray]  # key -> (N,); of those that the performance says something of


def _played(scene: bpy.types.Scene, performance: Performance, mapping: Mapping, options: Options) -> Played:
    """The performance's keys at the scene's rate, or the scene at the performance's where that is wanted."""
    rate = rate_of(scene, performance.rate if options.adopt_rate else None)
    first = options.first.of(performance, rate) if isinstance(options.first, Start) else options.first
    frames, at = scene_frames(performance.time, rate, first, options.speed)
    if options.adopt_rate:
        scene.render.fps, scene.render.fps_base = fps_pair(performance.rate)
    known = mapping.told_by(performance.names)
    values = known.evaluate(performance.names, resample(performance.time, performance.coefficients, at))
    return Played(first, frames, at, dict(zip(known.targets, values.T, strict=True)))


def _turn_head(writer: ActionWriter, performance: Performance, played: Played, mirror: bool, options: Options) -> Held:
    """Key the head's turn as far as it is free; says what is not. Where nothing is, what turned it before goes."""
    head: Any = options.head
    if head is None:
        return Held()
    held = held_of(head, options.bone)
    if held.whole:
        release(head, KEYS, writer.ours)
        return held
    _lay_locked_to_rest(head, options.bone)
    turns = head_at(performance, played.at, mirror)
    write_head(writer.curves(head), head, options.bone, played.frames, turns)
    return held


def _lay_locked_to_rest(head: Any, bone: str) -> None:
    """Where a rotation has locked axes, have it stand as without an own action's turn: they stay as they stand."""
    item, path = head_channel(head, bone)
    if any(item.lock_rotation):
        to_rest(head, {c for c in own_channels(head.animation_data, KEYS) if c[0] == path + rotation_name(item)})


def held_keys(keyed: list[Keyed]) -> tuple[str, ...]:
    """Keys that drivers hold, for people. Those that move on other meshes are told with the meshes where they do not.

    Keys of teeth that follow the face's would else read as if nothing of the face had been written.
    """
    written = {key for each in keyed for key in each.free}
    names = list(dict.fromkeys(key for each in keyed for key in each.held if key not in written))
    for each in keyed:
        some = [key for key in each.held if key in written]
        if some:
            every = len(some) == len(each.free) + len(each.held)
            names.append(f"{each.mesh} ({counted(len(some), 'key') if every else ', '.join(some)})")
    return tuple(names)


def _with_armatures(character: Character, head: Any) -> list[Any]:
    """The meshes, their armatures and what receives the head's turn."""
    armatures = [mesh.find_armature() for mesh in character.meshes]
    return [item for item in (*character.meshes, *armatures, head) if item is not None]


def ours_of(mapping: Mapping, before: Applied, options: Options, eyes: list[Any]) -> Ours:
    """Which channels this performance or the one before moves: keys, the head's rotation, and eyes."""
    keys = {key_path(name) for name in (*mapping.targets, *before.mapping.targets)}
    heads = ((before.head, before.bone), (options.head, options.bone))
    turned = [(head, f"{bone_path(bone) if bone else ''}rotation_") for head, bone in heads if head is not None]

    def ours(datablock: Any, path: str) -> bool:
        own = any(datablock == head and path.startswith(start) for head, start in turned)
        return own or path in keys or datablock in eyes

    return ours


def heard(scene: bpy.types.Scene, performance: Performance, item: Any, first: float, wanted: bool) -> str:
    """Add the performance's sound where it is wanted; that of another one for this character goes in any case."""
    if wanted:
        return put_sound(scene, performance, item, first)
    leave_sound(scene, owner_of(item))
    return ""


def put_sound(scene: bpy.types.Scene, performance: Performance, item: Any, first: float) -> str:
    """Add the footage's sound for an object's character, where the footage is known; says what was done."""
    if not performance.footage:
        leave_sound(scene, owner_of(item))
        return ""
    strip = add_sound(scene, performance.footage, first, float(performance.time[0]), owner_of(item))
    return f"sound: {strip.name}" if strip is not None else "no sound: the footage has none, or was not found"


def mapping_for(character: Character, options: Options) -> tuple[Mapping, tuple[str, ...]]:
    """The mapping under the character's own names, and what of it the character lacks.

    Raises:
        UserError: no naming is recognised, or the mapping drives no key.
    """
    if options.mapping is None:
        match = recognise(character.keys)
        if not match.sure:
            raise UserError(
                f"{character.name}: the names of its shape keys are of no known naming; "
                "choose a naming or a preset (docs/retargeting.md)"
            )
        mapping, missing = match.mapping(), match.missing
    else:
        mapping, missing = fit_mapping(options.mapping, character.keys)
    if not mapping.targets:
        raise UserError(f"{character.name}: has none of the keys that {mapping.name!r} drives; choose another preset")
    return Mapping(mapping.name, mapping.targets, mapping.mirror != options.mirror), missing


def _one_a_datablock(character: Character) -> list[Any]:
    """Meshes with different key data: linked duplicates share theirs."""
    meshes: list[Any] = list(character.meshes)
    return list({mesh.data.shape_keys: mesh for mesh in meshes}.values())


def _write_keys(writer: ActionWriter, mesh: Any, played: Played) -> Keyed:
    """Key a mesh's values."""
    shapes = mesh.data.shape_keys
    paths = {name: key_path(name) for name in key_names(mesh)}
    wanted = [name for name in paths if name in played.columns]
    drivers = {curve.data_path for curve in shapes.animation_data.drivers} if shapes.animation_data else set()
    held = [name for name in wanted if paths[name] in drivers]
    free = [name for name in wanted if paths[name] not in drivers]
    curves = writer.curves(shapes) if free else None
    for name in free:
        block, values = shapes.key_blocks[name], played.columns[name]
        # Blender cuts values off at the slider's ends.
        block.slider_max = max(block.slider_max, float(values.max()))
        block.slider_min = min(block.slider_min, float(values.min()))
        set_curve(curves, paths[name], 0, played.frames, values)
    muted = tuple(name for name in free if shapes.key_blocks[name].mute)
    return Keyed(mesh.name, tuple(free), tuple(held), muted)
