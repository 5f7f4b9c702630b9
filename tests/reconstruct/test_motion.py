"""Noise of coefficients from frame to frame, and what smoothing leaves of it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceanything_addon.reconstruct.motion import NOISIER, Motion, coefficient_noise, quiet_noise, smooth_motion
from faceanything_addon.solve.smooth import noise_level
from faceanything_addon.template.names import arkit_names

FRAMES, NOISE, DEVIATION = 120, 0.002, 0.05
TREMBLING = 5


def at_rest(trembling: float) -> Motion:
    """Noise of one coefficient as large as given, of the others as NOISE."""
    chance = np.random.default_rng(4)
    sigma = np.full(52, NOISE)
    sigma[TREMBLING] = trembling
    empty = Motion.empty(FRAMES, 52)
    return replace(
        empty,
        coefficients=0.3 + sigma * chance.normal(size=(FRAMES, 52)),
        precision=np.ones((FRAMES, 52)),
        deviation=np.full((FRAMES, 52), DEVIATION),
        weight=np.ones(FRAMES),
    )


def speech(spoken: int = 40) -> np.ndarray:
    """(F,) opens and shuts, as many of 40 frames."""
    frames = np.arange(FRAMES)
    return 0.2 * np.sin(frames * 0.9) ** 2 * (frames % 40 < spoken)


def test_noise_of_a_curve_is_told_from_where_it_rests() -> None:
    noise = NOISE * np.random.default_rng(1).normal(size=(FRAMES, 1))
    assert quiet_noise(noise)[0] == pytest.approx(NOISE, rel=0.3)
    talking = noise + speech(20)[:, None]
    assert NOISE / 2 < quiet_noise(talking)[0] < 2 * NOISE < noise_level(talking[:, 0])
    assert quiet_noise(noise[:6])[0] == 0


def test_a_coefficient_noisier_than_the_others_is_smoothed_all_the_same() -> None:
    smoothed = smooth_motion(at_rest(2.5 * NOISE), np.arange(FRAMES) / 30).coefficients
    bends = np.abs(np.diff(smoothed, 2, axis=0)).mean(axis=0)
    assert bends[TREMBLING] < 0.1 * 2.5 * NOISE and bends[TREMBLING] < 4 * np.median(bends)


def test_what_is_much_noisier_than_the_others_is_motion() -> None:
    noise = coefficient_noise(at_rest(20 * NOISE))
    assert noise[TREMBLING] == pytest.approx(NOISIER * np.median(noise), rel=0.5)


def test_speech_keeps_its_size() -> None:
    motion = at_rest(NOISE)
    motion.coefficients[:, TREMBLING] += speech()
    smoothed = smooth_motion(motion, np.arange(FRAMES) / 30).coefficients[:, TREMBLING] - 0.3
    assert np.polyfit(speech(), smoothed, 1)[0] == pytest.approx(1, abs=0.05)


def test_a_tongue_that_is_out_stays_out_where_the_face_is_hidden() -> None:
    """Nothing but the network's guess tells of it: its certainty is 0, in frames with a face too."""
    tongue, motion = arkit_names().index("tongueOut"), at_rest(NOISE)
    motion.coefficients[:, tongue], motion.precision[:, tongue] = 0.8, 0
    for array in (motion.coefficients, motion.precision, motion.weight):
        array[50:60] = 0
    smoothed = smooth_motion(motion, np.arange(FRAMES) / 30).coefficients[:, tongue]
    assert smoothed == pytest.approx(0.8, abs=0.01)
