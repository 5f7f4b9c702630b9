"""Bones from the motion that they are to bring about."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...solve.bounded import bounded_quadratic

RIDGE = 0.01  # weight of a channel's use, against a probe of weight 1 that a step of it moves by STEP_PLACE
STEP_PLACE = 0.1  # a step of a location: distances between the eyes
STEP_TURN = 0.15  # a step of a rotation: radians
COST_OF_BOTH = 30.0  # of moving a bone that also turns, such as the jaw: it turns where that is enough
FARTHEST_PLACE, FARTHEST_TURN = 10.0, 5.0  # steps
ROUNDS = 5  # for the bend of rotations
OUTLIER = 4.0  # times the median misfit
BEGIN = 0.04  # distances between the eyes: misfit that is never an outlier


@dataclass(frozen=True)
class Response:
    """How P probes answer to D channels, each an axis of a bone's location or rotation.

    probe = linear x + square x^2, x counted in steps.
    """

    linear: np.ndarray  # (D, P, 3) armature units per step
    square: np.ndarray  # (D, P, 3) armature units per squared step: turns go in circles
    limit: np.ndarray  # (D,) steps that a channel may go either way
    cost: np.ndarray  # (D,) of using a channel, 1 is usual
    size: float  # distance between the eyes, armature units


def solve_bones(response: Response, trust: np.ndarray, targets: np.ndarray, ties: Any = None) -> np.ndarray:
    """Channels (F, D), in steps, that move the probes as wanted.

    Ridge regression with the bend of the turns on the right-hand side, repeated until it settles; frames that leave the
    limits are solved again with bounds.

    Args:
        trust: (P,) weight of each probe.
        targets: (F, P, 3) armature units.
        ties: (P, P) sparse, added to the trust as off-diagonal weights; None: there are none.
    """
    from scipy.linalg import cho_factor, cho_solve

    count = len(response.linear)
    weighted = response.linear * trust[:, None]
    if ties is not None:
        weighted = weighted + np.stack([ties @ moved for moved in response.linear])
    weighted = weighted.reshape(count, -1)
    linear, square = response.linear.reshape(count, -1), response.square.reshape(count, -1)
    wanted = targets.reshape(len(targets), -1)
    hessian = weighted @ linear.T + RIDGE * (STEP_PLACE * response.size) ** 2 * np.diag(response.cost)
    factor = cho_factor(hessian)
    out = np.zeros((len(targets), count))
    gradient = np.zeros_like(out)
    for _ in range(ROUNDS):
        gradient = (wanted - out**2 @ square) @ weighted.T
        out = np.clip(cho_solve(factor, gradient.T).T, -response.limit, response.limit)
    for frame in np.flatnonzero((np.abs(out) >= response.limit - 1e-9).any(axis=1)):
        out[frame] = bounded_quadratic(hessian, gradient[frame], out[frame], -response.limit, response.limit)
    return out


def settled_trust(response: Response, trust: np.ndarray, shapes: np.ndarray, bones: int) -> np.ndarray:
    """Trust (P,) without the probes of skin that no bones can move as wanted: they lie on another part of the face.

    Args:
        shapes: (52, P, 3) targets of each coefficient alone.
        bones: how many probes are of bones; these stay.
    """
    moved = solve_bones(response, trust, shapes)
    reached = np.tensordot(moved, response.linear, axes=1) + np.tensordot(moved**2, response.square, axes=1)
    misfit = np.linalg.norm(reached - shapes, axis=2).max(axis=0)
    far = misfit > max(OUTLIER * float(np.median(misfit)), BEGIN * response.size)
    far[:bones] = False
    return np.where(far, 0.0, trust)


def without(response: Response, idle: np.ndarray) -> Response:
    """The response without the channels of a mask (D,)."""
    keep = ~idle
    names = ("linear", "square", "limit", "cost")
    return replace(response, **{name: getattr(response, name)[keep] for name in names})
