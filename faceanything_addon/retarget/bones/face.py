"""Where a character's face lies and how the template's points and motion are carried to it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

EYE_DISTANCE = 0.062  # metres between the template's eyeball centres
FEWEST = 4  # anchors below which a warp is not trusted, only a similarity with given axes


@dataclass(frozen=True)
class Face:
    """From head space (metres) to the space of an armature."""

    axes: np.ndarray  # (3, 3) armature-from-head rotation
    scale: float  # armature units per metre of the template
    origin: np.ndarray  # (3,) armature space: where head space has its origin
    residual: Any = None  # smooth (N, 3) metres -> (N, 3) armature units beyond the similarity

    @property
    def size(self) -> float:
        """The distance between the eyes in armature units: the measure of the face."""
        return self.scale * EYE_DISTANCE

    def place(self, points: np.ndarray) -> np.ndarray:
        """Points of the template (..., 3), head space -> where they lie on the character (..., 3)."""
        flat = np.asarray(points, np.float64).reshape(-1, 3)
        out = self.origin + self.scale * flat @ self.axes.T
        if self.residual is not None:
            out = out + self.residual(flat)
        return out.reshape(np.shape(points))


def fit_face(template: np.ndarray, rig: np.ndarray, fallback: np.ndarray) -> Face:
    """Carry anchors of the template exactly onto those of a rig; between them smoothly.

    A similarity (S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 13,
    1991) whose rotation is snapped to the armature's axes, as characters rest upright; what is left is interpolated by
    the biharmonic spline r (M. D. Buhmann, Radial Basis Functions, 2003, ch. 2), so that a lid that closes on the
    template closes here, however large the eye is.

    Args:
        template: (N, 3) anchors in head space, metres.
        rig: (N, 3) the same in armature space.
        fallback: (3, 3) armature-from-head rotation where the anchors cannot tell.
    """
    from scipy.interpolate import RBFInterpolator

    source, target = template - template.mean(axis=0), rig - rig.mean(axis=0)
    axes = _snapped(target.T @ source, fallback) if len(template) >= FEWEST else fallback
    spread = float((source**2).sum())
    scale = float(np.einsum("ni,ij,nj->", target, axes, source)) / spread if spread > 0 else 1.0
    scale = scale if scale > 0 else 1.0
    origin = rig.mean(axis=0) - scale * axes @ template.mean(axis=0)
    if len(template) < FEWEST:
        return Face(axes, scale, origin)
    left = rig - (origin + scale * template @ axes.T)
    distinct = np.unique(np.round(template, 6), axis=0, return_index=True)[1]
    spline = RBFInterpolator(template[distinct], left[distinct], kernel="linear", degree=0, smoothing=1e-9)
    return Face(axes, scale, origin, spline)


def _snapped(covariance: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    """The rotation that maps axes to axes and agrees best with (3, 3) correlated points."""
    from itertools import permutations, product

    best, most = fallback, -np.inf
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            rotation = np.zeros((3, 3))
            rotation[order, range(3)] = signs
            agreement = float((rotation * covariance).sum())
            if np.linalg.det(rotation) > 0 and agreement > most + 1e-12:
                best, most = rotation, agreement
    return best
