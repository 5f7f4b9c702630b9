"""A take's meshes at a constant rate, made while they are asked for: memory does not grow with the take."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..errors import UserError
from ..take.files import TakeReader, join_frames
from ..take.take import Frames, camera_vertices
from ..take.timing import frame_count, frame_positions
from ..template import Template
from .surface import Surface, visible_surface

SPACES = ("camera", "head")
UPRIGHT = np.diag([1.0, -1.0, -1.0])  # OpenCV's camera axes -> Y up, the camera looks along -Z
RATES = (1.0, 1000.0)  # frames per second that are taken for a user's wish


@dataclass(frozen=True)
class MeshStream:
    """N vertices of a take, `count` samples at `rate` a second from the first frame on."""

    reader: TakeReader
    surface: Surface
    space: str  # see SPACES
    rate: float
    positions: np.ndarray  # (F,) samples at which the take's own frames lie

    @property
    def count(self) -> int:
        return frame_count(self.positions)

    @property
    def neutral(self) -> np.ndarray:
        """(N, 3) head space, metres."""
        return self.reader.actor.neutral[self.surface.index]

    def samples(self) -> Iterator[np.ndarray]:
        """`count` times (N, 3) f4, metres, Y up."""
        frames = (mesh for chunk in self.reader.chunks() for mesh in self._meshes(chunk))
        return resampled(zip(self.positions, frames, strict=True), self.count)

    def _meshes(self, chunk: Frames) -> np.ndarray:
        part = replace(chunk, vertices=chunk.vertices[:, self.surface.index])
        if self.space == "head":
            return part.vertices
        return (camera_vertices(part) @ UPRIGHT).astype(np.float32)


def open_meshes(reader: TakeReader, template: Template, space: str = "camera", rate: float | None = None) -> MeshStream:
    """A take's meshes as a stream.

    Args:
        space: "head": the head stands still. "camera": it moves before the camera, which stands at the origin, X to
            its right, Y up, and looks along -Z.
        rate: samples a second; None: the take's nominal rate. Between the take's own frames meshes are linear.

    Raises:
        UserError: the take was made with another template, is damaged, or the rate makes no sense.
    """
    check_template(reader, template)
    rate = checked_rate(rate, reader.info.fps)
    motion = read_motion(reader)
    return MeshStream(reader, visible_surface(template), space, rate, frame_positions(motion.time, rate))


def check_template(reader: TakeReader, template: Template) -> None:
    """Raises UserError: the take was made with another template."""
    if len(reader.actor.neutral) != len(template.vertices):
        raise UserError(f"{reader.folder}: was made with another face template; make it again with this version")


def checked_rate(rate: float | None, usual: float) -> float:
    """The wished rate, else the usual one. Raises UserError: it makes no sense."""
    if rate is None:
        return usual
    if not RATES[0] <= rate <= RATES[1]:
        raise UserError(f"--rate {rate:g}: give {RATES[0]:g} to {RATES[1]:g} frames a second")
    return rate


def read_motion(reader: TakeReader) -> Frames:
    """All frames of a take without their meshes: vertices (F, 0, 3), confidence and visible (F, 0).

    Raises:
        UserError: damaged.
    """
    return join_frames([_without_meshes(chunk) for chunk in reader.chunks()])


def _without_meshes(chunk: Frames) -> Frames:
    none = {"vertices": chunk.vertices[:, :0], "confidence": chunk.confidence[:, :0], "visible": chunk.visible[:, :0]}
    return replace(chunk, **{name: array.copy() for name, array in none.items()})


def resampled(samples: Iterable[tuple[float, np.ndarray]], count: int) -> Iterator[np.ndarray]:
    """Samples at 0, 1, ... count - 1 from samples at rising positions, the first at 0; linear between them."""
    wanted, last_position, last = 0, 0.0, None
    for position, mesh in samples:
        while wanted < count and wanted <= position:
            if wanted == position or last is None:
                yield mesh
            else:
                share = np.float32((wanted - last_position) / (position - last_position))
                yield last * (1 - share) + mesh * share
            wanted += 1
        last_position, last = position, mesh
    while wanted < count and last is not None:
        yield last
        wanted += 1
