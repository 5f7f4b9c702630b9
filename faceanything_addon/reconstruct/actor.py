"""The actor and the camera: one identity and one focal length that explain many frames at once."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..solve.bounded import bounded_quadratic
from ..take.take import Actor
from ..template import Template
from ..template.shape import expression_offset, neutral_shape
from .camera import image_center, weak_perspective_pose
from .evidence import frame_of
from .guesses import alike
from .linear_model import LinearModel, full_model
from .neutral import at_rest
from .normal import POSE, Pose, normal_equations
from .observations import gather, point_tables
from .rest import lids_at_rest
from .track import Prior

PIXELS = 700  # dense pixels used per frame
TOLERANCES = (15.0, 10.0, 6.0, 4.0, 4.0, 3.5, 3.5)  # standard deviations, one per Gauss-Newton step
INDEPENDENT_FRAMES = 2.0  # a network errs alike on all frames of one person: more frames add no more knowledge
DIAGONAL_VIEW = np.radians(50.0)  # between a portrait lens and a telephone
FOCAL_SIGMA = 0.4  # of the log focal length
KNOWN_FOCAL_SIGMA = 1e-4
SPARSITY = 2.0  # L1 weight of expressions: the neutral face is the one that needs the fewest
IN_USE = 0.05  # a coefficient above this counts in the relaxed steps; the others are held at 0
RELAXED_STEPS = 3  # last steps without a price on motion: it makes the head small, for which less motion will do
EXPRESSION_SIGMA = 2.0  # of a coefficient about 0: hardly a prior, for the same reason


@dataclass
class Shared:
    """State of the joint fit."""

    identity: np.ndarray  # (K,)
    focal: float
    poses: list[Pose]
    expressions: np.ndarray  # (F, 52)


def default_focal(width: int, height: int) -> float:
    """Focal length of a usual lens, pixels."""
    return float(np.hypot(width, height) / 2 / np.tan(DIAGONAL_VIEW / 2))


def fit_actor(
    evidence: dict[str, np.ndarray], template: Template, width: int, height: int, focal: float | None
) -> Actor:
    """Identity and focal length from stacked evidence of well-spread frames.

    Gauss-Newton over everything at once. Pose and expression of each frame are eliminated (Schur complement), so
    that a step costs one small system per frame and one for identity and focal length.

    Args:
        evidence: `evidence.observe` of up to some 60 frames, stacked.
        focal: pixels if known, else None: estimated, with a usual lens as the prior.
    """
    frames = [frame_of(evidence, number) for number in np.flatnonzero(evidence["found"])]
    prior_focal = focal or default_focal(width, height)
    if not frames:
        return Actor(template.vertices, np.zeros(len(template.identity), np.float32), prior_focal)
    fit = _JointFit(frames, template, width, height, prior_focal, KNOWN_FOCAL_SIGMA if focal else FOCAL_SIGMA)
    for number, tolerance in enumerate(TOLERANCES):
        fit.step(tolerance, relaxed=number >= len(TOLERANCES) - RELAXED_STEPS)
    identity = fit.state.identity.astype(np.float32)
    rest = lids_at_rest(fit.state.expressions, template)
    neutral = neutral_shape(template, identity) + expression_offset(template, rest)
    return Actor(at_rest(neutral, template), identity, float(focal or fit.state.focal), rest)


class _JointFit:
    def __init__(
        self,
        frames: list[dict[str, np.ndarray]],
        template: Template,
        width: int,
        height: int,
        focal: float,
        focal_sigma: float,
    ) -> None:
        self.frames, self.template = frames, template
        self.center = image_center(width, height)
        self.prior_focal, self.focal_sigma = focal, focal_sigma
        self.model: LinearModel = full_model(template)
        self.tables = point_tables(template)
        first = np.tile(np.array([[1, 0, 0]], np.float32), (len(template.points), 1))
        self.points = self.model.sample(self.tables.vertex, first)
        self.faces = len(template.expression_names)
        self.off = alike(self.faces).base
        self.state = self._start(focal)

    def _start(self, focal: float) -> Shared:
        shape = self.template.vertices[self.template.points].astype(np.float64)
        poses = []
        for frame in self.frames:
            weight = self.tables.usable / np.maximum(frame["point_sigma"], 1e-3) ** 2
            poses.append(Pose(*weak_perspective_pose(shape, frame["points"], weight, focal, self.center)))
        expressions = np.nan_to_num(np.stack([frame["arkit"] for frame in self.frames])).astype(np.float64)
        return Shared(np.zeros(len(self.template.identity)), focal, poses, expressions)

    def step(self, tolerance: float, relaxed: bool) -> None:
        """One Gauss-Newton step of everything; relaxed: only with the expressions in use, without their penalty."""
        state = self.state
        size = len(state.identity) + 1
        hessian, gradient = np.zeros((size, size)), np.zeros(size)
        frames = [self._linearise(number, tolerance, relaxed) for number in range(len(self.frames))]
        for frame in frames:
            hessian += frame.hessian
            gradient += frame.gradient
        change = self._solve_shared(hessian, gradient)
        for number, frame in enumerate(frames):
            local = frame.own + frame.carried @ change
            local[POSE - 1] += change[-1]  # the head moves away as the lens grows longer
            state.poses[number] = state.poses[number].moved(local[:POSE])
            state.expressions[number] = np.clip(state.expressions[number] + local[POSE:], 0, 1)
        state.identity = state.identity + change[:-1]
        state.focal *= float(np.exp(np.clip(change[-1], -0.3, 0.3)))

    def _solve_shared(self, hessian: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Change of identity (K) and log focal (1) under their priors."""
        scale = min(1.0, INDEPENDENT_FRAMES / len(self.frames))
        precision = np.append(np.ones(len(gradient) - 1), self.focal_sigma**-2)
        off = np.append(-self.state.identity, np.log(self.prior_focal / self.state.focal))
        return np.linalg.solve(hessian * scale + np.diag(precision), gradient * scale + precision * off)

    def _linearise(self, number: int, tolerance: float, relaxed: bool) -> _Reduced:
        """One frame's system with its pose and expression eliminated."""
        state, frame = self.state, self.frames[number]
        pose = state.poses[number]
        seen = gather(frame, self.template, state.focal / pose.shift[2], PIXELS)
        rest = len(self.tables.usable)
        samples = self.points.joined(self.model.sample(seen.vertex[rest:], seen.bary[rest:]))
        coefficients = np.concatenate([state.expressions[number], state.identity])
        args = (samples, coefficients, pose, state.focal, self.center, seen, self.tables.gaps, tolerance)
        normal = normal_equations(*args)
        expression = state.expressions[number]
        penalty, most = (0.0, np.where(expression > IN_USE, 1.0, 0.0)) if relaxed else (SPARSITY, np.ones(self.faces))
        prior = Prior(frame["arkit"], self.off, EXPRESSION_SIGMA)
        return _eliminate(normal.hessian, normal.gradient, expression, prior, penalty, most)


