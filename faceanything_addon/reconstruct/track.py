"""Pose and ARKit coefficients of one frame."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..solve.bounded import bounded_quadratic
from ..solve.gaze import lid_coefficients
from ..solve.regions import side_of
from ..take.take import Actor
from ..template import Template
from ..template.shape import own_shapes
from .camera import image_center, weak_perspective_pose
from .evidence import SEEN_PARTS
from .eyes import GazeFitter
from .guesses import Guesses, alike
from .linear_model import LinearModel, Samples, expression_model
from .normal import POSE, Normal, Pose, normal_equations
from .observations import Observations, gather, point_tables
from .rest import beyond_rest

PRIOR_SIGMA = 0.6  # of a coefficient about 0 when nothing else is known; weak, or motion would be damped
DOUBTED = 2.0  # standard deviations from where on a guess is doubted
LOOK_SIGMA = 0.1  # of an eyeLook coefficient about what the eyeball says
EVEN_SIGMA = 0.12  # of the difference between the two sides of a face: one side alone must be seen to move alone
SPARSITY = 1.0  # L1 weight: of two ways to explain a pixel, the one with fewer coefficients
STEPS = 3
FIRST_TOLERANCES = (12.0, 8.0, 6.0, 5.0, 4.5)  # standard deviations, for a frame with no neighbour to start from
TOLERANCE = 4.5


@dataclass(frozen=True)
class FrameState:
    """What the fit knows about one frame."""

    pose: Pose
    coefficients: np.ndarray  # (52,) f8 0..1
    precision: np.ndarray  # (52,) f8 1 / variance of each coefficient, all else held
    deviation: np.ndarray  # (52,) f8 standard deviation of each coefficient, all else free
    weight: np.ndarray  # (M,) f4 robust weights of the observations
    residual: np.ndarray  # (M, 2) f4 frame pixels left over
    gaze: np.ndarray  # (2, 2) yaw and pitch of each eye in head space, radians
    gaze_weight: np.ndarray  # (2,) 1 / variance; 0 where the eye was not seen
    seen: Observations


class Prior:
    """What is known of the coefficients before the pixels speak: normal distributions, the two sides alike."""

    def __init__(self, guess: np.ndarray, off: np.ndarray, sigma: float = PRIOR_SIGMA) -> None:
        """(52,) the network's guess, NaN where it has none; (52,) its standard deviation; that about 0."""
        self.guess, self.told = np.nan_to_num(guess), np.where(np.isfinite(guess), off**-2.0, 0)
        self.about, self.firm = np.full(len(guess), sigma**-2), np.zeros(len(guess), bool)
        self.doubt(self.guess)
        self.ties = np.zeros((len(guess), len(guess)))

    def even(self, pairs: np.ndarray, sigma: float = EVEN_SIGMA) -> None:
        """Tie coefficients to one another, weakly. pairs: (N, 2)."""
        left, right = pairs.T
        np.add.at(self.ties, (left, left), sigma**-2)
        np.add.at(self.ties, (right, right), sigma**-2)
        np.add.at(self.ties, (left, right), -(sigma**-2))
        np.add.at(self.ties, (right, left), -(sigma**-2))

    def doubt(self, coefficients: np.ndarray) -> None:
        """A guess counts the less, the farther it is from what is seen: now and then one is quite wrong (Cauchy)."""
        far = self.told * (coefficients - self.guess) ** 2 / DOUBTED**2
        told = np.where(self.firm, self.told, self.told / (1 + far))
        self.precision = self.about + told
        self.mean = self.guess * told / self.precision

    def hessian(self) -> np.ndarray:
        """(C, C)"""
        return self.ties + np.diag(self.precision)

    def expect(self, index: np.ndarray, value: np.ndarray, sigma: float | np.ndarray) -> None:
        """Replace what is known of some coefficients, and do not doubt it."""
        self.guess[index], self.told[index], self.about[index], self.firm[index] = value, sigma**-2.0, 0, True


