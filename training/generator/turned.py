"""The same pictures with twice as many heads turned away: `--generator training.generator.turned`."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from . import render
from .assets import Assets, load_assets

__all__ = ["load_assets", "render_batch"]

TURNS = 0.38, 0.62


def render_batch(seed: int, n: int, assets: Assets, size: int = 192) -> dict[str, np.ndarray]:
    """n pictures, see `render.render_batch`."""
    return render.render_batch(seed, n, assets, size, TURNS)
