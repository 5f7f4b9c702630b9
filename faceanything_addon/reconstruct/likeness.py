"""Faces as unlike the average as they are, where a network is known to show them more alike.

A network that is not sure tells what is likely, and a fit that weighs what it is told against what faces are like does
so once more: people come out nearer to the average than they are, each feature by a share of its own. What remains of
features that were fitted tells what they are, by a linear rule that is learned from people whose faces are known.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from ..take.take import Actor
from ..template import Template
from ..template.packaged import DATA, packaged_array
from .neutral import at_rest

FILE = DATA / "likeness.npy"
MOST = 3.5  # standard deviations


@cache
def embedded_likeness(modes: int) -> np.ndarray:
    """(K, K) identities as they are, from those fitted to what the embedded network shows: `fitted @ matrix`."""
    return packaged_array(FILE, (modes, modes))


def as_unlike(actor: Actor, template: Template, likeness: np.ndarray) -> Actor:
    """The actor with the identity that stands behind the fitted one, and the neutral face that goes with it."""
    identity = np.clip(actor.identity.astype(np.float64) @ likeness, -MOST, MOST)
    change = np.tensordot(identity - actor.identity, template.identity, axes=1)
    neutral = at_rest(actor.neutral + change, template)
    return replace(actor, identity=identity.astype(np.float32), neutral=neutral)
