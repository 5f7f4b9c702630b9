"""Random synthetic pictures of faces with exact truth."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .assets import TEST_SEED, Assets, load_assets
from .render import render_batch

__all__ = ["TEST_SEED", "Assets", "load_assets", "render_batch"]
