"""Pictures of the mouth for the network that takes a second look; see `closeup_region`."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.model.closeup_region import MOUTH
from faceanything_addon.model.maps import Inside
from faceanything_addon.reconstruct.per_template import per_template
from faceanything_addon.template import Template
from faceanything_addon.template.teeth import Teeth

from .assets import Assets
from .closeup import Shot, load_assets
from .closeup_region import render_regions
from .mouth import in_mouth
from .raster import empty_buffers, rasterize

__all__ = ["load_assets", "render_batch"]


@per_template
def inside_of(template: Template) -> np.ndarray:
    """(V,) u1: the `Inside` of each vertex."""
    teeth = Teeth.of(template)
    kind = np.where(in_mouth(template), Inside.BEHIND, Inside.OTHER).astype(np.uint8)
    kind[teeth.upper.vertices], kind[teeth.lower.vertices] = Inside.UPPER_TEETH, Inside.LOWER_TEETH
    return kind


def inside_map(assets: Assets, shot: Shot) -> dict[str, np.ndarray]:
    """inside (S, S) u1: what shows between the lips, at the centres of the picture's pixels."""
    flat, view = shot.flat, shot.view
    zbuf, ids, bary = empty_buffers(view.size, view.size)
    xy, z = view.project(flat.position, view.size), flat.position[:, 2].copy()
    rasterize(xy, z, flat.tris, flat.truth_card, flat.uv, flat.cull, assets.textures, False, zbuf, ids, bary)
    seen = (ids >= 0) & (ids < len(assets.tris))
    inside = np.zeros(ids.shape, np.uint8)
    inside[seen] = inside_of(assets.template)[assets.tris[ids[seen], 0]]
    return {"inside": inside}


def render_batch(seed: int, n: int, assets: Assets, size: int = MOUTH.width) -> dict[str, np.ndarray]:
    """n pictures, see `render_regions`; inside (n, S, S) u1 of `inside_map`."""
    return render_regions(MOUTH, seed, n, assets, inside_map)
