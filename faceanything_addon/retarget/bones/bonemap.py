"""Which bones of a rig move the face, where each lies on it, and the poses known of it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...take.storage import is_finite
from ...template.names import arkit_names
from .anchors import anchor_names

PLACE, TURN, BOTH, AIM = "place", "turn", "both", "aim"
UNTURNED, UNSCALED = (1.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
DELTA = {"location": 3, "rotation": 4, "scale": 3, "move": 3, "turn": 3}
EYES = {"moves", "left", "right", "both", "left_center", "right_center"}
ENTRIES = {"format", "version", "name", "label", "sides", "bones", "head", "neck", "eyes", "neutral", "poses"}


@dataclass(frozen=True)
class Bone:
    """A bone that moves the face."""

    anchor: str | None = None  # point of the face that it lies on, see `anchors`; None: by where it lies
    tail: bool = False  # whether its tail, not its head, lies there
    moves: str = PLACE  # what is keyed: "place", "turn" or "both"


@dataclass(frozen=True)
class Delta:
    """How far a bone is from its neutral pose.

    Recorded poses hold location, rotation and scale in the bone's own axes; poses that come with a known rig hold move
    and turn in the face's axes (+X to its left, +Y up, +Z out of it).
    """

    location: tuple[float, ...] = (0.0, 0.0, 0.0)  # armature units
    rotation: tuple[float, ...] = UNTURNED  # quaternion w, x, y, z
    scale: tuple[float, ...] = UNSCALED
    move: tuple[float, ...] = (0.0, 0.0, 0.0)  # distances between the eyes
    turn: tuple[float, ...] = (0.0, 0.0, 0.0)  # axis times angle, radians


Pose = dict[str, Delta]  # by the name of the bone


@dataclass(frozen=True)
class Eyes:
    """Bones of the eyes; an empty name is a bone that is not there."""

    moves: str = TURN  # "turn": the bones are the eyeballs; "aim": they are what the eyeballs look at
    left: str = ""
    right: str = ""
    both: str = ""  # of "aim": what carries the other two
    left_center: str = ""  # of "aim": bone whose head is the centre of the eyeball
    right_center: str = ""


@dataclass(frozen=True)
class BoneMap:
    """All that is known of a rig's face."""

    name: str
    label: str = ""
    bones: dict[str, Bone] = field(default_factory=dict)
    head: str = ""
    neck: tuple[str, ...] = ()  # from the bottom up
    eyes: Eyes = field(default_factory=Eyes)
    poses: dict[str, Pose] = field(default_factory=dict)  # by coefficient
    neutral: Pose = field(default_factory=dict)  # where the face rests; bones that are not in it rest unposed

    def names(self) -> tuple[str, ...]:
        """Every bone it speaks of, once."""
        eyes = (self.eyes.left, self.eyes.right, self.eyes.both, self.eyes.left_center, self.eyes.right_center)
        posed = (bone for pose in self.poses.values() for bone in pose)
        return tuple(dict.fromkeys(n for n in (*self.bones, self.head, *self.neck, *eyes, *posed) if n))


def parse_map(data: dict[str, Any], name: str) -> BoneMap:
    """A map from its JSON form, docs/bones.md.

    Raises:
        ValueError: says what is wrong with it.
    """
    unknown = set(data) - ENTRIES
    if unknown:
        raise ValueError(f"has an unknown entry {sorted(unknown)[0]!r}")
    sides = data.get("sides", [])
    if sides and (not isinstance(sides, list) or len(sides) != 2 or not all(isinstance(s, str) and s for s in sides)):
        raise ValueError('has "sides" that are not two texts')
    bones = {bone: _bone(bone, entry) for bone, entry in _table(data, "bones").items()}
    poses = {shape: _pose(shape, entry) for shape, entry in _table(data, "poses").items()}
    strangers = [shape for shape in poses if shape not in arkit_names()]
    if strangers:
        raise ValueError(f"has a pose {strangers[0]!r}, which is no ARKit coefficient")
    neck = data.get("neck", [])
    if not isinstance(neck, list) or not all(isinstance(bone, str) for bone in neck):
        raise ValueError('has a "neck" that is no list of bones')
    return BoneMap(
        name=_text(data, "name", name),
        label=_text(data, "label", ""),
        bones=_both_sides(bones, sides) if sides else bones,
        head=_text(data, "head", ""),
        neck=tuple(neck),
        eyes=_eyes(_table(data, "eyes")),
        poses=poses,
        neutral=_pose("neutral", _table(data, "neutral")),
    )


def describe_map(bones: BoneMap) -> dict[str, Any]:
    """The JSON form, without format and version; what stands at its usual value is left out."""
    eyes = {name: value for name, value in vars(bones.eyes).items() if value}
    return {
        "name": bones.name,
        "label": bones.label,
        "bones": {name: _describe_bone(bone) for name, bone in bones.bones.items()},
        "head": bones.head,
        "neck": list(bones.neck),
        "eyes": eyes,
        "neutral": _describe_pose(bones.neutral),
        "poses": {shape: _describe_pose(pose) for shape, pose in bones.poses.items()},
    }


