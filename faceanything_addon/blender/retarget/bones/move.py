"""The motion of a measured rig's bones: solved channels, poses, head, neck and eyes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....retarget.bones.bonemap import AIM
from ....retarget.bones.lone import LONE
from ....retarget.bones.motion import Motion, add_head, aim_moves, eye_turns, gaze_of
from ....retarget.bones.solve import solve_bones
from ....take.performance import Performance
from ....template.names import arkit_names
from .measure import Measured
from .options import BoneOptions
from .sample import Rig

BATCH = 256  # frames


def solve_frames(rig: Rig, measured: Measured, performance: Performance) -> Iterator[float | np.ndarray]:
    """Yields shares done, at last the channels (F, D), in steps, that bring about what is in no recorded pose."""
    solved = np.zeros((len(performance), len(measured.channels)))
    columns = dict(zip(performance.names, performance.coefficients.T, strict=True))
    none = np.zeros(len(performance))
    shown = {name for name in LONE if measured.lone} or set(arkit_names())
    free = np.stack([columns.get(n, none) if n in shown - set(rig.map.poses) else none for n in arkit_names()], axis=1)
    for start in range(0, len(solved) if measured.channels else 0, BATCH):
        part = slice(start, start + BATCH)
        targets = measured.probes.targets(measured.face, free[part].astype(np.float64))
        solved[part] = solve_bones(measured.response, measured.trust, targets, measured.probes.ties)
        yield min(1.0, (start + BATCH) / len(solved))
    yield solved


def move(rig: Rig, measured: Measured, solved: np.ndarray, performance: Performance, options: BoneOptions) -> Motion:
    """The bones' motion at every sample of a performance; solved: (F, D) from `solve_frames`."""
    motion, rest, slide = Motion(len(performance)), rig.rest(), rig.slide()
    columns = dict(zip(performance.names, performance.coefficients.T.astype(np.float64), strict=True))
    none = np.zeros(len(performance))
    for channel, steps in zip(measured.channels, solved.T, strict=True):
        bone = motion.of(channel.bone)
        values = bone.turn if channel.turn else bone.location
        values[:, channel.axis] += steps * channel.step(measured.face.size)
    for name, pose in rig.map.poses.items():
        motion.add_pose(pose, columns.get(name, none), measured.face, rest, slide)
    if options.head and performance.head is not None:
        share, head = float(np.clip(options.neck_share, 0, 1)), rig.map.head
        add_head(motion, performance.head, head, rig.map.neck, share, measured.inherits, measured.face.axes, rest)
    if options.eyes:
        _add_eyes(motion, rig, measured, gaze_of(performance))
    for name in rig.map.neutral:
        if name in rest:
            motion.of(name)
    return motion


def _add_eyes(motion: Motion, rig: Rig, measured: Measured, gaze: np.ndarray) -> None:
    eyes, axes, centers = rig.map.eyes, measured.face.axes, measured.points
    rest, slide = rig.rest(), rig.slide()
    if eyes.moves != AIM:
        for number, name in enumerate((eyes.left, eyes.right)):
            if name in rest:
                motion.of(name).turn += eye_turns(gaze[:, number], axes, rest[name])
        return
    pairs = ((eyes.left, eyes.left_center, 0), (eyes.right, eyes.right_center, 1))
    there = [(name, center, eye) for name, center, eye in pairs if name in rest and center in centers]
    moves = [aim_moves(gaze[:, eye], centers[center], centers[name], axes) for name, center, eye in there]
    if not moves:
        return
    shared = np.mean(moves, axis=0) if eyes.both in rest else np.zeros_like(moves[0])
    if eyes.both in rest:
        motion.of(eyes.both).location += shared @ slide[eyes.both]
    for (name, _, _), own in zip(there, moves, strict=True):
        motion.of(name).location += (own - shared) @ slide[name]
