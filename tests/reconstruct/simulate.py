"""Face maps of a known performance, as a network of middling quality would give them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.sight import along_sight, rays
from faceanything_addon.reconstruct.camera import intrinsics
from faceanything_addon.reconstruct.lids import Lids, find_lids, push_lids_out
from faceanything_addon.reconstruct.neutral import at_rest
from faceanything_addon.solve.gaze import angles, lid_coefficients
from faceanything_addon.template import Part, Template
from faceanything_addon.template.shape import (
    expression_offset,
    eyeball_rotation,
    neutral_shape,
    rotate_eyes,
    shown_gaze,
)

GRID = 96


@dataclass(frozen=True)
class Noise:
    """Errors of the simulated network."""

    smooth: float = 0.004  # metres, canonical coordinate, over patches of some 12 map pixels
    white: float = 0.002  # metres
    points: float = 1.0  # frame pixels
    depth: float = 0.006  # metres, smooth
    outliers: float = 0.05  # share of pixels with a canonical coordinate of somewhere else


CLEAN = Noise(0, 0, 0.05, 0, 0)


@dataclass
class Performance:
    """Truth: one actor, F frames."""

    template: Template
    identity: np.ndarray  # (K,)
    arkit: np.ndarray  # (F, 52)
    poses: np.ndarray  # (F, 4, 4) camera-from-head
    gaze: np.ndarray  # (F, 3) unit, head space, both eyes
    focal: float
    width: int = 1280
    height: int = 720

    def __len__(self) -> int:
        return len(self.arkit)

    @cached_property
    def neutral(self) -> np.ndarray:
        """(V, 3) f4 metres. Anybody's lids lie on the eyeballs at rest; the modes alone would leave them sunk."""
        return at_rest(neutral_shape(self.template, self.identity), self.template)

    @cached_property
    def lids(self) -> list[Lids]:
        return find_lids(self.template, self.neutral)

    def shapes(self, frame: int) -> np.ndarray:
        """(52,) coefficients that the mesh has: ARKit's, but the lids follow the eyeballs."""
        out = self.arkit[frame].copy()
        for name, value in lid_coefficients(np.stack([angles(self.gaze[frame])] * 2)).items():
            out[self.template.expression_names.index(name)] = value
        return out

    def vertices(self, frame: int) -> np.ndarray:
        """(V, 3) head space."""
        shape = (self.neutral + expression_offset(self.template, self.shapes(frame))).astype(np.float32)
        push_lids_out(shape[None], self.lids, shown_gaze(np.stack([self.gaze[frame]] * 2))[None])
        return rotate_eyes(self.template, shape, np.stack([eyeball_rotation(self.gaze[frame])] * 2))

    def camera_vertices(self, frame: int) -> np.ndarray:
        return self.vertices(frame) @ self.poses[frame, :3, :3].T + self.poses[frame, :3, 3]

    @property
    def intrinsics(self) -> np.ndarray:
        """(3, 3)"""
        return intrinsics(self.focal, self.width, self.height)

    def project(self, camera: np.ndarray) -> np.ndarray:
        return self.focal * camera[:, :2] / camera[:, 2:] + [(self.width - 1) / 2, (self.height - 1) / 2]


FINE = 0.0006  # metres between surface samples: no map pixel falls between them and shows what lies behind


