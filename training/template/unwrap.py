"""UV chart: the skin cut at the back and flattened, the other parts on charts of their own."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template.template import Part

from . import topology as topo

# part -> (left, bottom, size) in the unit square; the skin takes the rest
CHARTS = {
    Part.EYE_LEFT: (0.86, 0.86, 0.13),
    Part.EYE_RIGHT: (0.86, 0.72, 0.13),
    Part.TEETH: (0.01, 0.86, 0.13),
    Part.TONGUE: (0.01, 0.72, 0.13),
    Part.MOUTH: (0.01, 0.58, 0.13),
}


def unwrap_skin(
    mean: np.ndarray, quads: np.ndarray, part: np.ndarray, keys: list[topo.Key], charts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """UVs (U, 2) and quads into them (Q, 4).

    The skin is unrolled round the head: angle about a vertical axis against arc length, so that the face keeps its
    proportions; the seam runs down the back. Corners on the seam get a second UV.
    """
    uvs = np.zeros((len(mean), 2))
    skin = part == Part.SKIN
    uvs[skin] = unroll(mean[skin])
    inside = part == Part.MOUTH
    uvs[inside] = 0.5 + mean[inside][:, [0, 1]] * [6, 6] + [0, 0.2]
    for label, (left, bottom, size) in CHARTS.items():
        mine = part == label
        local = charts[mine] if label != Part.MOUTH else (uvs[mine] - uvs[mine].min(0)) / np.ptp(uvs[mine], axis=0)
        uvs[mine] = [left, bottom] + local * size
    return cut_seam(uvs, quads, mean, part)


def unroll(points: np.ndarray) -> np.ndarray:
    """(N, 3) metres -> (N, 2): azimuth and latitude about the head's middle, area kept near the face."""
    d = points - np.array([0, -0.01, -0.02])
    azimuth = np.arctan2(d[:, 0], d[:, 2])
    latitude = np.arctan2(d[:, 1], np.hypot(d[:, 0], d[:, 2]))
    return np.stack([0.5 + azimuth / (2 * np.pi) * 0.96, 0.5 + latitude / np.pi * 0.62], 1)


def cut_seam(uvs: np.ndarray, quads: np.ndarray, mean: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give quads on the right of the back seam UVs of their own, so that none spans the chart."""
    uv_quads = quads.copy()
    extra: dict[int, int] = {}
    added: list[np.ndarray] = []
    middle = np.abs(mean[:, 0]) < 1e-6
    for i, quad in enumerate(quads):
        behind = (mean[quad, 2] < -0.02).all() and (part[quad] == Part.SKIN).all()
        if not behind or mean[quad, 0].mean() >= 0:
            continue
        for j, vertex in enumerate(quad):
            if middle[vertex]:
                if vertex not in extra:
                    extra[int(vertex)] = len(uvs) + len(added)
                    added.append(uvs[vertex] * [-1, 1] + [1, 0])
                uv_quads[i, j] = extra[int(vertex)]
    return np.concatenate([uvs, *[np.array(added)] * bool(added)]), uv_quads


__all__ = ["unwrap_skin"]
