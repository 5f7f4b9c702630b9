"""What an actor does: speech, blinks, glances, smiles, brows up and down, with rests between."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from . import people
from .motion import Motion, blinks, converging, drift, saccades, speech

REST = 0.35  # seconds of a neutral face at the start
BROWS: tuple[dict[str, float], ...] = (
    {"browInnerUp": 0.8, "browOuterUp": 0.8},
    {"browDown": 0.85},
    {"browInnerUp": 0.75},
)
MOUTHS: tuple[dict[str, float], ...] = (
    {"mouthSmile": 0.85, "cheekSquint": 0.5},
    {"mouthFrown": 0.6},
    {"mouthSmile": 0.6},
)
HOLD, PAUSE = (0.35, 0.7), (0.25, 0.6)  # seconds that an expression and the rest after it last
RAMP = 0.22  # seconds into an expression and out of it


def acted_motion(rng: np.random.Generator, names: tuple[str, ...], frames: int, fps: float, yaw: float) -> Motion:
    """A performance whose every movement comes from rest and goes back to it. `yaw`: the head's turning, degrees."""
    index = {name: k for k, name in enumerate(names)}
    now = np.arange(frames) / fps
    arkit = speech(rng, index, frames, fps)
    for table in (BROWS, MOUTHS):
        arkit = np.maximum(arkit, episodes(rng, table, index, now))
    arkit *= np.clip((now - REST) / 0.2, 0, 1)[:, None]
    aim = saccades(rng, frames, fps)
    gaze = converging(aim)
    closed = blinks(rng, frames, fps)
    rows = [_frame(names, index, row, shut, look) for row, shut, look in zip(arkit, closed, gaze, strict=True)]
    angles = drift(rng, frames, fps, 0.9, 3) * (yaw, 6.0, 4.5)
    return Motion(np.array(rows, np.float32), gaze, angles, drift(rng, frames, fps, 1.5, 3) * (0.012, 0.008, 0.01))


def episodes(
    rng: np.random.Generator, table: tuple[dict[str, float], ...], index: dict[str, int], now: np.ndarray
) -> np.ndarray:
    """(F, 52) one expression of the table after another, each from rest to rest."""
    out, begin = np.zeros((len(now), len(index))), REST + rng.uniform(0, 0.5)
    order = rng.permutation(len(table))
    for number in range(100):
        if begin > now[-1]:
            break
        face, hold = people.Face(tuple(index)), rng.uniform(*HOLD)
        for stem, value in table[order[number % len(table)]].items():
            face.add(stem, value * rng.uniform(0.8, 1.15), rng, 0.08)
        times = begin + np.array([0, RAMP, RAMP + hold, 2 * RAMP + hold])
        shape = np.interp(now, times, [0, 1, 1, 0])
        out = np.maximum(out, (shape * shape * (3 - 2 * shape))[:, None] * face.value)
        begin = times[-1] + rng.uniform(*PAUSE)
    return out


def _frame(names: tuple[str, ...], index: dict[str, int], row: np.ndarray, shut: float, look: np.ndarray) -> np.ndarray:
    face = people.Face(names)
    face.value[:] = row
    for side in ("Left", "Right"):
        face.value[index["eyeBlink" + side]] = shut
    people.look(face, look)
    return people.constrain(face)
