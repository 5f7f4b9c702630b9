"""A simulated full-size network: true maps in a canonical space of its own, at its own resolution."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from faceanything_addon.model.bridge import Bridge, fit_bridge
from faceanything_addon.model.full.preprocess import plan_fit
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.merge import FullMaps, collect_pairs, merge_maps
from faceanything_addon.model.warp import Warp

from .performance import Fitted, distance, face, fit_maps
from .simulate import Noise, Performance, Simulator

EMBEDDED = Noise(smooth=0.004, white=0.003, depth=0.006, outliers=0.15)  # several millimetres, much of it wrong
OWN = Noise(smooth=0.001, white=0.0005, depth=0.001, outliers=0.0)


@dataclass(frozen=True)
class Space:
    """A canonical space: any unit and axes, bent, and with the person's own shape or without."""

    seed: int
    own_shape: bool = True  # a person's neutral shape, not the mean face
    bend: float = 0.005  # metres, root mean square
    mirrored: bool = False

    def place(self, truth: Performance) -> np.ndarray:
        """(V, 3) metres: where this space has the template's vertices, but for unit and axes."""
        shape = truth.neutral if self.own_shape else truth.template.vertices
        return shape + smooth_field(shape, self.bend, self.seed)

    def units(self) -> tuple[np.ndarray, np.ndarray]:
        """Linear (3, 3) and shift (3,): axes turned at random, swapped, perhaps mirrored, any unit."""
        from scipy.spatial.transform import Rotation

        random = np.random.default_rng(self.seed)
        linear = Rotation.from_quat(random.normal(size=4)).as_matrix() * 10 ** random.uniform(-2, 3)
        return linear * np.array([-1.0 if self.mirrored else 1.0, 1, 1]), random.normal(size=3) * 5


def smooth_field(points: np.ndarray, size: float, seed: int, length: float = 0.1) -> np.ndarray:
    """(N, 3) displacements of root mean square `size` per axis that change over some `length` metres."""
    random = np.random.default_rng(1000 + seed)
    waves = random.normal(size=(3, 6, 3)) * 2 * np.pi / length / np.sqrt(3)
    phases = random.uniform(0, 2 * np.pi, (3, 6))
    return size * np.sqrt(2 / 6) * np.sin(np.einsum("vc,awc->vaw", points, waves) + phases).sum(axis=2)


class FullSizeSimulator:
    """Maps over the whole frame, as the released tool makes them."""

    def __init__(self, simulator: Simulator, space: Space, noise: Noise = OWN, pulse: float = 0.0) -> None:
        """pulse: standard deviation of the logarithm of each frame's depth scale."""
        self.simulator, self.space, self.noise, self.pulse = simulator, space, noise, pulse
        truth = simulator.truth
        fit = plan_fit(truth.width, truth.height)
        step = np.array([truth.width, truth.height]) / fit.final
        self.shape = fit.final[::-1]
        self.to_frame = np.column_stack([np.diag(step), (step - 1) / 2])
        self.place = space.place(truth)

    def maps(self, frame: int) -> tuple[FullMaps, FullMaps]:
        """One frame: in the template's space and metres, and in the network's own; the errors are the same."""
        truth, random = self.simulator.truth, np.random.default_rng((self.space.seed, frame))
        camera = truth.camera_vertices(frame)
        won, depth = self.simulator.splat(camera, truth.project(camera), self.to_frame, self.shape)
        seen = won >= 0
        error = smooth_noise(self.shape, 3, random) * self.noise.smooth
        error = (error + random.normal(size=error.shape) * self.noise.white)[seen]
        depth = depth + np.where(seen, smooth_noise(self.shape, 1, random)[..., 0] * self.noise.depth, 0)
        weight = seen.astype(np.float32)
        linear, shift = self.space.units()
        own, plain = np.zeros((*self.shape, 3), np.float32), np.zeros((*self.shape, 3), np.float32)
        plain[seen] = self.simulator.at(truth.template.vertices, won[seen]) + error
        own[seen] = (self.simulator.at(self.place, won[seen]) + error) @ linear.T + shift
        scale = 3.7 * np.exp(self.pulse * random.normal())
        known = FullMaps(plain, depth.astype(np.float32), weight, self.to_frame)
        return known, replace(known, canonical=own, depth=(depth * scale).astype(np.float32))


