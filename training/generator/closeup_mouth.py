"""Pictures of one mouth with their truth, for the network that takes a second look."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.model.closeup_mouth import SIDE, SIZE, mouth_coefficients, mouth_rows

from .assets import Assets
from .closeup import load_assets, shoot
from .render import Actor, draw_actors

__all__ = ["load_assets", "render_batch"]

JITTER = 0.003  # metres by which the square is off


def render_mouth(rng: np.random.Generator, assets: Assets, actor: Actor, seed: int) -> dict[str, np.ndarray]:
    """One picture."""
    t = assets.template
    points = t.points[mouth_rows(t)]
    image, view = shoot(rng, assets, actor, seed, points, SIZE, SIDE, JITTER)
    return {
        "image": image,
        "points": view.project(view.camera(actor.vertices[points])),
        "arkit": np.clip(actor.arkit[mouth_coefficients(t.expression_names)], 0, 1).astype(np.float32),
    }


def render_batch(seed: int, n: int, assets: Assets, size: int = SIZE) -> dict[str, np.ndarray]:
    """n pictures, always the same for a seed.

    Returns:
        image (n, SIZE, SIZE, 3) u1 RGB; points (n, M, 2) f4 its pixels; arkit (n, K) 0..1.
    """
    rng = np.random.default_rng(seed)
    rows = [render_mouth(rng, assets, actor, seed) for actor in draw_actors(rng, assets, n)]
    return {k: np.stack([r[k] for r in rows]) for k in rows[0]}
