"""Motion of bones over time, from solved channels, poses, the head's turn and the gaze."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...solve.gaze import FULL_LOOK, SIDES, direction
from ...take.performance import Performance
from ...template.shape import gaze_rotation
from .bonemap import Delta, Pose
from .face import Face


@dataclass
class BoneMotion:
    """How far a bone is from its neutral pose in F frames, in its own axes. All of it adds up."""

    location: np.ndarray  # (F, 3) armature units
    turn: np.ndarray  # (F, 3) axis times angle, radians
    growth: np.ndarray  # (F, 3) logarithm of the scale

    def parts(self) -> tuple[bool, bool, bool]:
        """Whether location, rotation and scale move at all."""
        location, turn, growth = (bool(np.abs(values).max() > 1e-9) for values in vars(self).values())
        return location, turn, growth


class Motion:
    """Motions of bones by name; those that are asked for first begin at rest."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.bones: dict[str, BoneMotion] = {}

    def of(self, bone: str) -> BoneMotion:
        if bone not in self.bones:
            location, turn, growth = np.zeros((3, self.frames, 3))
            self.bones[bone] = BoneMotion(location, turn, growth)
        return self.bones[bone]

    def add_pose(
        self,
        pose: Pose,
        amount: np.ndarray,
        face: Face,
        rest: dict[str, np.ndarray],
        slide: dict[str, np.ndarray],
    ) -> None:
        """A pose, more or less of it: amount (F,), 1 is all.

        Args:
            rest: (3, 3) each: armature-from-bone rotation at rest. Bones that are not in it are left out.
            slide: (3, 3) each: the same for the axes that the bone's location counts in.
        """
        for name, delta in pose.items():
            if name not in rest:
                continue
            bone = self.of(name)
            place = np.array(delta.location) + slide[name].T @ face.axes @ np.array(delta.move) * face.size
            turn = turn_of(np.array(delta.rotation)) + rest[name].T @ face.axes @ np.array(delta.turn)
            bone.location += amount[:, None] * place
            bone.turn += amount[:, None] * turn
            bone.growth += amount[:, None] * np.log(np.array(delta.scale))


def turn_of(quaternion: np.ndarray) -> np.ndarray:
    """Axis times angle (3,) of a quaternion w, x, y, z, the short way round."""
    from scipy.spatial.transform import Rotation

    w, x, y, z = quaternion
    return Rotation.from_quat([x, y, z, w]).as_rotvec()


def posed(motion: BoneMotion, neutral: Delta) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Location (F, 3), rotation matrix (F, 3, 3) and scale (F, 3) of a bone's pose."""
    from scipy.spatial.transform import Rotation

    start = Rotation.from_rotvec(turn_of(np.array(neutral.rotation)))
    rotation = (start * Rotation.from_rotvec(motion.turn)).as_matrix()
    return np.array(neutral.location) + motion.location, rotation, np.array(neutral.scale) * np.exp(motion.growth)


def add_head(
    motion: Motion,
    turns: np.ndarray,
    head: str,
    neck: Iterable[str],
    share: float,
    inherits: float,
    axes: np.ndarray,
    rest: dict[str, np.ndarray],
) -> None:
    """Share the head's turn among the bones of neck and head.

    Args:
        turns: (F, 3, 3) of the head in head axes.
        share: of the turn that the neck makes, all its bones together.
        inherits: how much of the neck's turn the head bone makes along with it, 0..1.
        axes: (3, 3) armature-from-head rotation.
        rest: (3, 3) each: armature-from-bone rotation at rest.
    """
    from scipy.spatial.transform import Rotation

    bones = [name for name in neck if name in rest]
    whole = Rotation.from_matrix(turns).as_rotvec() @ axes.T
    share = share if bones else 0.0
    for name in bones:
        motion.of(name).turn += whole * (share / len(bones)) @ rest[name]
    if head in rest:
        motion.of(head).turn += whole * (1 - share * inherits) @ rest[head]


def gaze_of(performance: Performance) -> np.ndarray:
    """Directions (F, 2, 3) of the eyes in head space: measured, else from the eyeLook coefficients."""
    if performance.gaze is not None:
        return performance.gaze
    columns = dict(zip(performance.names, performance.coefficients.T.astype(np.float64), strict=True))
    none = np.zeros(len(performance))
    angles = np.zeros((len(performance), 2, 2))
    for eye, side in enumerate(SIDES):
        out, inward, up, down = (columns.get(f"eyeLook{way}{side}", none) for way in ("Out", "In", "Up", "Down"))
        angles[:, eye, 0] = (out - inward) * (1 if side == "Left" else -1)
        angles[:, eye, 1] = up - down
    return direction(angles * FULL_LOOK)


def eye_turns(gaze: np.ndarray, axes: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Turns (F, 3), axis times angle in the bone's own axes, of an eyeball that looks along (F, 3) in head space."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(gaze_rotation(gaze).astype(np.float64)).as_rotvec() @ axes.T @ rest


def aim_moves(gaze: np.ndarray, center: np.ndarray, target: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """How far (F, 3), armature space, an eye's target must go so that the eye looks along (F, 3) in head space.

    Args:
        center: (3,) of the eyeball, target: (3,) at rest, armature space. The distance is kept.
    """
    arm = target - center
    forward = np.linalg.norm(arm) * axes[:, 2]
    return np.linalg.norm(arm) * gaze @ axes.T - forward
