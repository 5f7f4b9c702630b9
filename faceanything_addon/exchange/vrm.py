"""VRM characters: glTF binary with named expressions, a humanoid and a look. docs/retargeting.md says what is read.

VRM 0.x: the extension `VRM` (blendShapeMaster, humanoid, firstPerson); VRM 1.0: `VRMC_vrm` (expressions, humanoid,
lookAt).
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..take.storage import is_finite

MAGIC, JSON_CHUNK = 0x46546C67, 0x4E4F534A
MESH_TAG = "face_anything_mesh"  # extra of each mesh: its number, to find it again after an import
LONGEST = 50  # bytes of a name: Blender cuts at 63, and may have to add a number
# Names that VRM 0 gives its presets, as in data/names/vrm0.json.
PRESETS = {"blink": "Blink", "blink_l": "Blink_L", "blink_r": "Blink_R"}
PRESETS |= {f"look{way}": f"Look{way.title()}" for way in ("up", "down", "left", "right")}
PRESETS |= {vowel: vowel.upper() for vowel in "aiueo"}
LOOKS = {"inner": "HorizontalInner", "outer": "HorizontalOuter", "up": "VerticalUp", "down": "VerticalDown"}
WIDEST = 60.0  # degrees an eye may turn


@dataclass(frozen=True)
class Bind:
    """One morph of an expression."""

    mesh: int
    morph: str
    weight: float  # of the morph where the expression is 1


@dataclass(frozen=True)
class Vrm:
    """What a .vrm says beyond glTF."""

    version: int  # 0 faces -Z in its file, 1 faces +Z
    expressions: dict[str, tuple[Bind, ...]]  # those that move vertices
    head: str  # bone; empty: none is told
    eyes: tuple[str, str]  # bones of the left and right eye, where these turn the gaze; else empty
    look: dict[str, float]  # inner, outer, up, down: degrees by which an eye turns at most
    glb: bytes  # the file with names that an importer keeps: unique bones, morphs and tagged meshes


def read_vrm(file: str | Path) -> Vrm:
    """Read a character.

    Raises:
        UserError: the file cannot be read, is no glTF binary, or has no VRM extension.
    """
    file = Path(file).expanduser()
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from error
    try:
        document, rest = _split(data)
        return _parse(document, rest)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error, RecursionError) as error:
        why = " ".join(str(error).split())[:120]
        raise UserError(f"{file}: is no VRM file ({why}); export the character again") from error


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON chunk, and everything after it (glTF 2.0, section 4.4)."""
    magic, version, _, size, kind = struct.unpack_from("<5I", data)
    if magic != MAGIC or version != 2 or kind != JSON_CHUNK:
        raise ValueError("not glTF 2.0 binary")
    return json.loads(data[20 : 20 + size].decode("utf-8")), data[20 + size :]


