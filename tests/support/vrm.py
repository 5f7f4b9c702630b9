"""VRM files made of glTF ones, as a studio's exporter writes them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any


def split_glb(data: bytes) -> tuple[dict[str, Any], bytes]:
    """JSON and the chunks after it."""
    size = struct.unpack_from("<I", data, 12)[0]
    return json.loads(data[20 : 20 + size]), data[20 + size :]


def join_glb(document: dict[str, Any], rest: bytes) -> bytes:
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    header = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    return header + text + rest


def numbers(document: dict[str, Any], kind: str) -> dict[str, int]:
    """Name -> number of the nodes or meshes."""
    return {item.get("name", ""): number for number, item in enumerate(document[kind])}


def vrm0(glb: Path, out: Path, groups: list[dict[str, Any]], bones: dict[str, str], degrees: float = 10.0) -> Path:
    """A VRM 0 file; groups: name, presetName, binds of (mesh's name, morph's number, weight in percent)."""
    document, rest = split_glb(glb.read_bytes())
    meshes, nodes = numbers(document, "meshes"), numbers(document, "nodes")
    for mesh in document["meshes"]:  # UniVRM wrote names there
        names = mesh.get("extras", {}).pop("targetNames", [])
        for primitive in mesh["primitives"]:
            primitive["extras"] = {"targetNames": names}
    look = {f"lookAt{key}": {"xRange": 90, "yRange": degrees} for key in LOOKS}
    told = {
        "humanoid": {"humanBones": [{"bone": bone, "node": nodes[name]} for bone, name in bones.items()]},
        "firstPerson": {"lookAtTypeName": "Bone", **look},
        "blendShapeMaster": {
            "blendShapeGroups": [
                {**g, "binds": [{"mesh": meshes[m], "index": i, "weight": w} for m, i, w in g["binds"]]} for g in groups
            ]
        },
    }
    return _write(document, rest, out, "VRM", told)


def vrm1(glb: Path, out: Path, preset: dict[str, Any], custom: dict[str, Any], bones: dict[str, str]) -> Path:
    """A VRM 1 file; preset and custom: name -> binds of (node's name, morph's number, weight)."""
    document, rest = split_glb(glb.read_bytes())
    nodes = numbers(document, "nodes")

    def told(expressions: dict[str, Any]) -> dict[str, Any]:
        return {
            name: {"morphTargetBinds": [{"node": nodes[n], "index": i, "weight": w} for n, i, w in binds]}
            for name, binds in expressions.items()
        }

    look = {f"rangeMap{key}": {"inputMaxValue": 90, "outputScale": 8} for key in LOOKS}
    extension = {
        "specVersion": "1.0",
        "humanoid": {"humanBones": {bone: {"node": nodes[name]} for bone, name in bones.items()}},
        "lookAt": {"type": "bone", **look},
        "expressions": {"preset": told(preset), "custom": told(custom)},
    }
    return _write(document, rest, out, "VRMC_vrm", extension)


LOOKS = ("HorizontalInner", "HorizontalOuter", "VerticalDown", "VerticalUp")


def _write(document: dict[str, Any], rest: bytes, out: Path, name: str, extension: dict[str, Any]) -> Path:
    document.setdefault("extensions", {})[name] = extension
    document.setdefault("extensionsUsed", []).append(name)
    out.write_bytes(join_glb(document, rest))
    return out
