"""A second, closer look at each eye: where it lies in the frame, and what its network's answer means there.

The network knows left eyes only; the right one is shown to it in a mirror.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..template import Part, Template
from .crop import Crop, apply, cut
from .embedded import damaged, open_session
from .maps import FaceMaps

EYES_FILE = Path(__file__).resolve().parent.parent / "data" / "eyes.onnx"
OUTPUTS = ("points", "point_log_sigma", "gaze", "gaze_log_sigma")
WIDTH, HEIGHT = 96, 64  # of the picture
SIDE = 0.05  # metres across the picture's width at the eye
REACH = 0.0145  # metres from the middle of the eye to its last point
EYES = (Part.EYE_LEFT, Part.EYE_RIGHT)


@dataclass(frozen=True)
class EyePoints:
    """Which sparse points are an eye's; the rows of both eyes are mirror images of each other."""

    rows: np.ndarray  # (2, E) indices into template.points, subject's left eye first

    @staticmethod
    def of(template: Template) -> EyePoints:
        """Lids, their surroundings and the eyeball."""
        places = template.vertices[template.points]
        middle = template.landmarks(template.vertices)[42:48].mean(axis=0)
        left = np.flatnonzero(np.linalg.norm(places - middle, axis=1) < REACH)
        mirrored = template.mirror[template.points[left]]
        row = {int(vertex): number for number, vertex in enumerate(template.points)}
        return EyePoints(np.stack([left, [row[int(v)] for v in mirrored]]))


@dataclass(frozen=True)
class EyeLook:
    """What the network says about one picture of a left eye."""

    points: np.ndarray  # (E, 2) pixels of the picture
    point_log_sigma: np.ndarray  # (E,) of those pixels
    gaze: np.ndarray  # (3,) unit vector in the axes of a camera that looks straight at the eye
    gaze_log_sigma: np.ndarray  # () radians


class EyeNetwork:
    """One ONNX Runtime session, opened at its first use.

    Args:
        points: how many the template has on an eye; None leaves it unchecked.
    """

    def __init__(self, path: Path = EYES_FILE, threads: int | None = None, points: int | None = None) -> None:
        self.path, self.threads, self.points = path, threads, points
        self._session: Any = None

    @property
    def session(self) -> Any:
        """The runtime's session.

        Raises:
            UserError: the file or the runtime is missing or damaged.
        """
        if self._session is None:
            session = open_session(self.path, self.threads)
            outputs = session.get_outputs()
            if tuple(o.name for o in outputs) != OUTPUTS or self.points not in (None, outputs[0].shape[1]):
                raise damaged(self.path, "it is of another version")
            self._session = session
        return self._session

    def look(self, images: np.ndarray) -> list[EyeLook]:
        """(N, HEIGHT, WIDTH, 3) RGB uint8 -> what is seen in each."""
        pixels = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32) * np.float32(1 / 255)
        values = self.session.run(None, {"image": pixels})
        return [EyeLook(*(value[i] for value in values)) for i in range(len(images))]


def cut_eye(image: np.ndarray, crop: Crop, mirrored: bool) -> np.ndarray:
    """(H, W, 3) frame -> (HEIGHT, WIDTH, 3): the middle of the square, in a mirror where wanted."""
    margin = (WIDTH - HEIGHT) // 2
    picture = cut(image, crop, WIDTH)[margin : margin + HEIGHT]
    return picture[:, ::-1] if mirrored else picture


def eye_crop(points: np.ndarray, scale: float, roll: float) -> Crop:
    """Square around an eye's points (E, 2), frame pixels; scale: frame pixels per metre."""
    x, y = points.mean(axis=0)
    return Crop(float(x), float(y), SIDE * scale, roll)


def in_frame(look: EyeLook, crop: Crop, mirrored: bool) -> EyeLook:
    """An answer in frame pixels and in the frame's axes, mirror undone."""
    points, gaze = look.points.astype(np.float64), look.gaze.astype(np.float64)
    points[:, 1] += (WIDTH - HEIGHT) // 2
    if mirrored:
        points[:, 0] = WIDTH - 1 - points[:, 0]
        gaze[0] = -gaze[0]
    gaze[:2] = crop.turn() @ gaze[:2]
    log_sigma = look.point_log_sigma + np.log(crop.side / WIDTH)
    return EyeLook(apply(crop.to_frame(WIDTH), points), log_sigma, gaze, look.gaze_log_sigma)


class CloseUp:
    """Betters an embedded network's maps by what its second looks say.

    Args:
        template: whose sparse points the networks were trained on.
        threads: of the network's runtime.
    """

    def __init__(self, template: Template, threads: int | None = None, network: EyeNetwork | None = None) -> None:
        self.points = EyePoints.of(template)
        self.network = network or EyeNetwork(threads=threads, points=self.points.rows.shape[1])

    def better(self, image: np.ndarray, maps: FaceMaps, scale: float, roll: float) -> FaceMaps:
        """Maps with the eyes' points and gaze from near.

        Args:
            image: (H, W, 3) RGB uint8, the whole frame.
            scale: frame pixels per metre at the head.
            roll: the head's clockwise turn in the frame, radians.
        """
        crops = [eye_crop(maps.points[rows].astype(np.float64), scale, roll) for rows in self.points.rows]
        pictures = [cut_eye(image, crop, bool(eye)) for eye, crop in enumerate(crops)]
        looks = self.network.look(np.stack(pictures))
        seen = [in_frame(look, crop, bool(eye)) for eye, (look, crop) in enumerate(zip(looks, crops, strict=True))]
        return self.merge(maps, seen)

    def merge(self, maps: FaceMaps, looks: list[EyeLook]) -> FaceMaps:
        """Maps with the looks' points and gaze."""
        for rows, look in zip(self.points.rows, looks, strict=True):
            points, sigma = merge_points(maps, rows, look.points, np.exp(look.point_log_sigma))
            maps = replace(maps, points=points, point_sigma=sigma)
        return replace(
            maps,
            gaze=np.stack([look.gaze for look in looks]).astype(np.float32),
            gaze_sigma=np.exp([float(look.gaze_log_sigma) for look in looks]).astype(np.float32),
        )


def merge_points(
    maps: FaceMaps, rows: np.ndarray, near: np.ndarray, near_sigma: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What both networks say of some points, weighted by how sure they are; both err alike, so adding gains nothing.

    Args:
        rows: (E,) of the sparse points.
        near: (E, 2) frame pixels by the closer look; near_sigma: (E,).

    Returns:
        all points (P, 2) f4 and their sigma (P,) f4.
    """
    points, sigma = maps.points.astype(np.float64), maps.point_sigma.astype(np.float64)
    share = near_sigma**-2 / (near_sigma**-2 + sigma[rows] ** -2)
    points[rows] += share[:, None] * (near - points[rows])
    sigma[rows] = np.minimum(near_sigma, sigma[rows])
    return points.astype(np.float32), sigma.astype(np.float32)
