"""The bridge: from the full-size network's canonical space, whatever its unit, axes and shape, to the template's.

Both networks look at the same pixels, so each pixel has a coordinate in either space. A robust similarity finds unit
and axes, a smooth warp the difference in shape: the full-size network may keep a person's own, the template does not.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import UserError
from .similarity import apply_affine, robust_similarity, sigma_of, tukey, weighted_median
from .warp import Warp, WarpProblem, place_centers, surface_normals

LEAST_PAIRS = 400
LEAST_CENTERS = 20  # cubes of the warp that hold skin; fewer are only a patch of a face
CLEARLY_BETTER = 0.6  # a mirrored space is believed where it leaves less than this of the error
WORST_START = 0.025  # metres, standard deviation after the similarity: of two faces, however bent, it leaves less
WORST_RESIDUAL = 0.012  # metres; half of the pixels within it is what any two networks that see one face reach
LEAST_STRETCH = 0.1  # of area: below it the warp is about to fold the face
FOLDED = 0.02  # share of the face that may do so, at its ragged edge
CHECKED = 3000  # points at which that is looked at
FIRST_STIFFNESS = 1e-3
LEAST_SIGMA = 0.001  # metres: where most of a face agrees still better, what is left is not taken for wrong
ROUNDS = 3  # of reweighting, before and after the stiffness is chosen
FOLDS = 5
BLOCK = 0.03  # metres: with few frames, blocks of the face are left out together instead of frames
CURE = "use footage that shows the face larger, sharp and unhidden"


@dataclass(frozen=True)
class Bridge:
    """Maps canonical coordinates of the full-size network to the template's.

    K centres of the warp.
    """

    similarity: np.ndarray  # (3, 4) f8: scaled rotation | shift, into metres
    warp: Warp
    residual: float  # metres: half of the pairs end within this distance of their target
    mirrored: bool  # its space is left-handed

    @property
    def scale(self) -> float:
        """Metres per unit of the full-size network's canonical space."""
        return float(abs(np.linalg.det(self.similarity[:, :3])) ** (1 / 3))

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) of the full-size network -> (..., 3) f4 metres, canonical space of the template."""
        near = apply_affine(self.similarity, np.asarray(points, np.float64).reshape(-1, 3))
        if not len(near):
            return np.zeros(np.shape(points), np.float32)
        return (near + self.warp.displacement(near)).astype(np.float32).reshape(np.shape(points))

    def facts(self) -> str:
        """A line for the user."""
        return (
            f"both networks agree within {self.residual * 1e3:.1f} mm on half of the skin; a unit of the full-size "
            f"network's is {self.scale:.3g} m{', and its space is mirrored' if self.mirrored else ''}"
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """For an npz file; `from_arrays` reads them."""
        return {
            "similarity": self.similarity,
            "centers": self.warp.centers,
            "linear": self.warp.linear,
            "radial": self.warp.radial,
            "residual": np.array(self.residual),
            "mirrored": np.array(self.mirrored),
        }

    @staticmethod
    def from_arrays(arrays: dict[str, np.ndarray]) -> Bridge:
        """Raises ValueError: an array is missing or of another shape."""
        try:
            similarity, centers, linear, radial = (arrays[n] for n in ("similarity", "centers", "linear", "radial"))
            residual, mirrored = float(arrays["residual"]), bool(arrays["mirrored"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a bridge: {error}") from error
        shapes = (similarity.shape, linear.shape, centers.shape[1:], radial.shape)
        if shapes != ((3, 4), (4, 3), (3,), centers.shape):
            raise ValueError("not a bridge: its arrays have other shapes")
        return Bridge(similarity, Warp(centers, linear, radial), residual, mirrored)


def fit_bridge(source: np.ndarray, target: np.ndarray, weight: np.ndarray, frame: np.ndarray | None = None) -> Bridge:
    """Learn the bridge from pairs of coordinates of the same pixels. The same pairs give the same bridge, bit for bit.

    The target may be noisy, with a fifth of it wrong: what it errs alike in frame after frame stays, the rest is
    averaged away. Mirrored spaces are allowed where they explain the pairs clearly better.

    Args:
        source: (N, 3) full-size network, any unit and axes.
        target: (N, 3) metres, embedded network.
        weight: (N,) >= 0.
        frame: (N,) integers, the frame of each pair: pixels of one frame err together, so that frames, not pixels, tell
            noise from shape. Without it, or with few frames, parts of the face do.

    Raises:
        UserError: too few pairs, no agreement, or a warp that folds.
    """
    use = np.isfinite(source).all(axis=1) & np.isfinite(target).all(axis=1) & (weight > 0)
    source, target, weight = (np.asarray(a[use], np.float64) for a in (source, target, weight))
    frame = np.zeros(len(source), np.int64) if frame is None else frame[use]
    _check_pairs(source)
    similarity, sigma, mirrored = _start(source, target, weight)
    if sigma > WORST_START:
        raise _disagreement(sigma)
    points = apply_affine(similarity, source)
    inlier = np.linalg.norm(points - target, axis=1) < 4 * sigma
    centers = place_centers(points[inlier])
    if len(centers) < LEAST_CENTERS:
        raise UserError(f"the face is too small or too hidden to compare the two networks on it; {CURE}")
    warp, residual = _robust_warp(WarpProblem(points, target, centers), points, target, weight, frame)
    bridge = Bridge(similarity, warp, residual, mirrored)
    _check_fit(bridge, points[inlier])
    return bridge


def _check_pairs(source: np.ndarray) -> None:
    if len(source) < LEAST_PAIRS:
        raise UserError(f"only {len(source)} pixels of skin to compare the two networks on; {CURE}")
    if np.ptp(source, axis=0).max() <= 0:
        raise UserError("the canonical coordinates are all the same; make the predictions again")


def _start(source: np.ndarray, target: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """Similarity (3, 4), standard deviation of what it leaves, and whether it mirrors."""
    center, unit = np.median(source, axis=0), float(np.ptp(source, axis=0).max())
    scaled = (source - center) / unit  # any unit, without loss of digits
    plain, mirrored = (robust_similarity(scaled, target, weight, m) for m in (False, True))
    mirror = mirrored[1] < CLEARLY_BETTER * plain[1]
    affine, sigma = mirrored if mirror else plain
    linear = affine[:, :3] / unit
    return np.column_stack([linear, affine[:, 3] - linear @ center]), sigma, mirror


def _robust_warp(
    problem: WarpProblem, points: np.ndarray, target: np.ndarray, weight: np.ndarray, frame: np.ndarray
) -> tuple[Warp, float]:
    """Warp and residual in metres."""
    folds = _folds(frame, target)
    stiffness, warp, distance = FIRST_STIFFNESS, None, np.linalg.norm(points - target, axis=1)
    for number in range(2 * ROUNDS):
        sigma = max(sigma_of(distance, weight), LEAST_SIGMA)
        trusted = weight * tukey(distance, sigma)
        if number == ROUNDS:
            stiffness = problem.best_stiffness(trusted, folds, 4 * sigma)
        warp = problem.solve(trusted, stiffness)
        distance = np.linalg.norm(points + warp.displacement(points) - target, axis=1)
    assert warp is not None
    return warp, weighted_median(distance, weight)


def _folds(frame: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(N,) which pairs are left out together."""
    numbers, position = np.unique(frame, return_inverse=True)
    if len(numbers) >= FOLDS:
        return position.reshape(-1) % FOLDS
    block = np.floor(target / BLOCK).astype(np.int64)
    return (block @ np.array([1, 2, 3])) % FOLDS


def _check_fit(bridge: Bridge, points: np.ndarray) -> None:
    """Raises UserError: the bridge cannot be right."""
    if bridge.residual > WORST_RESIDUAL:
        raise _disagreement(bridge.residual)
    some = points[:: max(1, len(points) // CHECKED)]
    stretch = bridge.warp.stretch(some, surface_normals(some))
    if (stretch < LEAST_STRETCH).mean() > FOLDED:
        raise UserError(f"the canonical spaces of the two networks match only if one is folded; {CURE}")


def _disagreement(apart: float) -> UserError:
    return UserError(
        f"the two networks do not agree on this face (half of its pixels are {apart / 1e-3:.0f} mm apart or more); "
        f"check that the full-size network's weights or predictions are the right ones for this footage, or {CURE}"
    )
