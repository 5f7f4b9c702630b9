"""The actor's left for the character's right."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..take.performance import Performance
from .mapping import other_side

FLIP = np.diag([-1.0, 1.0, 1.0])


def mirrored(performance: Performance) -> Performance:
    """The performance as seen in a mirror: coefficients, head and gaze."""
    return replace(
        performance,
        names=tuple(other_side(name) for name in performance.names),
        head=None if performance.head is None else FLIP @ performance.head @ FLIP,
        gaze=None if performance.gaze is None else performance.gaze[:, ::-1] @ FLIP,
    )
