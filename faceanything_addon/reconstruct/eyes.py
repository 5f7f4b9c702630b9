"""Gaze from the pixels of the eyeballs."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..solve.gaze import angles, best_rotation, camera_toward, direction, sphere
from ..template import Part, Template
from ..template.shape import EYE_TURN, gaze_rotation, true_gaze
from .normal import Pose
from .surface import template_surface

EYES = (Part.EYE_LEFT, Part.EYE_RIGHT)
PIXEL_ERROR = 0.15  # of a canonical coordinate on the eyeball, in radii
PIXEL_SHARE = 0.12  # neighbours err together
POINT_ERROR = 0.05
PREDICTED_ERROR = np.radians(6.0)  # of the network's own gaze, where it does not tell
SURE_ERROR = np.radians(1.5)  # its error is never taken for less
TURN_ERROR = np.radians(5.0)  # of the eyeball's turn as a whole, however many pixels agree
SHOWN = np.array([0.8, 1.0])  # of yaw and pitch, the share that the eyeball's pixels show; from people of the training
UPRIGHT_WEIGHT = 30.0  # of "the eye does not roll", against the evidence's 1 / error^2
ROUNDS = 3
APART = np.radians([-3.0, 0.0])  # yaw and pitch of the left eye less the right one's, looking some way off
SPREAD = np.radians([4.0, 2.0])
SIDES = np.array([1.0, -1.0])
FEW = 3.0  # pixels' worth of evidence below which the lids are taken as closed


@dataclass(frozen=True)
class Eyeball:
    """One eye of the actor."""

    label: int
    center: np.ndarray  # (3,) head space
    radius: float
    points: np.ndarray  # indices into the sparse points


class GazeFitter:
    """Gaze angles of both eyes, frame by frame."""

    def __init__(self, template: Template, neutral: np.ndarray, focal: float, center: np.ndarray) -> None:
        self.template, self.neutral, self.focal, self.center = template, neutral, focal, center
        self.surface = template_surface(template)
        self.eyes = []
        for label in EYES:
            middle, radius = sphere(neutral[template.part == label])
            points = np.flatnonzero(template.part[template.points] == label)
            self.eyes.append(Eyeball(int(label), middle, radius, points))

    def fit(self, frame: dict[str, np.ndarray], pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Angles (2, 2) yaw and pitch in head space, and weight (2,); weight 0: nothing seen, angles 0."""
        found, weight = np.zeros((2, 2)), np.zeros(2)
        for number, eye in enumerate(self.eyes):
            source, target, strength, seen = self._matches(frame, pose, eye)
            aims = [] if seen < FEW else [self._turned(source, target, strength)]
            aims += self._predicted(frame, number, pose, seen)
            if not aims:
                continue
            total = np.sum([aim * share for aim, share in aims], axis=0)
            found[number] = angles(total / max(float(np.linalg.norm(total)), 1e-9))
            weight[number] = sum(share for _, share in aims)
        return together(found, weight)

    def _turned(self, source: np.ndarray, target: np.ndarray, strength: np.ndarray) -> tuple[np.ndarray, float]:
        """The gaze that the eyeball's turn shows, in head space, and its weight."""
        turn = self._turn(source, target, strength)
        weight = EYE_TURN**2 / (1 / strength.sum() + TURN_ERROR**2)
        return true_gaze(direction(angles(turn[:, 2]) / SHOWN)), float(weight)

    def _predicted(
        self, frame: dict[str, np.ndarray], number: int, pose: Pose, seen: float
    ) -> list[tuple[np.ndarray, float]]:
        """The network's own gaze in head space and its weight; none where it has none."""
        gaze, sigma = frame["gaze"][number], float(frame["gaze_sigma"][number])
        if not np.isfinite(gaze).all():
            return []
        center = pose.rotation @ self.eyes[number].center + pose.shift
        error = float(np.hypot(sigma, SURE_ERROR)) if np.isfinite(sigma) else PREDICTED_ERROR
        return [(pose.rotation.T @ camera_toward(center) @ gaze, error**-2 * min(1.0, 0.1 + seen / 30))]

    def _matches(
        self, frame: dict[str, np.ndarray], pose: Pose, eye: Eyeball
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
        """Unit vectors on the resting and on the seen eyeball, their weights, and how many pixels were seen."""
        pixels = np.flatnonzero((frame["weight"] > 0) & (self.surface.part[frame["triangle"]] == eye.label))
        corners = self.surface.triangles[frame["triangle"][pixels]]
        inner = frame["bary"][pixels]
        bary = np.concatenate([1 - inner.sum(axis=1, keepdims=True), inner], axis=1)
        dense = np.einsum("nk,nkc->nc", bary, self.neutral[corners])
        sparse = self.neutral[self.template.points[eye.points]]
        source = np.concatenate([dense, sparse]) - eye.center
        reach = np.linalg.norm(source, axis=1)  # the cornea stands out, the iris lies back: no one sphere is right
        xy = np.concatenate([frame["xy"][pixels], frame["points"][eye.points]])
        target = self._on_ball(xy, pose, eye, reach)
        seen = float(frame["weight"][pixels].sum())
        scale = self.focal / pose.shift[2] * eye.radius  # frame pixels per radius
        error = np.hypot(POINT_ERROR, frame["point_sigma"][eye.points] / scale)
        fade = min(1.0, seen / 20)  # sparse points are predicted behind closed lids too, and mean nothing there
        strength = [frame["weight"][pixels] * PIXEL_SHARE / PIXEL_ERROR**2, fade / error**2]
        return _unit(source), target, np.concatenate(strength), seen

    def _on_ball(self, xy: np.ndarray, pose: Pose, eye: Eyeball, radius: np.ndarray) -> np.ndarray:
        """Frame pixels (N, 2) -> unit vectors (N, 3) in head space from the eye's centre to where the ray enters."""
        ray = _unit(np.concatenate([(xy - self.center) / self.focal, np.ones((len(xy), 1))], axis=1))
        center = pose.rotation @ eye.center + pose.shift
        along = ray @ center
        gap = np.maximum(radius**2 - (center @ center - along**2), 0)  # rays that miss touch the rim
        hit = ray * (along - np.sqrt(gap))[:, None]
        return _unit(hit - center) @ pose.rotation

    def _turn(self, source: np.ndarray, target: np.ndarray, strength: np.ndarray) -> np.ndarray:
        """Robust rotation (3, 3) of the eyeball."""
        up = np.array([[0.0, 1.0, 0.0]])
        source, target = np.concatenate([source, up]), np.concatenate([target, up])
        weight = np.append(strength, UPRIGHT_WEIGHT)
        turn = best_rotation(source, target, weight)
        for _ in range(ROUNDS):
            target[-1] = gaze_rotation(turn[:, 2])[:, 1]  # up, for an eye that looks there without rolling
            off = ((target - source @ turn.T) ** 2).sum(axis=1)
            turn = best_rotation(source, target, weight / (1 + off / (3 * PIXEL_ERROR) ** 2) ** 2)
        return turn


def together(angles: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both eyes in the light of each other: a pair looks at one point, most often some way off.

    The posterior of two measurements whose difference is about APART, give or take SPREAD.

    Args:
        angles: (2, 2) yaw and pitch of each eye, radians.
        weight: (2,) 1 / variance; 0: not seen, and then it takes the other's.

    Returns:
        angles and weights likewise.
    """
    if not weight.any():
        return angles, weight
    out = np.empty_like(angles)
    for axis, (apart, spread) in enumerate(zip(APART, SPREAD, strict=True)):
        bond = spread**-2 * np.array([[1, -1], [-1, 1]])
        out[:, axis] = np.linalg.solve(bond + np.diag(weight), weight * angles[:, axis] + spread**-2 * apart * SIDES)
    told = 1 / (1 / np.maximum(weight[::-1], 1e-9) + max(SPREAD) ** 2)
    return out, weight + told


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