def smooth_noise(shape: tuple[int, ...], channels: int, random: np.random.Generator) -> np.ndarray:
    """(h, w, channels) of variance near 1, over patches of some 25 pixels."""
    import cv2

    coarse = random.normal(size=(shape[0] // 25 + 1, shape[1] // 25 + 1, channels))
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC).reshape(*shape, channels)


@dataclass(frozen=True)
class Comparison:
    """One performance, reconstructed from three kinds of maps."""

    embedded: Fitted
    known: Fitted  # full-size maps in the template's own space: what no bridge can beat
    bridged: Fitted
    bridge: Bridge

    def errors(self) -> tuple[float, float, float]:
        """Mean vertex error of the face in metres: embedded, known, bridged."""
        a, b, c = (vertex_error(fitted) for fitted in (self.embedded, self.known, self.bridged))
        return a, b, c


def vertex_error(fitted: Fitted) -> float:
    """Mean distance of the face's vertices from the truth, metres; every frame aligned rigidly."""
    front, truth = face(fitted.template), fitted.true_vertices()
    rows = np.flatnonzero(fitted.frames.found)
    return float(np.mean([distance(fitted.frames.vertices[f][front], truth[f][front]).mean() for f in rows]))


def identity_bridge() -> Bridge:
    """Changes nothing."""
    return Bridge(np.eye(3, 4), Warp(np.zeros((1, 3)), np.zeros((4, 3)), np.zeros((1, 3))), 0.0, False)


def simulate_both(
    truth: Performance, space: Space, noise: Noise = EMBEDDED, bias: float = 0.0, pulse: float = 0.0
) -> tuple[list[FaceMaps], list[tuple[FullMaps, FullMaps]]]:
    """All frames as both networks see them.

    Args:
        bias: metres that the embedded network errs alike in every frame, root mean square per axis.
    """
    simulator = Simulator(truth, noise, space.seed)
    full = FullSizeSimulator(simulator, space, pulse=pulse)
    seen = [biased(simulator.maps(number), bias, space.seed) for number in range(len(truth))]
    return seen, [full.maps(number) for number in range(len(truth))]


def biased(maps: FaceMaps, size: float, seed: int) -> FaceMaps:
    """With an error of the canonical coordinate that stays the same in all frames."""
    if not size:
        return maps
    flat = maps.canonical.reshape(-1, 3)
    error = smooth_field(flat, size, 500 + seed, length=0.05).reshape(maps.canonical.shape)
    return replace(maps, canonical=(maps.canonical + error).astype(np.float32))


def teach(embedded: list[FaceMaps], full: list[FullMaps]) -> Bridge:
    """The bridge from all frames."""
    pairs = collect_pairs(zip(embedded, full, strict=True))
    return fit_bridge(pairs.source, pairs.target, pairs.weight, pairs.frame)


def compare(truth: Performance, space: Space, noise: Noise = EMBEDDED, bias: float = 0.0) -> Comparison:
    """Reconstruct one performance in three ways."""
    embedded, full = simulate_both(truth, space, noise, bias)
    bridge = teach(embedded, [own for _, own in full])

    def fit(merge: Callable[[int], FaceMaps]) -> Fitted:
        return fit_maps(truth, (merge(number) for number in range(len(truth))))

    return Comparison(
        fit(lambda n: embedded[n]),
        fit(lambda n: merge_maps(embedded[n], full[n][0], identity_bridge(), camera=truth.intrinsics)),
        fit(lambda n: merge_maps(embedded[n], full[n][1], bridge, camera=truth.intrinsics)),
        bridge,
    )
