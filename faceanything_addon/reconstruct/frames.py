"""Evidence and actor -> the frames of a take, in two passes over the evidence.

The first pass fits the parameters of each frame, the second makes meshes from the smoothed parameters. Only the
parameters stay in memory.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ..solve.arkit import exclusive
from ..solve.gaze import look_coefficients
from ..take.take import Actor, Frames
from ..template import Template
from ..template.shape import own_shapes
from .camera import image_center, intrinsics
from .closure import close_openings, lids_meeting
from .driving import Driving, full_motion
from .evidence import frame_of
from .fine import fit_residual, template_waves
from .guesses import Guesses
from .lids import find_lids
from .mesh import VISIBLE_FROM, build_meshes, confidence, facing
from .motion import Motion, smooth_motion
from .observations import CANONICAL_SIGMA
from .track import FrameFitter, FrameState

LOST = 0.35  # mean robust weight of the sparse points below which the fit starts afresh

Chunks = Callable[[], Iterator[dict[str, np.ndarray]]]


def fit_frames(
    evidence_chunks: Chunks,
    actor: Actor,
    template: Template,
    width: int,
    height: int,
    times: np.ndarray,
    driving: Driving | None = None,
    guesses: Guesses | None = None,
) -> Iterator[Frames]:
    """Frames of a take, one block per chunk of evidence.

    Args:
        evidence_chunks: called twice; each time yields the stacked evidence of consecutive frames, F in all.
        width, height: of the footage, pixels.
        times: (F,) seconds.
        driving: how the network shows motions, for the coefficients that drive; None: as the meshes.
        guesses: how far the network's own guesses of coefficients are off; None: not known.
    """
    fitted = fit_motion(evidence_chunks(), actor, template, width, height, len(times), guesses)
    motion = smooth_motion(fitted, times)
    coefficients = close_openings(motion.coefficients, own_shapes(template, actor.rest, actor.neutral), actor.neutral)
    motion = replace(motion, coefficients=exclusive(coefficients, template.expression_names))
    builder = _Builder(actor, template, width, height, driving)
    first = 0
    for chunk in evidence_chunks():
        rows = slice(first, first + len(chunk["found"]))
        first = rows.stop
        yield builder.build(chunk, motion, rows, times[rows])


def fit_motion(
    chunks: Iterator[dict[str, np.ndarray]],
    actor: Actor,
    template: Template,
    width: int,
    height: int,
    count: int,
    guesses: Guesses | None = None,
) -> Motion:
    """First pass: parameters of every frame, not yet smoothed."""
    fitter = FrameFitter(template, actor, width, height, guesses)
    waves = template_waves(template)
    motion = Motion.empty(count, len(template.expression_names), waves.basis.shape[1])
    state: FrameState | None = None
    number = 0
    for chunk in chunks:
        for row in range(len(chunk["found"])):
            if chunk["found"][row]:
                state = _fit_or_restart(fitter, frame_of(chunk, row), state)
                motion.put(number, state, fit_residual(state, waves, actor.focal), max(_trust(fitter, state), 0.05))
            else:
                state = None
            number += 1
    return motion


def _fit_or_restart(fitter: FrameFitter, frame: dict[str, np.ndarray], start: FrameState | None) -> FrameState:
    """Follow on from the last frame; after a cut or a slip, whichever of that and a fresh start fits better."""
    state = fitter.fit(frame, start)
    if start is None or _trust(fitter, state) > LOST:
        return state
    fresh = fitter.fit(frame, None)
    return fresh if _trust(fitter, fresh) > _trust(fitter, state) else state


def _trust(fitter: FrameFitter, state: FrameState) -> float:
    """Mean robust weight of the sparse points, 0..1."""
    return float(state.weight[: len(fitter.usable)][fitter.usable].mean())


class _Builder:
    """Second pass."""

    def __init__(
        self, actor: Actor, template: Template, width: int, height: int, driving: Driving | None = None
    ) -> None:
        self.actor, self.template, self.driving = actor, template, driving
        self.own = own_shapes(template, actor.rest, actor.neutral)
        self.waves, self.lids = template_waves(template), find_lids(template, actor.neutral)
        self.camera = intrinsics(actor.focal, width, height)
        self.center = image_center(width, height)

    def build(self, chunk: dict[str, np.ndarray], motion: Motion, rows: slice, times: np.ndarray) -> Frames:
        count = len(times)
        gaze = motion.gaze_directions()[rows]
        rotation, shift = motion.rotation[rows], motion.shift[rows]
        coefficients = motion.coefficients[rows]
        args = (lids_meeting(coefficients, self.own, self.actor.neutral), motion.residual[rows], gaze)
        vertices = build_meshes(self.own, self.actor.neutral, self.waves, self.lids, *args)
        pose = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
        pose[:, :3, :3], pose[:, :3, 3] = rotation, shift
        trust, visible = self._backing(chunk, vertices, rotation, shift)
        return Frames(
            vertices=vertices,
            head_pose=pose,
            intrinsics=np.tile(self.camera, (count, 1, 1)),
            arkit=self._arkit(coefficients, motion.gaze[rows]),
            gaze=np.einsum("fij,fej->fei", rotation, gaze).astype(np.float32),
            confidence=trust,
            visible=visible,
            found=chunk["found"].astype(bool),
            time=np.asarray(times, np.float64),
        )

    def _arkit(self, coefficients: np.ndarray, gaze: np.ndarray) -> np.ndarray:
        """Coefficients to be driven with: unmixed, of full amplitude; eyeLook follows the eyeballs, not the lids."""
        if self.driving is not None:
            coefficients = full_motion(coefficients, self.driving, self.own, self.actor.neutral)
        out = coefficients.astype(np.float32)
        for name, value in look_coefficients(gaze).items():
            out[:, self.template.expression_names.index(name)] = value
        return out

    def _backing(
        self, chunk: dict[str, np.ndarray], vertices: np.ndarray, rotation: np.ndarray, shift: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Confidence (F, V) and visibility (F, V)."""
        trust = np.zeros(vertices.shape[:2], np.float32)
        visible = np.zeros(vertices.shape[:2], bool)
        for row in np.flatnonzero(chunk["found"]):
            camera = vertices[row] @ rotation[row].T.astype(np.float32) + shift[row].astype(np.float32)
            pixels = self.actor.focal * camera[:, :2] / camera[:, 2:] + self.center.astype(np.float32)
            tolerance = 3 * CANONICAL_SIGMA * self.actor.focal / shift[row, 2]
            trust[row] = confidence(frame_of(chunk, row), self.template, pixels, tolerance)
            visible[row] = facing(self.template, camera) & (trust[row] > VISIBLE_FROM)
        return trust, visible
