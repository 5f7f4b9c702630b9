"""The template's mean face in expressions."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template import load_template


def expression(**coefficients: float) -> np.ndarray:
    """(V, 3) f4 metres."""
    t = load_template()
    weights = [coefficients.get(name, 0.0) for name in t.expression_names]
    return (t.vertices + np.tensordot(weights, t.expressions, axes=1)).astype(np.float32)
