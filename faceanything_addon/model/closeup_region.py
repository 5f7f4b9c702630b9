"""A second, closer look at the mouth: its points and coefficients from a network of its own."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..template import Template
from .closeup import merge_points
from .crop import Crop, apply, cut
from .embedded import damaged, open_session
from .maps import FaceMaps

MOUTH_FILE = Path(__file__).resolve().parent.parent / "data" / "mouth.onnx"
OUTPUTS = ("points", "point_log_sigma", "coefficients")
SIZE = 112  # of the square picture
SIDE = 0.095  # metres across the picture at the mouth
REACH = 0.045  # metres from the middle of the mouth to its last point
WORDS = ("jaw", "mouth", "cheek", "noseSneer", "tongue")  # coefficients that are seen here begin so


@dataclass(frozen=True)
class MouthLook:
    """What the network says about one picture of a mouth."""

    points: np.ndarray  # (M, 2) pixels of the picture
    point_log_sigma: np.ndarray  # (M,) of those pixels
    coefficients: np.ndarray  # (K,) 0..1


def mouth_rows(template: Template) -> np.ndarray:
    """(M,) indices into template.points: lips and what lies around them; mirror images of each other in pairs."""
    places = template.vertices[template.points]
    middle = template.landmarks(template.vertices)[48:60].mean(axis=0)
    return np.flatnonzero(np.linalg.norm(places - middle, axis=1) < REACH)


def mouth_coefficients(names: tuple[str, ...]) -> np.ndarray:
    """(K,) indices of the coefficients that the mouth's network tells."""
    return np.array([number for number, name in enumerate(names) if name.startswith(WORDS)])


class MouthNetwork:
    """One ONNX Runtime session, opened at its first use.

    Args:
        points: how many the template has about the mouth; None leaves it unchecked.
    """

    def __init__(self, path: Path = MOUTH_FILE, threads: int | None = None, points: int | None = None) -> None:
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

    def look(self, image: np.ndarray) -> MouthLook:
        """(SIZE, SIZE, 3) RGB uint8."""
        pixels = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32) * np.float32(1 / 255)
        return MouthLook(*(value[0] for value in self.session.run(None, {"image": pixels})))


class MouthCloseUp:
    """Betters an embedded network's maps by what a second look at the mouth says.

    Args:
        template: whose sparse points the networks were trained on.
        threads: of the network's runtime.
    """

    def __init__(self, template: Template, threads: int | None = None, network: MouthNetwork | None = None) -> None:
        self.rows = mouth_rows(template)
        self.names = mouth_coefficients(template.expression_names)
        self.network = network or MouthNetwork(threads=threads, points=len(self.rows))

    def better(self, image: np.ndarray, maps: FaceMaps, scale: float, roll: float) -> FaceMaps:
        """Maps with the mouth's points and coefficients from near; arguments as of `CloseUp.better`."""
        x, y = maps.points[self.rows].astype(np.float64).mean(axis=0)
        crop = Crop(float(x), float(y), SIDE * scale, roll)
        look = self.network.look(cut(image, crop, SIZE))
        near = apply(crop.to_frame(SIZE), look.points.astype(np.float64))
        sigma = np.exp(look.point_log_sigma) * crop.side / SIZE
        points, point_sigma = merge_points(maps, self.rows, near, sigma)
        coefficients = None
        if maps.arkit is not None:
            coefficients = maps.arkit.copy()
            coefficients[self.names] = look.coefficients
        return replace(maps, points=points, point_sigma=point_sigma, arkit=coefficients)
