"""A simulated performance and its fit, with the measures that tests and benchmarks share."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

import numpy as np

from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.reconstruct.actor import fit_actor
from faceanything_addon.reconstruct.evidence import observe, stack
from faceanything_addon.reconstruct.frames import fit_frames
from faceanything_addon.solve.gaze import direction, look_coefficients
from faceanything_addon.take.take import Actor, Frames
from faceanything_addon.template import Part, Template

from .simulate import Noise, Performance, Simulator, head_pose

FOCAL = 900.0
STILL = slice(3, 27)  # frames in which nothing moves
HIDDEN = range(60, 80)  # frames with an occluder
BLINKS = (45, 70, 95)  # first frame of each blink
BLINK = np.array([0.4, 1.0, 1.0, 0.6, 0.2])


@dataclass(frozen=True)
class Fitted:
    truth: Performance
    evidence: dict[str, np.ndarray]
    actor: Actor
    frames: Frames

    @property
    def template(self) -> Template:
        return self.truth.template

    def coefficient(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """True and fitted curve."""
        column = self.template.expression_names.index(name)
        return self.truth.arkit[:, column], self.frames.arkit[:, column]

    def true_vertices(self) -> np.ndarray:
        return np.stack([self.truth.vertices(number) for number in range(len(self.truth))])


def talking(template: Template, count: int = 120, yaw: float = 20.0, seed: int = 1) -> Performance:
    """30 still frames, then speech, three blinks, brows, gaze and a turning head."""
    frame = np.arange(count)
    moving = np.clip((frame - 30) / 5, 0, 1)
    curves = {"jawOpen": moving * (0.45 - 0.45 * np.cos((frame - 30) / 4))}
    blink = np.zeros(count)
    for first in BLINKS:
        blink[first : first + len(BLINK)] = BLINK[: max(0, count - first)]
    smile = moving * (0.4 + 0.4 * np.sin(frame / 7))
    curves |= {"eyeBlinkLeft": blink, "eyeBlinkRight": blink, "mouthSmileLeft": smile, "mouthSmileRight": 0.7 * smile}
    curves |= {"browInnerUp": moving * (0.4 + 0.4 * np.sin(frame / 9))}
    curves |= {"mouthPucker": moving * np.clip(np.sin(frame / 11), 0, 1) * 0.7}
    angles = np.radians(moving[:, None] * np.stack([20 * np.sin(frame / 8), 10 * np.sin(frame / 6)], axis=1))
    curves |= look_coefficients(np.repeat(angles[:, None], 2, axis=1))
    arkit = np.zeros((count, len(template.expression_names)))
    for name, curve in curves.items():
        arkit[:, template.expression_names.index(name)] = curve
    sway = np.sin(moving * (frame - 30) / 12)
    poses = [
        head_pose(yaw * s, m * 5 * np.sin(f / 5), m * 4 * np.cos(f / 7), (0.02 + 0.03 * s, 0.01, 0.6))
        for f, m, s in zip(frame, moving, sway, strict=True)
    ]
    identity = np.clip(np.random.default_rng(seed).normal(size=len(template.identity)), -2, 2)
    return Performance(template, identity, arkit, np.stack(poses), direction(angles), FOCAL)


def fit_performance(
    truth: Performance,
    noise: Noise | None = None,
    lost: range = range(0),
    hidden: range = HIDDEN,
    spacing: float = 0.0009,
) -> Fitted:
    """Simulate a network, then reconstruct.

    Args:
        lost: frames in which no face is found.
        hidden: frames with an occluder.
        spacing: metres between the surface samples of the pictures.
    """
    simulator = Simulator(truth, noise or Noise(), spacing=spacing)
    maps = (simulator.maps(number, occluder=number in hidden) for number in range(len(truth)))
    return fit_maps(truth, (replace(m, found=False) if number in lost else m for number, m in enumerate(maps)))


def thinned(truth: Performance, step: int) -> Performance:
    """Every step-th frame."""
    return replace(truth, arkit=truth.arkit[::step], poses=truth.poses[::step], gaze=truth.gaze[::step])


def fit_maps(truth: Performance, maps: Iterable[FaceMaps], rate: float = 30.0) -> Fitted:
    """Reconstruct from maps of all frames."""
    evidence = stack([observe(m, truth.template) for m in maps])
    size = (truth.width, truth.height)
    actor = fit_actor({k: v[::4] for k, v in evidence.items()}, truth.template, *size, None)

    def chunks():
        return ({k: v[i : i + 32] for k, v in evidence.items()} for i in range(0, len(truth), 32))

    blocks = list(fit_frames(chunks, actor, truth.template, *size, np.arange(len(truth)) / rate))
    joined = Frames(**{f.name: np.concatenate([getattr(b, f.name) for b in blocks]) for f in fields(Frames)})
    return Fitted(truth, evidence, actor, joined)


def face(template: Template) -> np.ndarray:
    """(V,) bool: the front of the face."""
    v = template.vertices
    return (template.part == Part.SKIN) & (v[:, 2] > -0.02) & (v[:, 1] > -0.11)


def distance(shape: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(N,) metres between corresponding vertices after the best rigid motion."""
    a, b = shape - shape.mean(axis=0), truth - truth.mean(axis=0)
    left, _, right = np.linalg.svd(a.T @ b)
    return np.linalg.norm(a @ (left @ right) - b, axis=1)


def opening(template: Template, vertices: np.ndarray, upper: int, lower: int) -> np.ndarray:
    """(F,) metres between two landmarks."""
    marks = template.landmarks(vertices)
    return np.linalg.norm(marks[:, upper] - marks[:, lower], axis=1)


def agreement(truth: np.ndarray, curve: np.ndarray) -> tuple[float, float]:
    """Correlation and slope."""
    return float(np.corrcoef(truth, curve)[0, 1]), float(np.polyfit(truth, curve, 1)[0])


def camera_pixels(vertices: np.ndarray, poses: np.ndarray, focal: float) -> np.ndarray:
    """(F, N, 2) pixels from the image centre."""
    camera = np.einsum("fij,fvj->fvi", poses[:, :3, :3], vertices) + poses[:, None, :3, 3]
    return focal * camera[..., :2] / camera[..., 2:]


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Degrees between unit vectors (..., 3)."""
    return np.degrees(np.arccos(np.clip((first * second).sum(axis=-1), -1, 1)))
