"""A short performance that needs no take."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.exchange.livelink import head_turns
from faceanything_addon.solve.gaze import direction
from faceanything_addon.take.performance import Performance
from faceanything_addon.template.names import arkit_names


def make_performance(count: int = 30, rate: float = 30.0, start: float = 0.0) -> Performance:
    """Every coefficient moves differently; the head nods, turns and leans; the eyes look about."""
    time = start + np.arange(count) / rate
    phase = 2 * np.pi * (time[:, None] * np.linspace(0.3, 2, 52) + np.linspace(0, 1, 52))
    head = np.stack([0.4 * np.sin(2 * time), 0.2 * np.cos(3 * time), 0.1 * np.sin(time)], axis=1)
    looks = np.stack([[0.3 * np.sin(3 * time), 0.2 * np.cos(time)], [0.25 * np.sin(3 * time), 0.2 * np.cos(time)]])
    coefficients = (0.5 + 0.5 * np.sin(phase)).astype(np.float32)
    return Performance(time, arkit_names(), coefficients, rate, head_turns(head), direction(looks.transpose(2, 0, 1)))


def one_shape(name: str, value: float = 1.0, count: int = 3) -> Performance:
    """Only one coefficient is up, all the time."""
    names = arkit_names()
    coefficients = np.zeros((count, len(names)), np.float32)
    coefficients[:, names.index(name)] = value
    return Performance(np.arange(count) / 30, names, coefficients, 30.0)
