"""Random-looking numbers that anyone can make again from a name: the parameters of the parity fixtures."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np

# Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (splitmix64).
STEP = 0x9E3779B97F4A7C15
MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
LAST_SHIFT = 31


def generated(name: str, shape: Sequence[int], seed: int) -> np.ndarray:
    """Float64 numbers of mean 0 and variance 1, evenly spread, in C order."""
    base = (zlib.crc32(name.encode()) ^ (seed << 32)) % 2**64
    z = np.arange(1, math.prod(shape) + 1, dtype=np.uint64)
    z *= np.uint64(STEP)
    z += np.uint64(base)
    for shift, factor in MIX:
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(LAST_SHIFT)
    unit = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return ((2 * unit - 1) * math.sqrt(3)).reshape(shape)