class FrameFitter:
    """Fits one frame after another of one actor; each starts where the last ended."""

    def __init__(
        self, template: Template, actor: Actor, width: int, height: int, guesses: Guesses | None = None
    ) -> None:
        """guesses: how far the network's own are off; None: not known."""
        self.template, self.focal, self.rest = template, actor.focal, actor.rest
        self.guesses = guesses or alike(len(template.expression_names))
        self.center = image_center(width, height)
        self.eyes = GazeFitter(template, actor.neutral, actor.focal, self.center)
        self.model: LinearModel = expression_model(own_shapes(template, actor.rest, actor.neutral), actor.neutral)
        tables = point_tables(template)
        first = np.tile(np.array([[1, 0, 0]], np.float32), (len(template.points), 1))
        self.gaps, self.usable = tables.gaps, tables.usable
        self.sides = two_sided(template.expression_names)
        self.unseen = unseen_columns(template)
        self.points: Samples = self.model.sample(tables.vertex, first)

    def fit(self, frame: dict[str, np.ndarray], start: FrameState | None) -> FrameState:
        """Fit one frame whose `found` is true."""
        guess, off = beyond_rest(frame["arkit"], self.rest), self.guesses.sigma(frame["arkit"]) / (1 - self.rest)
        pose, coefficients = self._start(frame, guess, start)
        seen = gather(frame, self.template, self.focal / pose.shift[2])
        rest = len(self.usable)
        samples = self.points.joined(self.model.sample(seen.vertex[rest:], seen.bary[rest:]))
        tolerances = (TOLERANCE,) * STEPS if start is not None else FIRST_TOLERANCES
        normal, prior = None, Prior(guess, off)
        prior.even(self.sides)
        alone = self.unseen[np.isfinite(guess[self.unseen])]
        prior.expect(alone, guess[alone], off[alone])
        gaze, gaze_weight = np.zeros((2, 2)), np.zeros(2)
        for number, tolerance in enumerate(tolerances):
            arguments = (samples, coefficients, pose, self.focal, self.center, seen, self.gaps, tolerance)
            normal = normal_equations(*arguments)
            prior.doubt(coefficients)
            step, changed = solve_frame(normal, coefficients, prior)
            pose, coefficients = pose.moved(step), changed
            if number == len(tolerances) - 2:  # the pose is good by now: gaze settles the lids' share in looking
                gaze, gaze_weight = self._look(frame, pose, start, prior)
        assert normal is not None
        left = self._residual(samples, coefficients, pose, seen)
        precision, deviation = certainty(normal, prior)
        return FrameState(pose, coefficients, precision, deviation, normal.weight, left, gaze, gaze_weight, seen)

    def _start(
        self, frame: dict[str, np.ndarray], guess: np.ndarray, start: FrameState | None
    ) -> tuple[Pose, np.ndarray]:
        if start is not None:
            return start.pose, start.coefficients
        weight = self.usable / np.maximum(frame["point_sigma"], 1e-3) ** 2
        shape = self.points.mean.astype(np.float64)
        pose = Pose(*weak_perspective_pose(shape, frame["points"], weight, self.focal, self.center))
        return pose, np.nan_to_num(guess).astype(np.float64)

    def _look(
        self, frame: dict[str, np.ndarray], pose: Pose, start: FrameState | None, prior: Prior
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gaze angles and weights; tells the prior. Closed lids: the gaze stays where it was."""
        gaze, weight = self.eyes.fit(frame, pose)
        if start is not None:
            gaze[weight == 0] = start.gaze[weight == 0]
        look = lid_coefficients(gaze)
        names = self.template.expression_names
        index = np.array([names.index(name) for name in look])
        prior.expect(index, np.array(list(look.values())), LOOK_SIGMA)
        return gaze, weight

    def _residual(self, samples: Samples, coefficients: np.ndarray, pose: Pose, seen: Observations) -> np.ndarray:
        camera = samples.positions(coefficients) @ pose.rotation.T + pose.shift
        return (seen.xy - self.center - self.focal * camera[:, :2] / camera[:, 2:]).astype(np.float32)


def unseen_columns(template: Template) -> np.ndarray:
    """Coefficients that move nothing of what is observed (the tongue's): of them only the network's guess is known."""
    seen = np.isin(template.part, SEEN_PARTS)
    return np.flatnonzero(~np.any(np.abs(template.expressions[:, seen]) > 1e-6, axis=(1, 2)))


def two_sided(names: tuple[str, ...]) -> np.ndarray:
    """(N, 2) left and right of the same movement; the eyeballs are seen for themselves."""
    found = [
        (number, names.index(name.removesuffix("Left") + "Right"))
        for number, name in enumerate(names)
        if name.endswith("Left") and side_of(name) and not name.startswith("eyeLook")
    ]
    return np.array(found)


def solve_frame(normal: Normal, coefficients: np.ndarray, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
    """One Gauss-Newton step with the focal length fixed: the pose is eliminated, coefficients stay in 0..1.

    Returns:
        Pose step (6,), new coefficients (C,).
    """
    reduced, mixed, carried = without_pose(normal)
    body = normal.gradient[POSE : POSE + len(coefficients)]
    hessian = reduced + prior.hessian()
    target = body - mixed @ carried[:, -1] + reduced @ coefficients
    target += prior.precision * prior.mean - SPARSITY
    changed = bounded_quadratic(hessian, target, coefficients)
    return carried[:, -1] - carried[:, :-1] @ (changed - coefficients), changed


def without_pose(normal: Normal) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eliminate the pose (Schur complement).

    Returns:
        Hessian of the coefficients (C, C), their coupling with the pose (C, 6), and the pose's answer to a unit
        change of each coefficient with its own step in the last column (6, C + 1).
    """
    body = slice(POSE, -1)
    own, mixed, pose = normal.hessian[body, body], normal.hessian[body, :POSE], normal.hessian[:POSE, :POSE]
    pose = pose + 1e-9 * np.trace(pose) * np.eye(POSE)
    carried = np.linalg.solve(pose, np.column_stack([mixed.T, normal.gradient[:POSE]]))
    return own - mixed @ carried[:, :-1], mixed, carried


def certainty(normal: Normal, prior: Prior) -> tuple[np.ndarray, np.ndarray]:
    """Of each coefficient: precision with all else held (C,), standard deviation with all else free (C,)."""
    reduced = without_pose(normal)[0] + prior.hessian()
    return np.diag(normal.hessian)[POSE:-1].copy(), np.sqrt(np.diag(np.linalg.inv(reduced)))
