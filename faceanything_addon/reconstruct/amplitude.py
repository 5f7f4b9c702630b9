"""Coefficients as large as the motion was, where the network is known to see a motion smaller than it is."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from functools import cache

import numpy as np

from ..template import Template
from ..template.names import DATA
from .closure import lip_gap


@cache
def embedded_amplitude(names: tuple[str, ...]) -> np.ndarray:
    """(52,) how many times larger small motions are than the embedded network shows them: data/amplitude.json."""
    table = json.loads((DATA / "amplitude.json").read_text("utf-8"))
    return np.array([table.get(stem_of(name), 1.0) for name in names])


def stem_of(name: str) -> str:
    """The same word for both sides of a movement; a direction is a movement of its own."""
    both = name.removesuffix("Left").removesuffix("Right")
    return name if both in ("jaw", "mouth") else both


def amplified(coefficients: np.ndarray, amplitude: np.ndarray) -> np.ndarray:
    """(..., 52): small ones grow by their amplitude, 0 and 1 stay."""
    return 1 - (1 - np.clip(coefficients, 0, 1)) ** amplitude


def full_motion(coefficients: np.ndarray, amplitude: np.ndarray, template: Template, neutral: np.ndarray) -> np.ndarray:
    """(F, 52) of the fitted mesh -> those to drive a character with. The jaw keeps the lips' gap."""
    out = amplified(coefficients, amplitude)
    before, rate = lip_gap(coefficients, template, neutral)
    jaw = template.expression_names.index("jawOpen")
    if rate[jaw] > 1e-4:
        out[:, jaw] = np.clip(out[:, jaw] - (out @ rate - before) / rate[jaw], 0, 1)
    return out
