"""Lids and lips that meet: at rest, in a blink, in a pucker."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from . import topology as topo

LID_FOLLOW = {3: 0.15, 4: 0.4, 5: 0.8, 6: 1.0, 7: 1.0, 8: 1.0, 9: 1.0, 10: 1.0}  # share of a ring in shutting the slit
UPPER_SHARE = 0.85  # of the slit that the upper lid closes
SHUT = 0.3  # of the gap between the inner edges, which lie behind the visible ones: those then meet
LIP_FOLLOW = {1: 0.1, 2: 0.25, 3: 0.45, 4: 0.65, 5: 0.85, 10: 0.8, 11: 0.5, 12: 0.25}  # of a ring, in closing; else 1
LIPS_APART = 0.01  # cm: what is left between closed lips
PUCKER = 1.45, 1.1, 1.0  # times the head model's along x, y, z: that narrows the mouth to 0.82, people to 0.6 to 0.8


def shut_lids(blink: np.ndarray, vertices: np.ndarray, keys: list[topo.Key], right: bool) -> None:
    """Change a blink (V, 3) so that the lids' edges meet: the head model's own leaves a slit of 2 mm."""
    number = {k: i for i, k in enumerate(keys)}
    n = topo.ring_length(topo.EYE)
    for below in range(1, n // 2):
        pair = [number[eye_key(topo.EYE.rings, b, right)] for b in (below, n - below)]
        slit = SHUT * ((vertices + blink)[pair[0]] - (vertices + blink)[pair[1]])
        for ring, share in LID_FOLLOW.items():
            low, high = (number[eye_key(ring, b, right)] for b in (below, n - below))
            blink[low] -= share * (1 - UPPER_SHARE) * slit
            blink[high] += share * UPPER_SHARE * slit


def close_lips(vertices: np.ndarray, keys: list[topo.Key]) -> np.ndarray:
    """(V, 3) cm with the lips closed: the head model's own are 2 mm apart at rest, and overlap in other shapes."""
    out, number = vertices.copy(), {k: i for i, k in enumerate(keys)}
    end = topo.ring_length(topo.MOUTH)
    for right in (False, True):
        for below in range(end // 2):
            low, high = (number[mouth_key(topo.CONTACT, b, right)] for b in (below, end - below))
            gap = vertices[high] - vertices[low]
            gap *= max(0.0, 1 - LIPS_APART / max(float(np.linalg.norm(gap)), 1e-9))
            for ring in range(1, topo.BAG.rings):
                share = LIP_FOLLOW.get(ring, 1.0) / 2
                low, high = (number[mouth_key(ring, b, right)] for b in (below, end - below))
                out[low], out[high] = vertices[low] + share * gap, vertices[high] - share * gap
    return out


def shut_pucker(pucker: np.ndarray, vertices: np.ndarray, keys: list[topo.Key]) -> np.ndarray:
    """(V, 3) metres: the head model's pucker, stronger and with lips that meet: its own opens them by 3 mm.

    ARKit's mouthPucker is that of closed lips (Apple, ARFaceAnchor.BlendShapeLocation).
    """
    closed = close_lips(100 * vertices, keys)
    return (close_lips(closed + 100 * np.array(PUCKER) * pucker, keys) - closed) / 100


def shut_jaw(close: np.ndarray, jaw: np.ndarray, vertices: np.ndarray, keys: list[topo.Key]) -> np.ndarray:
    """(V, 3) metres: a mouthClose with which the lips of an open jaw just meet: the head model's overlap by 8 mm."""
    closed = close_lips(100 * vertices, keys)
    return (close_lips(closed + 100 * (jaw + close), keys) - closed) / 100 - jaw


def mouth_key(ring: int, around: int, right: bool) -> topo.Key:
    """Point of a mouth's ring, counted from below."""
    key = topo.ring_key(topo.BAG, ring, around)
    return (*key, "R") if right and not on_midline(key) else key


def eye_key(ring: int, around: int, right: bool) -> topo.Key:
    """Point of an eye's ring, counted from the inner corner along the lower lid."""
    key = topo.ring_key(topo.EYE, ring, (around - 4) % topo.ring_length(topo.EYE))
    return (*key, "R") if right else key


def on_midline(key: topo.Key) -> bool:
    """Whether a key of the left half lies in the plane of symmetry."""
    if key[0] == "grid":
        return key[1] in (0, topo.COLUMNS)
    if key[0] == "mouth":
        return key[2] in (0, topo.ring_length(topo.MOUTH))
    return key[0] in ("crown", "mouth_cap") and key[1] == 0
