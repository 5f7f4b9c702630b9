"""Pictures of one part of a face with their truth, for the networks that take a second look."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable

import numpy as np

from faceanything_addon.model.closeup_region import Region

from .assets import Assets
from .closeup import Shot, shoot
from .render import Actor, draw_actors

JITTER = 0.003  # metres by which the square is off

MoreTruth = Callable[[Assets, Shot], dict[str, np.ndarray]]


def no_more(assets: Assets, shot: Shot) -> dict[str, np.ndarray]:
    """Points and coefficients are all that is asked."""
    return {}


def render_region(
    region: Region, rng: np.random.Generator, assets: Assets, actor: Actor, seed: int, more: MoreTruth = no_more
) -> dict[str, np.ndarray]:
    """One picture."""
    t = assets.template
    points = t.points[region.rows(t)]
    shot = shoot(rng, assets, actor, seed, points, region.width, region.side, JITTER)
    return {
        "image": shot.image[region.margin : region.margin + region.height],
        "points": shot.view.project(shot.view.camera(actor.vertices[points])) - (0, region.margin),
        "arkit": np.clip(actor.arkit[region.coefficients(t.expression_names)], 0, 1).astype(np.float32),
        **more(assets, shot),
    }


def render_regions(
    region: Region, seed: int, n: int, assets: Assets, more: MoreTruth = no_more
) -> dict[str, np.ndarray]:
    """n pictures, always the same for a seed.

    Returns:
        image (n, height, width, 3) u1 RGB; points (n, M, 2) f4 its pixels; arkit (n, K) 0..1; what `more` tells.
    """
    rng = np.random.default_rng(seed)
    rows = [render_region(region, rng, assets, actor, seed, more) for actor in draw_actors(rng, assets, n)]
    arrays = {k: np.stack([r[k] for r in rows]) for k in rows[0]}
    return arrays | {"points": arrays["points"].astype(np.float32)}
