"""How many threads libraries may use."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os


def calm_linear_algebra() -> None:
    """Have NumPy's and SciPy's OpenBLAS use one thread, unless the user said otherwise.

    Our matrices are small: more threads gain nothing, and those that wait by spinning take the cores from the networks.
    OpenBLAS reads it when it is loaded, so call this before NumPy is imported.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
