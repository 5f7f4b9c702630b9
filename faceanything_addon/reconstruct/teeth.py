"""Where this person's teeth are: modes of faces tell it badly, since scans hardly see them.

Which pixels between the lips show teeth, and which what lies behind them, tells how much higher or lower each arch is
than the face's shape has it.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..model.maps import Inside
from ..take.take import Actor
from ..template import Template
from ..template.shape import own_shapes
from ..template.teeth import Teeth
from .evidence import frame_of
from .guesses import Guesses
from .normal import Pose
from .per_template import per_template
from .track import FrameFitter

FRAMES = 24  # so many are asked
FEW = 20  # pixels of the face's map between the lips: a narrower gap does not show where teeth end
TURNED = 0.6  # sine of a turn from which on one side of an arch hides the other
HEIGHTS = np.arange(-24, 25) * 0.00025  # metres
SPREAD = 0.0025, 0.0020  # metres: standard deviation of people's upper and lower teeth about where a shape has them
LONGER = 0.7, 1.5  # map pixels by which the maps show upper and lower teeth longer, learned from rendered people
SOFT = 0.6  # map pixels over which teeth end
WRONG = 0.05  # share of pixels whose part is anything
SHARE = 0.04  # pixels and frames err together: so many independent ones is one worth

template_teeth = per_template(Teeth.of)


@dataclass(frozen=True)
class Bite:
    """A frame in which one looks into the mouth; N pixels between the lips."""

    inside: np.ndarray  # (N, 2) metres that a pixel lies above the upper edge and below the lower one; NaN beside it
    kind: np.ndarray  # (N,) u1 `Inside`
    pixel: float  # metres across a map pixel


def with_own_teeth(
    actor: Actor,
    evidence: dict[str, np.ndarray],
    template: Template,
    width: int,
    height: int,
    guesses: Guesses | None = None,
) -> Actor:
    """The actor with teeth as high as they are seen.

    Args:
        evidence: stacked, of frames of this actor.
        width, height: of the footage, pixels.
        guesses: see `FrameFitter`.
    """
    teeth = template_teeth(template)
    frames = [frame_of(evidence, int(row)) for row in open_mouths(evidence)]
    if not (frames and len(teeth.upper.edge) and len(teeth.lower.edge)):
        return actor
    bites = _bites(frames, actor, template, FrameFitter(template, actor, width, height, guesses))
    if not bites:
        return actor
    neutral = actor.neutral.copy()
    for arch, up in zip((teeth.upper, teeth.lower), heights(bites), strict=True):
        neutral[arch.vertices, 1] += neutral.dtype.type(up)
    return replace(actor, neutral=neutral)


def _bites(frames: list[dict[str, np.ndarray]], actor: Actor, template: Template, fitter: FrameFitter) -> list[Bite]:
    """Of those frames that show a face from the front."""
    motions, teeth = own_shapes(template, actor.rest, actor.neutral).expressions, template_teeth(template)
    out = []
    for frame in frames:
        state = fitter.fit(frame, None)
        if abs(state.pose.rotation[0, 2]) < TURNED:
            shape = actor.neutral + np.tensordot(state.coefficients.astype(np.float32), motions, axes=1)
            out.append(bite_of(frame, shape, state.pose, actor.focal, fitter.center, teeth))
    return out


def open_mouths(evidence: dict[str, np.ndarray]) -> np.ndarray:
    """Numbers of frames that show what lies between the lips, FRAMES at most, evenly spread."""
    area = (evidence["inside_kind"] > 0).sum(axis=1) * (evidence["inside_spacing"] / evidence["spacing"]) ** 2
    rows = np.flatnonzero(evidence["found"] & (area >= FEW))
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(FRAMES, len(rows))).astype(int))]


def bite_of(
    frame: dict[str, np.ndarray], shape: np.ndarray, pose: Pose, focal: float, center: np.ndarray, teeth: Teeth
) -> Bite:
    """What one frame's pixels say of the teeth of a fitted face.

    Args:
        frame: evidence.
        shape: (V, 3) metres, head space, with the teeth where the face's modes have them.
        center: (2,) of the picture, pixels.
    """
    edges = [shape[arch.edge] @ pose.rotation.T + pose.shift for arch in (teeth.upper, teeth.lower)]
    metre = focal / float(edges[0][:, 2].mean())  # frame pixels
    across = np.linalg.inv(metre * pose.rotation[:2, :2])  # frame pixels -> metres along the head's x and y
    upper, lower = ((center + focal * e[:, :2] / e[:, 2:]) @ across.T for e in edges)
    used = frame["inside_kind"] > 0
    seen = frame["inside_xy"][used] @ across.T
    inside = np.stack([seen[:, 1] - _level(seen[:, 0], upper), _level(seen[:, 0], lower) - seen[:, 1]], axis=1)
    return Bite(inside, frame["inside_kind"][used], float(frame["inside_spacing"]) / metre)


def _level(x: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """(N,) height of an edge (E, 2) at some places along it, NaN beyond its ends."""
    order = np.argsort(edge[:, 0])
    return np.interp(x, edge[order, 0], edge[order, 1], left=np.nan, right=np.nan)


def heights(bites: list[Bite]) -> np.ndarray:
    """(2,) metres by which upper and lower teeth are higher: the mean of what may be, as the pixels have it."""
    upper, lower = (-((HEIGHTS / spread) ** 2) / 2 for spread in SPREAD)
    total = upper[:, None] + lower + SHARE * sum(agreement(bite) for bite in bites)
    likely = np.exp(total - total.max())
    likely /= likely.sum()
    return np.array([likely.sum(axis=1) @ HEIGHTS, likely.sum(axis=0) @ HEIGHTS])


def agreement(bite: Bite) -> np.ndarray:
    """(H, H) log likelihood of a frame's pixels, of upper teeth moved by each of HEIGHTS and lower ones likewise."""
    from scipy.special import expit

    told = np.isfinite(bite.inside).all(axis=1)
    above, below = (bite.inside[told] + np.array(LONGER) * bite.pixel).T
    soft = SOFT * bite.pixel
    no_upper = expit((HEIGHTS - above[:, None]) / soft)[:, :, None]
    no_lower = expit(-(HEIGHTS + below[:, None]) / soft)[:, None, :]
    kind, total = bite.kind[told], np.zeros((len(HEIGHTS), len(HEIGHTS)))
    for number, share in _shares(no_upper, no_lower).items():  # an upper tooth hides the lower one behind it
        total += np.log(WRONG + (1 - 2 * WRONG) * share(kind == number)).sum(axis=0)
    return total


def _shares(no_upper: np.ndarray, no_lower: np.ndarray) -> dict[Inside, Callable[[np.ndarray], np.ndarray]]:
    """How likely some of the pixels, (N, H, 1) or (N, 1, H) of which show no upper or no lower tooth, are of a kind."""
    return {
        Inside.UPPER_TEETH: lambda some: 1 - no_upper[some],
        Inside.LOWER_TEETH: lambda some: no_upper[some] * (1 - no_lower[some]),
        Inside.BEHIND: lambda some: no_upper[some] * no_lower[some],
        Inside.TEETH: lambda some: 1 - no_upper[some] * no_lower[some],
    }
