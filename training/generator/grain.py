"""Noise that the shader looks up, and lines in the skin."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from .kernel import inner

NOISE_SIZE = 256
GROOVE = 0.16  # width of a line, of the distance between lines
WANDER, WANDERING = 0.1, 700.0  # how far lines stray, of the distance between them; cells per metre of the noise


def make_noise(seed: int = 3) -> np.ndarray:
    """(2, 256, 256) f4 tileable noise, mean 0: fine grain and soft blotches, unit variance."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.fft2(rng.normal(size=(NOISE_SIZE, NOISE_SIZE)))
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(NOISE_SIZE), np.fft.fftfreq(NOISE_SIZE)))
    out = [np.fft.ifft2(spectrum * np.exp(-((f / s) ** 2))).real for s in (0.25, 0.04)]
    return np.stack([o / o.std() for o in out]).astype(np.float32)


@inner
def noise_at(noise, k, x, y, z):
    """Bilinear-free lookup of noise layer k at a 3-D position in cells."""
    i = int(np.floor(x + 0.61 * z)) & 255
    j = int(np.floor(y + 0.37 * z)) & 255
    return noise[k, j, i]


@inner
def groove(noise, phase, x, y, z):
    """Height and slope across of lines one apart at a phase and a place in metres: grooves 1 deep, steepest by 1."""
    phase += WANDER * noise_at(noise, 1, x * WANDERING, y * WANDERING, z * WANDERING)
    off = (phase - np.floor(phase + 0.5)) / GROOVE
    depth = np.exp(-off * off)
    return depth, 2.33 * off * depth