@dataclass(frozen=True)
class _Reduced:
    hessian: np.ndarray  # (K + 1, K + 1)
    gradient: np.ndarray  # (K + 1,)
    own: np.ndarray  # (6 + 52,) step of pose and expression while identity and focal length stay
    carried: np.ndarray  # (6 + 52, K + 1) how that step follows identity and focal length


def _eliminate(
    hessian: np.ndarray,
    gradient: np.ndarray,
    expression: np.ndarray,
    prior: Prior,
    penalty: float,
    most: np.ndarray,
) -> _Reduced:
    """Schur complement of pose and expression; coefficients at a bound, 0 or `most`, are held there."""
    local = POSE + len(expression)
    own, mixed, rest = hessian[:local, :local].copy(), hessian[:local, local:], hessian[local:, local:]
    own[np.arange(local), np.arange(local)] += np.concatenate([np.full(POSE, 1e-10 * np.trace(own)), prior.precision])
    pull = gradient[:local].copy()
    pull[POSE:] += prior.precision * (prior.mean - expression) - penalty
    step = _bounded_step(own, pull, expression, most)
    reached = expression + step[POSE:]
    free = np.concatenate([np.ones(POSE, bool), (reached > 0) & (reached < most)])
    carried = np.zeros((local, len(rest)))
    carried[free] = -np.linalg.solve(own[np.ix_(free, free)], mixed[free])
    return _Reduced(rest + mixed.T @ carried, gradient[local:] - mixed.T @ step, step, carried)


def _bounded_step(hessian: np.ndarray, pull: np.ndarray, expression: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Step of pose (free) and expression (within 0..most after the step)."""
    pose = hessian[:POSE, :POSE]
    carried = np.linalg.solve(pose, np.column_stack([hessian[:POSE, POSE:], pull[:POSE]]))
    reduced = hessian[POSE:, POSE:] - hessian[POSE:, :POSE] @ carried[:, :-1]
    target = pull[POSE:] - hessian[POSE:, :POSE] @ carried[:, -1] + reduced @ expression
    change = bounded_quadratic(reduced, target, expression, 0.0, most) - expression
    return np.concatenate([carried[:, -1] - carried[:, :-1] @ change, change])
