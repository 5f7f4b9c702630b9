"""Pictures of the brows for the network that takes a second look; see `closeup_region`."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.model.closeup_region import BROWS

from .assets import Assets
from .closeup import load_assets
from .closeup_region import render_regions

__all__ = ["load_assets", "render_batch"]


def render_batch(seed: int, n: int, assets: Assets, size: int = BROWS.width) -> dict[str, np.ndarray]:
    """n pictures, see `render_regions`."""
    return render_regions(BROWS, seed, n, assets)
