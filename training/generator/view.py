"""Random cameras: pose of the head, focal length, framing, light."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FLIP = np.diag([1.0, -1.0, -1.0])  # head axes of a face that looks into the camera -> OpenCV camera axes
TURNS = (
    0.5,
    0.8,
)  # shares of heads that nearly face the camera, and of those and such as are turned by 45 degrees at most
FACE_BOX = (-0.03, -0.125, 0.085)  # canonical skin with z above the first, y between the others: "the face"


@dataclass
class View:
    """A camera and where the head is in it."""

    pose: np.ndarray  # (4, 4) camera from head
    focal: float  # pixels
    principal: np.ndarray  # (2,) pixels
    size: int
    bend: float = 0.0  # radial distortion: a ray at tangent r off the axis is seen at r (1 + bend r^2)
    roll_off: tuple[float, float] = (0.0, 0.0)  # rolling shutter: shift x, y from the first row to the last, pixels

    def project(self, camera_points: np.ndarray, size: int | None = None) -> np.ndarray:
        """(N, 3) camera points -> (N, 2) f4 pixels of a picture `size` wide."""
        s = (size or self.size) / self.size
        z = np.maximum(camera_points[:, 2:3], 1e-3)
        at = camera_points[:, :2] / z
        if self.bend:
            at = at * (1 + self.bend * np.minimum((at**2).sum(axis=1, keepdims=True), 1))
        at = at * self.focal + self.principal
        if any(self.roll_off):
            at = at + (at[:, 1:] / self.size - 0.5) * self.roll_off
        return ((at + 0.5) * s - 0.5).astype(np.float32)

    def camera(self, head_points: np.ndarray) -> np.ndarray:
        """(N, 3) head -> camera, f4."""
        return (head_points @ self.pose[:3, :3].T + self.pose[:3, 3]).astype(np.float32)


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Head rotation, degrees: yaw turns the face to the subject's left, pitch up, roll about the camera's axis."""
    y, p, r = np.radians([yaw, -pitch, roll])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rx = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    rz = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return rz @ ry @ rx


def draw_rotation(rng: np.random.Generator, turns: tuple[float, float] = TURNS) -> np.ndarray:
    """(3, 3) camera from head."""
    u = rng.random()
    if u < turns[0]:
        yaw = rng.normal() * 16
    elif u < turns[1]:
        yaw = rng.uniform(-45, 45)
    else:
        yaw = rng.choice([-1, 1]) * rng.uniform(40, 90)
    pitch = np.clip(rng.normal() * 11, -35, 35) if rng.random() < 0.75 else rng.uniform(-32, 32)
    roll = np.clip(rng.normal() * 9, -40, 40) if rng.random() < 0.7 else rng.uniform(-37, 37)
    return FLIP @ rotation(yaw, pitch, roll)


def draw_view(rng: np.random.Generator, face: np.ndarray, size: int, turns: tuple[float, float] = TURNS) -> View:
    """Place the camera so that the face's box fills the wanted share of the picture.

    Args:
        face: (N, 3) head-space points of the face.
    """
    r = draw_rotation(rng, turns)
    distance = np.exp(rng.uniform(np.log(0.28), np.log(2.2)))
    off = np.radians(np.clip(rng.normal(size=2) * 4, -10, 10))
    origin = distance * np.array([np.tan(off[0]), np.tan(off[1]), 1.0])
    p = face @ r.T + origin
    xy = p[:, :2] / p[:, 2:]
    low, high = xy.min(axis=0), xy.max(axis=0)
    if rng.random() < 0.75:
        share = rng.uniform(0.60, 0.95) * np.exp(0.06 * rng.normal())
        shift = np.clip(rng.normal(size=2) * 0.06, -0.13, 0.13)
    else:
        share = np.exp(rng.uniform(np.log(0.12), np.log(0.62))) if rng.random() < 0.85 else rng.uniform(0.7, 1.25)
        shift = rng.uniform(-0.5, 0.5, 2) * max(1.05 - share, 0.3)
    focal = share * size / (high - low).max()
    principal = (0.5 + shift) * size - 0.5 - focal * (low + high) / 2
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = r, origin
    return View(pose, float(focal), principal, size, *draw_faults(rng.spawn(1)[0], size))


def draw_faults(rng: np.random.Generator, size: int) -> tuple[float, tuple[float, float]]:
    """Distortion of cheap wide lenses, and of a head that moves while a rolling shutter reads it."""
    bend = rng.uniform(-0.22, 0.08) if rng.random() < 0.3 else 0.0
    moved = rng.normal(size=2) * (0.025, 0.015) * size if rng.random() < 0.15 else np.zeros(2)
    return float(bend), (float(moved[0]), float(moved[1]))


@dataclass
class Light:
    """Illumination in camera axes."""

    sh: np.ndarray  # (9, 3) irradiance / pi
    mirror: np.ndarray  # (9, 3) softened radiance for reflections
    direction: np.ndarray  # (L, 3) toward the light
    colour: np.ndarray  # (L, 3)
    shadow: bool


COSINE = np.array([1.0] + [2 / 3] * 3 + [0.25] * 5)


def rotate_sh(sh: np.ndarray, r: np.ndarray) -> np.ndarray:
    """(9, 3) coefficients of the environment turned by r, by least squares on directions."""
    rng = np.random.default_rng(1)
    d = rng.normal(size=(64, 3))
    d /= np.linalg.norm(d, axis=1, keepdims=True)
    return np.linalg.lstsq(sh_basis(d), sh_basis(d @ r) @ sh, rcond=None)[0]


def sh_basis(d: np.ndarray) -> np.ndarray:
    """(N, 9) real spherical harmonics of unit directions."""
    x, y, z = d.T
    one = np.ones_like(x)
    rows = [0.2820948 * one, 0.4886025 * y, 0.4886025 * z, 0.4886025 * x, 1.0925484 * x * y, 1.0925484 * y * z]
    rows += [0.3153916 * (3 * z * z - 1), 1.0925484 * x * z, 0.5462742 * (x * x - y * y)]
    return np.stack(rows, axis=1)


def draw_light(rng: np.random.Generator, sh: np.ndarray) -> Light:
    """An environment turned about the vertical, and 0 to 2 lamps."""
    turn = rng.uniform(0, 2 * np.pi)
    tilt = rotation(np.degrees(turn), rng.normal() * 15, rng.normal() * 15)
    flat = rng.random() * 0.7
    sh = rotate_sh(sh * np.r_[1.0, np.full(8, 1 - flat)][:, None], FLIP @ tilt)
    tone = np.exp(rng.normal(size=3) * 0.06)
    level = np.exp(rng.normal() * 0.25)
    count = rng.choice(3, p=[0.3, 0.45, 0.25])
    direction = rng.normal(size=(count, 3)) * (1, 0.8, 0.8) + (0, -0.7, -0.7)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True) + 1e-9
    colour = np.exp(rng.normal(size=(count, 3)) * 0.12 + rng.normal(size=(count, 1)) * 0.5) * 0.55
    if rng.random() < 0.06:
        colour *= np.exp(rng.normal(size=(count, 3)) * 0.5)
    if count and rng.random() < 0.4:
        level *= 0.45
    ambient = sh * COSINE[:, None] * tone * level
    return Light(
        ambient, sh * np.sqrt(COSINE)[:, None] * tone * level, direction, colour, bool(count and rng.random() < 0.75)
    )
