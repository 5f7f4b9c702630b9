"""Cameras from the network's ray map.

A ray map says for every cell where its ray points in the world. For a pinhole camera the direction is a homography of
the place in the picture, A = R K^-1: found by RANSAC and a weighted fit, then taken apart into rotation and intrinsics.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .camera import Cameras, invert

SAMPLE, HYPOTHESES = 8, 100
CANDIDATE_SHARE = 0.3  # hypotheses are drawn from the most confident rays
INLIER_DISTANCE = 0.2  # in the plane z = 1
SMALLEST_Z = 1e-4  # a ray flatter than this has no place in that plane


@dataclass(frozen=True)
class PoseOptions:
    """How cameras are found."""

    # False repeats the released tool's decomposition, which is right only for a centred principal point.
    off_centre: bool = True
    seed: int = 0
    # (hypotheses, 8) ranks in the order of falling confidence, in place of random ones.
    samples: np.ndarray | None = None


DEFAULT_OPTIONS = PoseOptions()


def cameras_from_rays(
    rays: np.ndarray, confidence: np.ndarray, height: int, width: int, options: PoseOptions = DEFAULT_OPTIONS
) -> Cameras:
    """The cameras of N views.

    Repeats exactly: the draw is seeded, and the same sets serve all views.

    Args:
        rays: (N, gh, gw, 6) direction and origin in the world.
        confidence: (N, gh, gw) not negative.
        height, width: pixels of the picture that the intrinsics are for.
    """
    plane = cell_plane(*rays.shape[1:3])
    views = zip(rays, confidence, strict=True)
    solved = [_solve_view(view.reshape(-1, 6), c.ravel(), plane, options) for view, c in views]
    camera_to_world = np.stack([pose for pose, _ in solved])
    to_pixels = np.array([[width / 2, 0, width / 2], [0, height / 2, height / 2], [0, 0, 1]])
    k = np.stack([to_pixels @ k for _, k in solved])
    return Cameras(invert(camera_to_world).astype(np.float32), k.astype(np.float32))


def cell_plane(rows: int, columns: int) -> np.ndarray:
    """(rows * columns, 3) cell centres with the picture spread over -1..1, and a 1."""
    y, x = np.mgrid[:rows, :columns]
    place = (2 * x + 1) / columns - 1, (2 * y + 1) / rows - 1, np.ones((rows, columns))
    return np.stack(place, axis=-1).reshape(-1, 3)


def _solve_view(
    rays: np.ndarray, confidence: np.ndarray, plane: np.ndarray, options: PoseOptions
) -> tuple[np.ndarray, np.ndarray]:
    """One view's (3, 4) camera-to-world, and its (3, 3) intrinsics for a picture spread over -1..1."""
    rays, confidence = rays.astype(np.float64), confidence.astype(np.float64)
    z = rays[:, 2]
    flat = np.abs(z) <= SMALLEST_Z
    confidence = np.where(flat, 0, confidence)
    target = rays[:, :2] / np.where(flat, 1, z)[:, None]
    homography = fit_homography(plane, target, confidence, options)
    rotation, k = (split_upper if options.off_centre else split_lower)(homography)
    centre = np.average(rays[:, 3:], axis=0, weights=confidence)
    return np.column_stack([rotation, centre]), k


def fit_homography(plane: np.ndarray, target: np.ndarray, weight: np.ndarray, options: PoseOptions) -> np.ndarray:
    """The (3, 3) homography from (M, 3) `plane` to (M, 2) `target` that most weight agrees with; determinant > 0."""
    candidates = max(SAMPLE, int(CANDIDATE_SHARE * len(weight)))
    by_weight = np.argsort(-weight, kind="stable")
    ranks = options.samples
    if ranks is None:
        draw = np.random.default_rng(options.seed)
        ranks = np.stack([draw.choice(candidates, SAMPLE, replace=False) for _ in range(HYPOTHESES)])
    products = dlt_products(plane, target, weight)
    hypotheses = smallest_vectors(products[by_weight[ranks]].sum(axis=1))
    scores = [weight[_agrees(h, plane, target)].sum() for h in hypotheses]
    agrees = _agrees(hypotheses[int(np.argmax(scores))], plane, target)
    # The released tool thins out more than 8000 rays at random; 9 x 9 sums over all of them cost nothing.
    best = smallest_vectors(products[agrees].sum(axis=0)[None])[0]
    return -best if np.linalg.det(best) < 0 else best


def dlt_products(plane: np.ndarray, target: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(M, 9, 9) each pair's share of the normal matrix of the direct linear transform.

    Their sum's smallest eigenvector is the smallest right singular vector of the stacked equations.
    """
    zero = np.zeros_like(plane)
    first = np.concatenate([plane, zero, -target[:, :1] * plane], axis=1)
    second = np.concatenate([zero, plane, -target[:, 1:] * plane], axis=1)
    return weight[:, None, None] * (first[:, :, None] * first[:, None, :] + second[:, :, None] * second[:, None, :])


def smallest_vectors(products: np.ndarray) -> np.ndarray:
    """(B, 9, 9) -> (B, 3, 3) homographies with a last element of 1"""
    vectors = np.linalg.eigh(products)[1][:, :, 0]
    last = vectors[:, 8:]
    return (vectors / np.where(np.abs(last) > 1e-12, last, 1e-12)).reshape(-1, 3, 3)


def _agrees(homography: np.ndarray, plane: np.ndarray, target: np.ndarray) -> np.ndarray:
    mapped = plane @ homography.T
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.linalg.norm(mapped[:, :2] / mapped[:, 2:] - target, axis=1)
    return distance < INLIER_DISTANCE


def split_upper(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A = R K^-1 taken apart into R and K, wherever the principal point is: K^-1 is upper triangular."""
    q, r = np.linalg.qr(a)
    sign = np.sign(np.diag(r))
    inverse = sign[:, None] * r
    k = np.linalg.inv(inverse / inverse[2, 2])
    k[0, 1] = 0  # a skew in the fit is noise: pixels are square
    return q * sign, k


def split_lower(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The released tool's way: A = R L with L lower triangular. Exact only for a principal point in the middle."""
    flip = np.eye(3)[::-1]
    q, r = np.linalg.qr(a @ flip)
    q, lower = q @ flip, flip @ r @ flip
    sign = np.sign(np.diag(lower))
    lower = sign[:, None] * lower
    lower /= lower[2, 2]
    k = np.array([[1 / lower[0, 0], 0, lower[2, 0]], [0, 1 / lower[1, 1], lower[2, 1]], [0, 0, 1]])
    return q * sign, k