def _describe_bone(bone: Bone) -> dict[str, str]:
    entry = {"anchor": bone.anchor} if bone.anchor else {}
    if bone.tail:
        entry["point"] = "tail"
    return entry if bone.moves == PLACE else {**entry, "moves": bone.moves}


def _describe_pose(pose: Pose) -> dict[str, Any]:
    usual = vars(Delta())
    return {
        bone: {name: list(value) for name, value in vars(delta).items() if value != usual[name]}
        for bone, delta in pose.items()
    }


def _table(data: dict[str, Any], entry: str) -> dict[str, Any]:
    value = data.get(entry, {})
    if not isinstance(value, dict):
        raise ValueError(f"has {entry!r} that is no table")
    return value


def _text(data: dict[str, Any], entry: str, usual: str) -> str:
    value = data.get(entry, usual)
    if not isinstance(value, str):
        raise ValueError(f"has {entry!r} that is no text")
    return value


def _bone(name: str, entry: Any) -> Bone:
    if not isinstance(entry, dict) or set(entry) - {"anchor", "point", "moves"}:
        raise ValueError(f"has a bone {name!r} with other entries than anchor, point and moves")
    anchor, point, moves = entry.get("anchor"), entry.get("point", "head"), entry.get("moves", PLACE)
    if anchor is not None and anchor not in anchor_names():
        raise ValueError(f"puts the bone {name!r} on {anchor!r}; the points are {', '.join(anchor_names())}")
    if point not in ("head", "tail") or moves not in (PLACE, TURN, BOTH):
        raise ValueError(f"has a bone {name!r} whose point is not head or tail, or that moves not place, turn or both")
    return Bone(anchor, point == "tail", moves)


def _eyes(entry: dict[str, Any]) -> Eyes:
    if set(entry) - EYES or not all(isinstance(value, str) for value in entry.values()):
        raise ValueError('has "eyes" with other entries than names of bones and moves')
    if entry.get("moves", TURN) not in (TURN, AIM):
        raise ValueError('has "eyes" that neither turn nor aim')
    return Eyes(**entry)


def _pose(shape: str, entry: Any) -> Pose:
    if not isinstance(entry, dict):
        raise ValueError(f"has a pose {shape!r} that is no table of bones")
    return {bone: _delta(shape, bone, parts) for bone, parts in entry.items()}


def _delta(shape: str, bone: str, parts: Any) -> Delta:
    if not isinstance(parts, dict) or set(parts) - set(DELTA):
        raise ValueError(f"has a pose {shape!r} whose {bone!r} has other entries than {', '.join(DELTA)}")
    for name, values in parts.items():
        plain = isinstance(values, list) and all(is_finite(value) for value in values)
        if not plain or len(values) != DELTA[name]:
            raise ValueError(f"has a pose {shape!r} whose {bone!r} has a {name} that is not {DELTA[name]} numbers")
    delta = Delta(**{name: tuple(map(float, values)) for name, values in parts.items()})
    if min(delta.scale) <= 0 or not any(delta.rotation):
        raise ValueError(f"has a pose {shape!r} whose {bone!r} has no size or no rotation")
    return delta


def _both_sides(bones: dict[str, Bone], sides: list[str]) -> dict[str, Bone]:
    """Each bone of the left followed by its twin of the right."""
    left, right = sides
    out: dict[str, Bone] = {}
    for name, bone in bones.items():
        out[name] = bone
        if left in name:
            anchor = bone.anchor.replace("_left", "_right") if bone.anchor else None
            out.setdefault(name.replace(left, right), Bone(anchor, bone.tail, bone.moves))
    return out


def in_their_place(bones: dict[str, Bone], points: dict[str, np.ndarray]) -> dict[str, Bone]:
    """Lids with inner and outer corner the right way round: chains of the same names begin at either on some rigs.

    Args:
        points: (3,) each: where the bones' points lie at rest, in any space.
    """

    def apart(place: str) -> float:
        found = {b.anchor: points[n] for n, b in bones.items() if n in points and b.anchor}
        left, right = (found.get(f"lid_{place}_{side}") for side in ("left", "right"))
        return float("nan") if left is None or right is None else float(np.linalg.norm(left - right))

    if not apart("inner") > apart("outer"):
        return bones
    return {name: replace(bone, anchor=_other_corner(bone.anchor)) for name, bone in bones.items()}


def _other_corner(anchor: str | None) -> str | None:
    if anchor is None or not anchor.startswith("lid_"):
        return anchor
    swap = {"inner": "outer", "outer": "inner"}
    return "_".join(swap.get(word, word) for word in anchor.split("_"))
