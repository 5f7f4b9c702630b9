"""Animated coefficients, gaze and head motion for sequences."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from . import people

VISEMES = (
    {"jawOpen": 0.65, "mouthLowerDown": 0.25},
    {"jawOpen": 0.2, "mouthStretch": 0.35, "mouthSmile": 0.35, "mouthLowerDown": 0.3},
    {"jawOpen": 0.3, "mouthFunnel": 0.75},
    {"jawOpen": 0.12, "mouthPucker": 0.85, "mouthFunnel": 0.2},
    {"mouthPress": 0.5, "mouthRollLower": 0.35, "mouthRollUpper": 0.3},
    {"jawOpen": 0.08, "mouthRollLower": 0.6, "mouthUpperUp": 0.3},
    {"jawOpen": 0.15, "mouthLowerDown": 0.4, "mouthUpperUp": 0.25},
    {"jawOpen": 0.4, "mouthUpperUp": 0.3, "mouthLowerDown": 0.3},
    {},
)
CONVERGENCE = 1.8  # degrees that each eye turns inwards


@dataclass
class Motion:
    """F frames."""

    arkit: np.ndarray  # (F, 52)
    gaze: np.ndarray  # (F, 2, 2) degrees, see people.draw_gaze
    angles: np.ndarray  # (F, 3) yaw, pitch, roll in degrees
    shift: np.ndarray  # (F, 3) metres


def drift(rng: np.random.Generator, frames: int, fps: float, seconds: float, width: int) -> np.ndarray:
    """(F, width) smooth noise of unit size that changes in about `seconds`."""
    sigma = seconds * fps / 2
    pad = int(4 * sigma)
    noise = gaussian_filter1d(rng.normal(size=(frames + 2 * pad, width)), sigma, axis=0)
    return (noise / noise.std(axis=0))[pad : pad + frames]


def speech(rng: np.random.Generator, face_index: dict[str, int], frames: int, fps: float) -> np.ndarray:
    """(F, 52) mouth curves: a viseme every 0.11 to 0.28 s, with pauses."""
    keys, times, t = [], [], -0.2
    while t < frames / fps + 0.5:
        pause = rng.random() < 0.08
        keys.append({} if pause else VISEMES[rng.integers(len(VISEMES))])
        times.append(t)
        t += rng.uniform(0.3, 0.6) if pause else rng.uniform(0.11, 0.28)
    table = np.zeros((len(keys), len(face_index)))
    for row, key in zip(table, keys, strict=True):
        face = people.Face(tuple(face_index))
        for stem, value in key.items():
            face.add(stem, value * rng.uniform(0.6, 1.3), rng, 0.08)
        row[:] = face.value
    now = np.arange(frames) / fps
    out = np.stack([np.interp(now, times, column) for column in table.T], axis=1)
    return gaussian_filter1d(out, 0.03 * fps, axis=0)


def blinks(rng: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """(F,) lid closure: quick down, slower up, full closures."""
    now = np.arange(frames) / fps
    out, t = np.zeros(frames), rng.uniform(0.4, 1.0)
    while t < frames / fps:
        depth = 1.0 if rng.random() < 0.85 else rng.uniform(0.4, 0.8)
        out = np.maximum(out, depth * np.interp(now, [t - 0.09, t, t + 0.05, t + 0.22], [0, 1, 1, 0]))
        t += rng.uniform(0.9, 3.0)
    return out


def saccades(rng: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """(F, 2) yaw and pitch in degrees: steps of 40 ms between fixations."""
    now = np.arange(frames) / fps
    times, values, t = [-1.0], [np.zeros(2)], rng.uniform(0.3, 0.8)
    while t < frames / fps:
        aim = rng.normal(size=2) * (14, 6)
        times += [t, t + 0.04]
        values += [values[-1], np.clip(aim, (-32, -20), (32, 18))]
        t += rng.uniform(0.4, 1.4)
    return np.stack([np.interp(now, times, [v[k] for v in values]) for k in range(2)], axis=1)


def converging(aim: np.ndarray) -> np.ndarray:
    """(F, 2) where both eyes look -> (F, 2, 2) of each, the subject's left first: at something about a metre away."""
    inward = np.array([CONVERGENCE, 0.0])
    return np.stack([aim - inward, aim + inward], axis=1)


def draw_motion(rng: np.random.Generator, names: tuple[str, ...], frames: int, fps: float, yaw: float = 14.0) -> Motion:
    """A performance. `yaw`: size of the head's turning in degrees."""
    index = {n: i for i, n in enumerate(names)}
    arkit = speech(rng, index, frames, fps)
    moods = drift(rng, frames, fps, 1.2, 4)
    for stem, curve in zip(("browInnerUp", "browOuterUp", "browDown", "mouthSmile"), moods.T, strict=True):
        for name in (n for n in names if n.startswith(stem)):
            arkit[:, index[name]] = np.maximum(arkit[:, index[name]], 0.6 * np.clip(curve - 0.3, 0, 1.5))
    aim = saccades(rng, frames, fps)
    angles = drift(rng, frames, fps, 0.9, 3) * (yaw, 6.0, 4.5)
    gaze = converging(aim)
    closed = blinks(rng, frames, fps)
    rows = []
    for k in range(frames):
        face = people.Face(names)
        face.value[:] = arkit[k]
        for side in ("Left", "Right"):
            face.value[index["eyeBlink" + side]] = closed[k]
        people.look(face, gaze[k])
        rows.append(people.constrain(face))
    return Motion(np.array(rows, np.float32), gaze, angles, drift(rng, frames, fps, 1.5, 3) * (0.012, 0.008, 0.01))
