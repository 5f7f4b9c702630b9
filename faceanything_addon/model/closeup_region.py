"""Second, closer looks at the mouth and at the brows: points and coefficients from a network for each."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..template import Template
from .closeup import EyePoints, merge_points
from .crop import Crop, apply, cut
from .embedded import damaged, open_session
from .maps import FaceMaps, MouthMap

DATA = Path(__file__).resolve().parent.parent / "data"
OUTPUTS = ("points", "point_log_sigma", "coefficients")
MOUTH_OUTPUTS = (*OUTPUTS, "inside")


@dataclass(frozen=True)
class Region:
    """A part of the face that has a network of its own."""

    name: str
    width: int  # pixels of the picture
    height: int
    side: float  # metres across the picture's width at the face
    landmarks: slice  # whose mean is the middle
    reach: tuple[float, float, float]  # metres from the middle to the last point, x y z
    words: tuple[str, ...]  # coefficients that are seen here begin so
    outputs: tuple[str, ...] = OUTPUTS  # of its network

    @property
    def file(self) -> Path:
        """The network that the extension ships."""
        return DATA / f"{self.name}.onnx"

    @property
    def margin(self) -> int:
        """Rows of the square above the picture."""
        return (self.width - self.height) // 2

    def rows(self, template: Template) -> np.ndarray:
        """(M,) indices into template.points; mirror images of each other in pairs. Eyes have their own network."""
        off = template.vertices[template.points] - template.landmarks(template.vertices)[self.landmarks].mean(axis=0)
        near = np.linalg.norm(off / self.reach, axis=1) < 1
        near[EyePoints.of(template).rows] = False
        return np.flatnonzero(near)

    def coefficients(self, names: tuple[str, ...]) -> np.ndarray:
        """(K,) indices of the coefficients that the network tells."""
        return np.array([number for number, name in enumerate(names) if name.startswith(self.words)])


MOUTH = Region(
    name="mouth",
    width=112,
    height=112,
    side=0.095,
    landmarks=slice(48, 60),
    reach=(0.045, 0.045, 0.045),
    words=("jaw", "mouth", "cheek", "noseSneer", "tongue"),
    outputs=MOUTH_OUTPUTS,
)
BROWS = Region(
    name="brows",
    width=128,
    height=80,
    side=0.13,
    landmarks=slice(17, 27),
    reach=(0.075, 0.045, 0.08),
    words=("brow", "eyeSquint", "eyeWide", "cheekSquint"),
)


@dataclass(frozen=True)
class RegionLook:
    """What the network says about one picture."""

    points: np.ndarray  # (M, 2) pixels of the picture
    point_log_sigma: np.ndarray  # (M,) of those pixels
    coefficients: np.ndarray  # (K,) 0..1
    inside: np.ndarray | None = None  # (4, height, width) see `MouthMap`; of the mouth alone


class RegionNetwork:
    """One ONNX Runtime session, opened at its first use.

    Args:
        points: how many the template has there; None leaves it unchecked.
        outputs: what it tells.
    """

    def __init__(
        self,
        path: Path,
        threads: int | None = None,
        points: int | None = None,
        outputs: tuple[str, ...] = OUTPUTS,
    ) -> None:
        self.path, self.threads, self.points, self.outputs = path, threads, points, outputs
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
            if tuple(o.name for o in outputs) != self.outputs or self.points not in (None, outputs[0].shape[1]):
                raise damaged(self.path, "it is of another version")
            self._session = session
        return self._session

    def look(self, image: np.ndarray) -> RegionLook:
        """(height, width, 3) RGB uint8."""
        pixels = np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32) * np.float32(1 / 255)
        return RegionLook(*(value[0] for value in self.session.run(None, {"image": pixels})))


class RegionCloseUp:
    """Betters an embedded network's maps by what a second look at a region says.

    Args:
        template: whose sparse points the networks were trained on.
        threads: of the network's runtime.
    """

    def __init__(
        self, region: Region, template: Template, threads: int | None = None, network: RegionNetwork | None = None
    ) -> None:
        self.region, self.rows = region, region.rows(template)
        self.names = region.coefficients(template.expression_names)
        self.network = network or RegionNetwork(region.file, threads, len(self.rows), region.outputs)

    def better(self, image: np.ndarray, maps: FaceMaps, scale: float, roll: float) -> FaceMaps:
        """Maps with the region's points and coefficients from near; arguments as of `CloseUp.better`."""
        region = self.region
        x, y = maps.points[self.rows].astype(np.float64).mean(axis=0)
        crop = Crop(float(x), float(y), region.side * scale, roll)
        look = self.network.look(cut(image, crop, region.width)[region.margin : region.margin + region.height])
        to_frame = crop.to_frame(region.width)
        near = apply(to_frame, look.points.astype(np.float64) + (0, region.margin))
        sigma = np.exp(look.point_log_sigma) * crop.side / region.width
        points, point_sigma = merge_points(maps, self.rows, near, sigma)
        coefficients = None
        if maps.arkit is not None:
            coefficients = maps.arkit.copy()
            coefficients[self.names] = look.coefficients
        inside = maps.mouth if look.inside is None else MouthMap(look.inside, to_frame)
        return replace(maps, points=points, point_sigma=point_sigma, arkit=coefficients, mouth=inside)