class Simulator:
    """Renders maps by splatting dense surface samples into a depth buffer."""

    def __init__(self, performance: Performance, noise: Noise, seed: int = 0, spacing: float = 0.0009) -> None:
        self.truth, self.noise = performance, noise
        self.random = np.random.default_rng(seed)
        self.triangle, self.bary = _surface_samples(performance.template, spacing, self.random)

    def maps(self, frame: int, occluder: bool = False) -> FaceMaps:
        """Maps of one frame; an occluder hides a disc on the subject's left cheek."""
        truth, template = self.truth, self.truth.template
        camera = truth.camera_vertices(frame)
        pixels = truth.project(camera)
        to_frame = self._crop(pixels[template.points])
        canonical, depth, part = self.surface(camera, pixels, to_frame)
        sigma = np.full(len(template.points), max(self.noise.points, 0.05), np.float32)
        points = pixels[template.points] + self.random.normal(size=(len(sigma), 2)) * self.noise.points
        confidence = np.where(part > 0, 0.9, 0.0).astype(np.float32)
        canonical, depth = self._disturb(canonical, depth, part)
        if occluder:
            self._hide(template, pixels, to_frame, part, confidence)
        depth = self._along_sight(depth, to_frame, truth.poses[frame, :3, 3])
        return FaceMaps(True, canonical, depth, part, confidence, to_frame, points.astype(np.float32), sigma)

    def _along_sight(self, depth: np.ndarray, to_frame: np.ndarray, origin: np.ndarray) -> np.ndarray:
        """Distances along the optical axis -> from the head's origin, along the line of sight to it."""
        y, x = np.mgrid[:GRID, :GRID]
        pixels = np.stack([x, y, np.ones_like(x)], axis=-1) @ to_frame.T
        return along_sight(depth - origin[2], rays(pixels, self.truth.intrinsics), origin).astype(np.float32)

    def _crop(self, points: np.ndarray) -> np.ndarray:
        """Square around the points, a quarter wider: (2, 3) map pixel -> frame pixel."""
        low, high = points.min(axis=0), points.max(axis=0)
        size = (high - low).max() * 1.25 / GRID
        corner = (low + high) / 2 - size * (GRID - 1) / 2
        return np.array([[size, 0, corner[0]], [0, size, corner[1]]], np.float32)

    def surface(
        self, camera: np.ndarray, pixels: np.ndarray, to_frame: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Canonical coordinate, depth and part of what is seen by each pixel of a map of GRID x GRID."""
        won, depth = self.splat(camera, pixels, to_frame, (GRID, GRID))
        template, hit = self.truth.template, won >= 0
        canonical, part = np.zeros((GRID, GRID, 3), np.float32), np.zeros((GRID, GRID), np.uint8)
        canonical[hit] = self.at(template.vertices, won[hit])
        part[hit] = template.part[self.triangle[won[hit], 0]]
        return canonical, depth, part

    def at(self, vertices: np.ndarray, sample: np.ndarray) -> np.ndarray:
        """(N, 3) places of surface samples (N,) on vertices (V, 3)."""
        return np.einsum("nk,nkc->nc", self.bary[sample], vertices[self.triangle[sample]])

    def splat(
        self, camera: np.ndarray, pixels: np.ndarray, to_frame: np.ndarray, shape: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Number of the surface sample that each pixel of a map of shape (h, w) shows, -1 for none; and its depth."""
        corners = camera[self.triangle]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        spot = np.einsum("nk,nkc->nc", self.bary, corners)
        grid = np.einsum("nk,nkc->nc", self.bary, pixels[self.triangle])
        grid = np.rint((grid - to_frame[:, 2]) / to_frame[[0, 1], [0, 1]]).astype(int)
        front = (np.einsum("nc,nc->n", normal, spot) < 0) & ((grid >= 0) & (grid < shape[::-1])).all(axis=1)
        chosen = np.flatnonzero(front)
        chosen = chosen[np.argsort(-spot[chosen, 2])]  # near ones last: they win
        won, depth = np.full(shape, -1), np.zeros(shape, np.float32)
        won[grid[chosen, 1], grid[chosen, 0]] = chosen
        depth[won >= 0] = spot[won[won >= 0], 2]
        return won, depth

    def _disturb(self, canonical: np.ndarray, depth: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        canonical = canonical + self._smooth_noise(3) * self.noise.smooth
        canonical += self.random.normal(size=canonical.shape) * self.noise.white
        wrong = (self.random.random(part.shape) < self.noise.outliers) & (part > 0)
        canonical[wrong] = self.random.permutation(canonical[part > 0])[: wrong.sum()]
        return canonical.astype(np.float32), depth + self._smooth_noise(1)[..., 0] * self.noise.depth

    def _smooth_noise(self, channels: int) -> np.ndarray:
        from scipy.ndimage import zoom

        coarse = self.random.normal(size=(9, 9, channels))
        return np.asarray(zoom(coarse, (GRID / 9, GRID / 9, 1), order=3))

    def _hide(
        self, template: Template, pixels: np.ndarray, to_frame: np.ndarray, part: np.ndarray, confidence: np.ndarray
    ) -> None:
        cheek = np.argmin(np.linalg.norm(template.vertices - [0.04, -0.04, 0.0], axis=1))
        center = (pixels[cheek] - to_frame[:, 2]) / to_frame[0, 0]
        y, x = np.mgrid[:GRID, :GRID]
        hidden = np.hypot(x - center[0], y - center[1]) < 12
        part[hidden] = Part.BACKGROUND
        confidence[hidden] = 0


def _surface_samples(template: Template, spacing: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Points spread over all triangles: vertices (N, 3) i4 and weights (N, 3)."""
    triangles = template.triangles
    corners = template.vertices[triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    count = np.ceil(area / spacing**2).astype(int)
    first, second = random.random((2, count.sum()))
    flip = first + second > 1
    first, second = np.where(flip, 1 - first, first), np.where(flip, 1 - second, second)
    bary = np.stack([1 - first - second, first, second], axis=1).astype(np.float32)
    return np.repeat(triangles, count, axis=0), bary


def head_pose(yaw: float, pitch: float, roll: float, shift: tuple[float, float, float]) -> np.ndarray:
    """(4, 4) camera-from-head of a head that faces the camera and is then turned, degrees, metres."""
    from scipy.spatial.transform import Rotation

    pose = np.eye(4)
    pose[:3, :3] = np.diag([1.0, -1.0, -1.0]) @ Rotation.from_euler("YXZ", [yaw, pitch, roll], degrees=True).as_matrix()
    pose[:3, 3] = shift
    return pose
