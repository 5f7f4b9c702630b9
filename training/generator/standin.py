"""A stand-in template made straight from the ICT mesh, for work before the real one exists."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import numpy as np

from faceanything_addon.template import Part, Template

ARKIT = [
    "eyeBlinkLeft",
    "eyeLookDownLeft",
    "eyeLookInLeft",
    "eyeLookOutLeft",
    "eyeLookUpLeft",
    "eyeSquintLeft",
    "eyeWideLeft",
    "eyeBlinkRight",
    "eyeLookDownRight",
    "eyeLookInRight",
    "eyeLookOutRight",
    "eyeLookUpRight",
    "eyeSquintRight",
    "eyeWideRight",
    "jawForward",
    "jawLeft",
    "jawRight",
    "jawOpen",
    "mouthClose",
    "mouthFunnel",
    "mouthPucker",
    "mouthLeft",
    "mouthRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "mouthFrownLeft",
    "mouthFrownRight",
    "mouthDimpleLeft",
    "mouthDimpleRight",
    "mouthStretchLeft",
    "mouthStretchRight",
    "mouthRollLower",
    "mouthRollUpper",
    "mouthShrugLower",
    "mouthShrugUpper",
    "mouthPressLeft",
    "mouthPressRight",
    "mouthLowerDownLeft",
    "mouthLowerDownRight",
    "mouthUpperUpLeft",
    "mouthUpperUpRight",
    "browDownLeft",
    "browDownRight",
    "browInnerUp",
    "browOuterUpLeft",
    "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft",
    "cheekSquintRight",
    "noseSneerLeft",
    "noseSneerRight",
    "tongueOut",
]
PARTS = (
    (0, 11248, Part.SKIN), (11248, 14062, Part.MOUTH), (14062, 17039, Part.TONGUE), (17039, 21451, Part.TEETH),
    (21451, 22221, Part.EYE_LEFT), (23021, 23791, Part.EYE_RIGHT),
)  # fmt: skip
FACES = np.r_[0:21496, 21496:22296, 23094:23894]
CENTER = np.array([0, 3.616, 8.441], np.float32)


def _expression(ict, name: str) -> np.ndarray:
    """(N, 3) cm for an ARKit name."""
    names = [str(n) for n in ict["expression_names"]]
    stem = name.replace("Left", "_L").replace("Right", "_R") if name[:3] in ("eye", "bro", "che", "nos") else name
    if name.startswith("mouth") and name not in ("mouthLeft", "mouthRight"):
        stem = name.replace("Left", "_L").replace("Right", "_R")
    picked = [names.index(n) for n in (stem, stem + "_L", stem + "_R") if n in names]
    return ict["expressions"][picked].astype(np.float32).sum(axis=0)


def standin_template(face_data: Path, modes: int = 60) -> Template:
    """Template on the ICT mesh: skin, sockets, balls, teeth and gums."""
    ict = np.load(face_data / "ict_facekit.npz")
    part = np.zeros(26719, np.uint8)
    for a, b, label in PARTS:
        part[a:b] = label
    quads = ict["faces"][FACES]
    quads = np.where(quads < 0, quads[:, :1], quads)
    used = np.unique(quads)
    back = np.full(26719, 0)
    back[used] = np.arange(len(used))
    marks = back[ict["landmarks68"]]
    expressions = np.stack([_expression(ict, n)[used] / 100 for n in ARKIT])
    balls = np.isin(part[used], (Part.EYE_LEFT, Part.EYE_RIGHT))
    expressions[:, balls] = 0
    points = np.concatenate([marks, np.random.default_rng(0).choice(9000, 60, replace=False)])
    return Template(
        vertices=(ict["vertices"][used] - CENTER) / 100,
        quads=back[quads].astype(np.int32),
        uvs=ict["uvs"],
        uv_quads=ict["uv_faces"][FACES],
        part=part[used],
        identity=ict["identity"][:modes][:, used].astype(np.float32) / 100,
        expressions=expressions,
        expression_names=tuple(ARKIT),
        mirror=back[ict["mirror_index"][used]].astype(np.int32),
        landmarks_index=np.repeat(marks[:, None], 3, axis=1).astype(np.int32),
        landmarks_weight=np.tile(np.float32([1, 0, 0]), (68, 1)),
        points=points.astype(np.int32),
        eye_centers=np.float32([[0.03195, 0, 0], [-0.03195, 0, 0]]),
        regions={},
    )
