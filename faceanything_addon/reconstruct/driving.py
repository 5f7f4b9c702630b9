"""From the coefficients of a mesh to those that drive a character, where it is known how a network shows motions.

The embedded network shows motions smaller than they are, and gives a part of one motion to others that look much
like it. A mesh is hardly the worse for it, but a character's shapes are its own: a sneer that was a smile is seen.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from ..template import Template
from ..template.packaged import DATA, packaged_array, packaged_json
from .closure import BLINK_FROM, BLINK_FULL, LIDS, lip_gap, opening_rate, smooth_step

CROSSTALK = DATA / "crosstalk.npy"
AMPLITUDE = DATA / "amplitude.json"
KNEE = 0.3  # from here on a motion is amplified in full; what is smaller is more often none at all
MOST = 2.0  # times what is seen of a movement, before it is amplified: none is made of nothing
HELD_AIR = 0.003, 0.006  # metres between the lips: from there on cheeks lose the air that puffs them, and have lost it


@dataclass(frozen=True)
class Driving:
    """How a network is known to show motions."""

    crosstalk: np.ndarray  # (52, 52) what is to be added to each coefficient (column) for each that is seen (row)
    amplitude: np.ndarray  # (52,) exponent of what a motion lacks to its full size


@cache
def embedded_driving(names: tuple[str, ...]) -> Driving:
    """How the embedded network shows motions: data/crosstalk.npy, data/amplitude.json."""
    table = packaged_json(AMPLITUDE)
    amplitude = np.array([table.get(stem_of(name), 1.0) for name in names])
    return Driving(packaged_array(CROSSTALK, (len(names), len(names))), amplitude)


def stem_of(name: str) -> str:
    """The same word for both sides of a movement, and for a movement to either side."""
    both = name.removesuffix("Left").removesuffix("Right")
    return f"{both}Sideways" if both in ("jaw", "mouth") else both


def unmixed(coefficients: np.ndarray, crosstalk: np.ndarray) -> np.ndarray:
    """(..., 52): each without what others give to it, with what they take from it."""
    return np.clip(coefficients + coefficients @ crosstalk, 0, np.minimum(MOST * coefficients, 1))


def amplified(coefficients: np.ndarray, amplitude: np.ndarray) -> np.ndarray:
    """(..., 52): those of some size grow by their amplitude, the smaller the less; 0 and 1 stay."""
    coefficients = np.clip(coefficients, 0, 1)
    grown = 1 - (1 - coefficients) ** amplitude
    return coefficients + smooth_step(coefficients, 0, KNEE) * (grown - coefficients)


def full_motion(coefficients: np.ndarray, driving: Driving, template: Template, neutral: np.ndarray) -> np.ndarray:
    """(F, 52) of the fitted mesh -> those to drive a character with, lips and lids as far apart.

    Cheeks wider than the template's shapes have them are fitted as puffed ones, in open smiles too: those keep their
    width in the mesh, but puff no character's cheeks.
    """
    out = amplified(unmixed(coefficients, driving.crosstalk), driving.amplitude)
    gap, rate = lip_gap(coefficients, template, neutral)
    out[:, template.expression_names.index("cheekPuff")] *= 1 - smooth_step(gap, *HELD_AIR)
    jaw = template.expression_names.index("jawOpen")
    if rate[jaw] > 1e-4:
        out[:, jaw] = np.clip(out[:, jaw] - (out @ rate - gap) / rate[jaw], 0, 1)
        out = _hold_back(_hold_back(out, coefficients, rate), coefficients, -rate)
    return _lids_as_seen(out, coefficients, template)


def _lids_as_seen(out: np.ndarray, coefficients: np.ndarray, template: Template) -> np.ndarray:
    """What a larger squint takes of an eye's opening, the blink gives back; a shut eye stays shut. (F, 52)."""
    out = out.copy()
    for side, pairs in LIDS.items():
        rate, blink = opening_rate(template, pairs), template.expression_names.index(f"eyeBlink{side}")
        if abs(rate[blink]) < 1e-4:
            continue
        open_ = 1 - smooth_step(coefficients[:, blink], BLINK_FROM, BLINK_FULL)
        more = ((out - coefficients) @ rate) / rate[blink]
        out[:, blink] = np.clip(out[:, blink] - open_ * more, 0, 1)
    return out


def _hold_back(out: np.ndarray, coefficients: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """Where the jaw, shut or open as far as it goes, cannot make up for them, changes are as small as keeps the gap.

    Args:
        rate: (52,) how far each parts the lips; its negative for what closes them.

    Returns:
        (F, 52).
    """
    change = out - coefficients
    parts = change * rate
    total, parting = parts.sum(axis=1), np.maximum(parts, 0).sum(axis=1)
    share = np.where(total > 0, 1 - total / np.maximum(parting, 1e-12), 1.0)
    return coefficients + np.where(parts > 0, share[:, None], 1.0) * change
