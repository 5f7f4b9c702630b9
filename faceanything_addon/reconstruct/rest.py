"""How an actor's lids lie at rest: part of the neutral face, not of the performance.

The mean face opens its eyes wider than most people do. What the lids of one person never give up is that person's own
look; left in the coefficients, it would put every character that they drive half to sleep.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ..template import Template

STEMS = ("eyeBlink", "eyeSquint")
AWAKE = 25  # percentile over the frames: eyes are this open, or more, in most of any performance
MARGIN = 0.03  # below that level: some noise must not push a resting lid through it
SHUT, FEWEST = 0.8, 5  # a blink from here on tells nothing of rest; nor do fewer frames than these with eyes open
MOST, MOST_OF_FEW, MANY = 0.75, 0.4, 20  # what can be rest; with fewer frames than the last, eyes may just be shut


def lids_at_rest(expressions: np.ndarray, template: Template) -> np.ndarray:
    """(F, 52) coefficients of an actor's frames -> (52,) f4, the share of each that is there at rest."""
    rest = np.zeros(expressions.shape[1], np.float32)
    names = template.expression_names
    for side in ("Left", "Right"):
        awake = expressions[expressions[:, names.index(f"eyeBlink{side}")] < SHUT]
        known = len(awake) >= FEWEST
        most = MOST if known and len(expressions) >= MANY else MOST_OF_FEW
        columns = [names.index(stem + side) for stem in STEMS]
        level = np.percentile((awake if known else expressions)[:, columns], AWAKE, axis=0)
        rest[columns] = np.clip(level - MARGIN, 0, most)
    return rest


def beyond_rest(coefficients: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(..., 52) coefficients of the mean face's shapes -> those of the actor's own, see `shape.own_shapes`."""
    return np.clip((coefficients - rest) / (1 - rest), 0, 1) if rest.any() else coefficients
