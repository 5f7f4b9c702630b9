"""A similarity between two sets of matching points, many of which may be wrong."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

SETS, SET_SIZE = 400, 6  # random sets of matches, each of which proposes a similarity
SCORED = 3000  # matches that judge the proposals
REACH = 0.015  # metres: a match further off than this speaks neither for nor against a proposal
ROUNDS = 12
TUKEY = 4.7  # standard deviations at which a match loses its say
MEDIAN_TO_SIGMA = 1 / 1.538  # of the length of a normally distributed 3-vector


def fit_similarity(source: np.ndarray, target: np.ndarray, weight: np.ndarray, mirrored: bool = False) -> np.ndarray:
    """Weighted least squares: target = scale * rotation @ source + shift. Umeyama (1991), eq. 40-43.

    Args:
        source, target: (..., N, 3).
        weight: (..., N), not all zero.
        mirrored: the rotation is to have determinant -1.

    Returns:
        (..., 3, 4): scale * rotation | shift.
    """
    share = (weight / weight.sum(axis=-1, keepdims=True))[..., None]
    centers = [(share * p).sum(axis=-2, keepdims=True) for p in (source, target)]
    a, b = source - centers[0], target - centers[1]
    left, size, right = np.linalg.svd(np.swapaxes(share * b, -1, -2) @ a)
    sign = np.sign(np.linalg.det(left) * np.linalg.det(right)) * (-1 if mirrored else 1)
    signs = np.stack([np.ones_like(sign), np.ones_like(sign), sign], axis=-1)
    spread = np.maximum((share * a**2).sum(axis=(-1, -2)), 1e-300)
    scale = (size * signs).sum(axis=-1) / spread
    linear = scale[..., None, None] * ((left * signs[..., None, :]) @ right)
    shift = np.swapaxes(centers[1], -1, -2) - linear @ np.swapaxes(centers[0], -1, -2)
    return np.concatenate([linear, shift], axis=-1)


def apply_affine(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(3, 4) on (..., 3) points."""
    return points @ affine[:, :3].T + affine[:, 3]


def tukey(distance: np.ndarray, sigma: float) -> np.ndarray:
    """Tukey's biweight of distances (N,) >= 0: 1 at 0, 0 from TUKEY sigmas on."""
    return np.clip(1 - (distance / (TUKEY * max(sigma, 1e-12))) ** 2, 0, None) ** 2


def sigma_of(distance: np.ndarray, weight: np.ndarray) -> float:
    """Standard deviation per axis, from the weighted median of the lengths (N,) of 3-vectors."""
    return weighted_median(distance, weight) * MEDIAN_TO_SIGMA


def weighted_median(value: np.ndarray, weight: np.ndarray) -> float:
    """Half of the weight lies at or below it."""
    order = np.argsort(value, kind="stable")
    total = np.cumsum(weight[order])
    return float(value[order][np.searchsorted(total, total[-1] / 2)])


def robust_similarity(
    source: np.ndarray, target: np.ndarray, weight: np.ndarray, mirrored: bool = False
) -> tuple[np.ndarray, float]:
    """The similarity that most matches agree on: random sets propose (RANSAC), reweighting refines. Repeatable.

    Args:
        source: (N, 3) any unit.
        target: (N, 3) metres.
        weight: (N,) >= 0.

    Returns:
        (3, 4), and the standard deviation per axis of what is left, metres.
    """
    affine = _proposal(source, target, weight, mirrored)
    sigma = REACH / 2
    for _ in range(ROUNDS):
        distance = np.linalg.norm(apply_affine(affine, source) - target, axis=1)
        sigma = max(sigma_of(distance, weight), 1e-9)
        affine = fit_similarity(source, target, weight * tukey(distance, sigma), mirrored)
    distance = np.linalg.norm(apply_affine(affine, source) - target, axis=1)
    return affine, sigma_of(distance, weight)


def _proposal(source: np.ndarray, target: np.ndarray, weight: np.ndarray, mirrored: bool) -> np.ndarray:
    """The best of the similarities through random sets."""
    random = np.random.default_rng(0)
    rows = random.choice(len(source), (SETS, SET_SIZE), p=weight / weight.sum())
    proposals = fit_similarity(source[rows], target[rows], np.ones((SETS, SET_SIZE)), mirrored)
    judges = random.choice(len(source), min(SCORED, len(source)), replace=False)
    mapped = source[judges] @ np.swapaxes(proposals[..., :3], -1, -2) + proposals[:, None, :, 3]
    off = ((mapped - target[judges]) ** 2).sum(axis=2)
    return proposals[(np.minimum(off, REACH**2) * weight[judges]).sum(axis=1).argmin()]
