"""Lips without ripples: rings of points 2 mm apart catch a finer crease of the head model here and miss it there."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import topology as topo
from .shut import mouth_key

RINGS = range(topo.VERMILION - 1, topo.CONTACT + 3)  # from just outside the red of the lips to their insides
SHARES = 0.5, -0.53  # of the way to the middle between both neighbours, and back: widths and fullness stay
PASSES = 2
STRAIGHT = -0.6  # cosine between the ways to both neighbours: corners of the mouth stay as they are


def evening(vertices: np.ndarray, keys: Sequence[topo.Key]) -> Any:
    """(V, V) sparse: evens any field on the mesh along the rings of the lips, and leaves the rest of the head alone.

    G. Taubin, A signal processing approach to fair surface design (SIGGRAPH 1995), along lines instead of a surface.
    What changes over 9 mm and more, as a Cupid's bow, keeps three fifths of its height or more, what changes from
    point to point nothing.

    Args:
        vertices: (V, 3) any unit, lips shut: places that touch are moved alike.
        keys: of the first vertices.
    """
    from scipy.sparse import identity

    toward = _toward_neighbours(vertices, lip_rings(keys))
    inward, back = (identity(len(vertices), format="csr") + share * toward for share in SHARES)
    out = identity(len(vertices), format="csr")
    for _ in range(PASSES):
        out = back @ inward @ out
    return out


def lip_rings(keys: Sequence[topo.Key]) -> list[np.ndarray]:
    """Vertices of each ring, all the way round from below."""
    number = {k: i for i, k in enumerate(keys)}
    end = topo.ring_length(topo.MOUTH)
    left, right = range(end + 1), range(end - 1, 0, -1)
    return [
        np.array([number[mouth_key(r, b, False)] for b in left] + [number[mouth_key(r, b, True)] for b in right])
        for r in RINGS
    ]


def _toward_neighbours(vertices: np.ndarray, rings: Sequence[np.ndarray]) -> Any:
    """(V, V) sparse: from each point of a ring to the place between its neighbours that is as far along as it is."""
    from scipy.sparse import coo_matrix

    here = np.concatenate(rings)
    before, after = (np.concatenate([np.roll(ring, step) for ring in rings]) for step in (1, -1))
    ways = vertices[before] - vertices[here], vertices[after] - vertices[here]
    first, second = (np.linalg.norm(way, axis=1) for way in ways)
    straight = ((ways[0] * ways[1]).sum(axis=1) < STRAIGHT * first * second).astype(float)
    share = straight * second / (first + second)
    values = np.concatenate([share, straight - share, -straight])
    places = np.tile(here, 3), np.concatenate([before, after, here])
    return coo_matrix((values, places), shape=(len(vertices),) * 2).tocsr()