def _joined(document: dict[str, Any], rest: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<5I", MAGIC, 2, 20 + len(text) + len(rest), len(text), JSON_CHUNK) + text + rest


def _parse(document: dict[str, Any], rest: bytes) -> Vrm:
    nodes, meshes = document.get("nodes") or [], document.get("meshes") or []
    _name_uniquely(nodes, "node")
    morphs = [_name_morphs(mesh, number) for number, mesh in enumerate(meshes)]
    extensions = document.get("extensions") or {}
    if "VRMC_vrm" in extensions:
        told = extensions["VRMC_vrm"]
        humans = (told.get("humanoid") or {}).get("humanBones") or {}
        bones = {name: bone["node"] for name, bone in humans.items() if bone}
        expressions, look = _expressions_1(told, nodes, morphs), told.get("lookAt") or {}
        turning = {way: (look.get(f"rangeMap{key}") or {}).get("outputScale", 0.0) for way, key in LOOKS.items()}
        version, by_bones = 1, look.get("type") == "bone"
    elif "VRM" in extensions:
        told = extensions["VRM"]
        bones = {b["bone"]: b["node"] for b in (told.get("humanoid") or {}).get("humanBones") or []}
        expressions, look = _expressions_0(told, morphs), told.get("firstPerson") or {}
        turning = {way: (look.get(f"lookAt{key}") or {}).get("yRange", 0.0) for way, key in LOOKS.items()}
        version, by_bones = 0, look.get("lookAtTypeName") == "Bone"
    else:
        raise ValueError("it lacks the extension VRM or VRMC_vrm")
    named = {bone: nodes[number]["name"] for bone, number in bones.items() if 0 <= number < len(nodes)}
    eyes = (named.get("leftEye", ""), named.get("rightEye", "")) if by_bones else ("", "")
    look = {way: min(max(0.0, _number(degrees)), WIDEST) for way, degrees in turning.items()}
    return Vrm(version, expressions, named.get("head", ""), eyes, look, _joined(document, rest))


def _expressions_1(told: dict[str, Any], nodes: list[Any], morphs: list[list[str]]) -> dict[str, tuple[Bind, ...]]:
    groups = told.get("expressions") or {}
    found = {}
    for name, expression in {**(groups.get("custom") or {}), **(groups.get("preset") or {})}.items():
        told_binds = (expression or {}).get("morphTargetBinds") or []
        binds = ((nodes[b["node"]].get("mesh"), b["index"], b.get("weight", 1.0)) for b in told_binds)
        found[name] = tuple(_binds(binds, morphs))
    return {_short(name): binds for name, binds in found.items() if binds}


def _expressions_0(told: dict[str, Any], morphs: list[list[str]]) -> dict[str, tuple[Bind, ...]]:
    found = {}
    for group in (told.get("blendShapeMaster") or {}).get("blendShapeGroups") or []:
        name = PRESETS.get(str(group.get("presetName", "")).lower(), str(group.get("name") or ""))
        binds = ((b["mesh"], b["index"], _number(b.get("weight", 100)) / 100) for b in group.get("binds") or [])
        found[name] = tuple(_binds(binds, morphs))
    return {_short(name): binds for name, binds in found.items() if name and binds}


def _binds(binds: Any, morphs: list[list[str]]) -> Iterator[Bind]:
    """Those that name a morph there is."""
    for mesh, index, weight in binds:
        if mesh is not None and 0 <= mesh < len(morphs) and 0 <= index < len(morphs[mesh]):
            yield Bind(mesh, morphs[mesh][index], _number(weight))


def _number(value: Any) -> float:
    """A finite number; what is none counts as 0, so that no vertex is thrown out of the mesh."""
    return float(value) if is_finite(value) else 0.0


def _name_morphs(mesh: dict[str, Any], number: int) -> list[str]:
    """Give a mesh's morphs unique names where importers look for them, and its number; returns the names."""
    first = mesh["primitives"][0]
    told = (mesh.get("extras") or {}).get("targetNames") or (first.get("extras") or {}).get("targetNames") or []
    count = max(len(primitive.get("targets") or []) for primitive in mesh["primitives"])
    items = [{"name": str(told[i]) if i < len(told) else ""} for i in range(count)]
    _name_uniquely(items, "morph")
    names = [item["name"] for item in items]
    mesh["extras"] = {**(mesh.get("extras") or {}), "targetNames": names, MESH_TAG: number}
    return names


def _name_uniquely(items: list[dict[str, Any]], word: str) -> None:
    """Short names, each once; the first of equals keeps its own."""
    taken: set[str] = set()
    for number, item in enumerate(items):
        name = plain = _short(str(item.get("name") or "")) or f"{word}_{number}"
        if name in taken:
            name = f"{plain}_{number}"
        while name in taken:
            name += "_"
        taken.add(name)
        item["name"] = name


def _short(name: str) -> str:
    return name.encode()[:LONGEST].decode(errors="ignore")
