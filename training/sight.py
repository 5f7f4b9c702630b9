"""Truth in the terms of what a crop can show.

Depth along the line of sight to the head, gaze in the axes of a camera turned to the eye. Where in the frame a crop lay
is known to whoever reads the network's answers.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.model.sight import along_sight, rays
from faceanything_addon.solve.gaze import camera_toward

Rows = dict[str, np.ndarray]


def as_seen(rows: Rows, eye_centers: np.ndarray) -> Rows:
    """Rendered pictures with depth and gaze along the line of sight instead of the optical axis.

    Args:
        rows: as `generator.render_batch` gives them. What a lens bends is looked at as if it did not: that moves
            depth by 0.3 mm at most in all but one of a hundred pictures.
        eye_centers: (2, 3) metres in head space, the subject's left one first.

    Returns:
        The same with depth (n, h, w) f2: metres along the ray from the camera to the head's origin, minus the origin's
        own; gaze (n, 2, 3): in the axes of cameras turned, without roll, to each eye. Rows without a face stay.
    """
    depth, gaze = rows["depth"].copy(), rows["gaze"].copy()
    for i in np.flatnonzero(rows["face"]):
        pose, seen = rows["pose"][i].astype(np.float64), rows["part"][i] > 0
        ray = map_rays(seen.shape, float(rows["focal"][i]), rows["principal"][i])
        depth[i] = np.where(seen, along_sight(depth[i].astype(np.float64), ray, pose[:3, 3]), 0)
        places = eye_centers @ pose[:3, :3].T + pose[:3, 3]
        gaze[i] = [camera_toward(place).T @ g for place, g in zip(places, gaze[i], strict=True)]
    return rows | {"depth": depth, "gaze": gaze}


def map_rays(shape: tuple[int, ...], focal: float, principal: np.ndarray) -> np.ndarray:
    """(h, w, 3) directions of a map's pixels, of half the picture's size."""
    y, x = np.mgrid[: shape[0], : shape[1]] * 2 + 0.5
    camera = np.array([[focal, 0, principal[0]], [0, focal, principal[1]], [0, 0, 1]])
    return rays(np.stack([x, y], axis=-1), camera)
