"""How the functions of the shader are compiled."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from numba import njit

# They make no arrays, so that none need be counted: the counting takes as long as the shading.
kernel = njit(cache=True, fastmath=True, _nrt=False)
# Written out where they are called: handing over all arrays of a surface takes a sixth of the time.
inner = njit(cache=True, fastmath=True, _nrt=False, inline="always")
