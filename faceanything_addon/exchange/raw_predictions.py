"""raw_predictions.npz of the released Face Anything tool. docs/raw-predictions.md describes it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import UserError
from ..model.full.preprocess import METHODS, PATCH, Fit, plan_fit
from ..model.merge import FullMaps
from ..take.storage import read_errors

MOST_SIDE = 8192  # pixels of a map: no header can ask for more memory than a few such maps
FEW = 0.1  # of a frame's median confidence: there a pixel counts half
CURE = "give the raw_predictions.npz of the released tool"
UNREADABLE = (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Layout:
    """One array as its header declares it."""

    shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def frame_bytes(self) -> int:
        return int(np.prod(self.shape[1:], dtype=object)) * self.dtype.itemsize


@dataclass(frozen=True)
class RawPredictions:
    """An opened file; its maps are read frame by frame. N frames of H x W map pixels."""

    path: Path
    arrays: dict[str, Layout]  # those that frames are made of
    fit: Fit | None = None  # how a picture of the footage became the network's; None before `over`

    @property
    def frame_count(self) -> int:
        return self.arrays["depth"].shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the maps."""
        return self.arrays["depth"].shape[2], self.arrays["depth"].shape[1]

    def over(self, width: int, height: int) -> RawPredictions:
        """Lay the maps over footage of this size.

        Raises:
            UserError: they cannot have been made from such pictures.
        """
        fit = find_fit((width, height), self.size)
        if fit is not None:
            return RawPredictions(self.path, self.arrays, fit)
        cure = "give the footage that they were made from"
        if find_fit((height, width), self.size) is not None:
            cure = "the released tool ignores that pictures are to be turned upright: turn them, then predict again"
        have = "{} x {}".format(*self.size)
        raise UserError(f"{self.path}: maps of {have} pixels do not fit footage of {width} x {height}; {cure}")

    def frames(self, first: int = 0) -> Iterator[FullMaps]:
        """Maps of all frames from number `first` on, in order; one at a time in memory.

        Raises:
            UserError: damaged.
        """
        assert self.fit is not None
        to_frame = map_to_frame(self.fit)
        with damaged_told(self.path), zipfile.ZipFile(self.path) as archive:
            streams = {name: _open_member(archive, name)[0] for name in self.arrays}
            for number in range(self.frame_count):
                arrays = {n: _read(streams[n], layout, number < first) for n, layout in self.arrays.items()}
                if number >= first:
                    yield _maps(arrays, to_frame)


@contextmanager
def damaged_told(path: Path) -> Iterator[None]:
    """Whatever a bad file makes NumPy and zipfile say becomes one line."""
    try:
        yield
    except UNREADABLE as error:
        line = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(
            f"{path}: cannot be read ({line}); give the raw_predictions.npz of the released tool"
        ) from error


def open_raw(path: str | Path) -> RawPredictions:
    """Check a file's layout without reading its maps.

    Raises:
        UserError: missing, damaged, or not such a file.
    """
    path = Path(path).expanduser()
    with read_errors(path):
        if not path.is_file():
            raise UserError(f"{path}: no such file; {CURE}")
    with damaged_told(path), zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
        layouts = {name: _layout(archive, name) for name in ("depth", "canonical", "valid", "conf") if name in names}
    return RawPredictions(path, _checked(path, layouts))


def _layout(archive: zipfile.ZipFile, name: str) -> Layout:
    stream, layout = _open_member(archive, name)
    with stream:
        declared = layout.frame_bytes * layout.shape[0]
        stored = archive.getinfo(name + ".npy").file_size - stream.tell()
    if declared != stored:
        raise ValueError(f"{name} should take {declared} bytes and takes {stored}")
    return layout


def _open_member(archive: zipfile.ZipFile, name: str) -> tuple[IO[bytes], Layout]:
    """A stream at the first frame's first byte, and what the header says."""
    stream = archive.open(name + ".npy")
    version = np.lib.format.read_magic(stream)  # type: ignore[arg-type]
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{name} has a header of version {version}")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = read(stream)  # type: ignore[arg-type]
    if dtype.hasobject or dtype.kind not in "fb" or not shape or (by_columns and len(shape) > 1):
        raise ValueError(f"{name} is of type {dtype}, shape {shape}, or stored by columns")
    return stream, Layout(shape, dtype)


def _checked(path: Path, layouts: dict[str, Layout]) -> dict[str, Layout]:
    """The arrays that are needed, all of one size."""
    for name in ("depth", "canonical", "valid"):
        if name not in layouts or 0 in layouts[name].shape:
            raise UserError(
                f"{path}: holds no {name} maps; run the released tool with all its outputs, geometry and canonical"
            )
    if 0 in layouts.get("conf", layouts["depth"]).shape:
        del layouts["conf"]  # the tool stores an empty array where it has none
    shape = layouts["depth"].shape
    expected = {"depth": shape, "canonical": (*shape, 3), "valid": shape, "conf": shape}
    for name, layout in layouts.items():
        kind = "b" if name == "valid" else "f"
        if len(shape) != 3 or layout.shape != expected[name] or layout.dtype.kind != kind:
            raise UserError(
                f"{path}: {name} is {layout.shape} of {layout.dtype}, which does not go with depth maps {shape}; {CURE}"
            )
    if not PATCH <= min(shape[1:]) <= max(shape[1:]) <= MOST_SIDE:
        raise UserError(f"{path}: maps of {shape[2]} x {shape[1]} pixels are no maps of the released tool")
    return layouts


def _read(stream: IO[bytes], layout: Layout, skip: bool) -> np.ndarray:
    """The next frame of one array; when skipped, empty."""
    data = stream.read(layout.frame_bytes)
    if len(data) != layout.frame_bytes:
        raise EOFError("it ends early")
    return np.zeros(0) if skip else np.frombuffer(data, layout.dtype).reshape(layout.shape[1:])


def _maps(arrays: dict[str, np.ndarray], to_frame: np.ndarray) -> FullMaps:
    canonical, depth = (arrays[name].astype(np.float32) for name in ("canonical", "depth"))
    usable = arrays["valid"] & np.isfinite(depth) & (depth > 0) & np.isfinite(canonical).all(axis=-1)
    weight = usable.astype(np.float32)
    if "conf" in arrays and usable.any():
        above = np.clip(np.nan_to_num(arrays["conf"].astype(np.float32)) - 1, 0, 1e6)  # the tool's least is 1
        weight *= (above + 1e-6) / (above + FEW * np.median(above[usable]) + 1e-6)
    return FullMaps(canonical, depth, weight, to_frame)


def find_fit(source: tuple[int, int], size: tuple[int, int]) -> Fit | None:
    """By what scaling pictures of `source` become maps of `size`, (width, height) each; None if by none of the tool's.

    The tool's `process_res` is not in the file. It usually is a multiple of 14 and so one of the map's sides; where
    that explains nothing, other values are tried, which all stretch the picture to the very same maps.
    """
    for method in METHODS:
        fit = plan_fit(*source, max(size) if method.startswith("upper") else min(size), method)
        if fit.final == size:
            return fit
    near = range(max(size) - PATCH // 2, max(size) + PATCH // 2 + 1)
    fits = (plan_fit(*source, guess) for guess in near)
    return next((fit for fit in fits if fit.final == size), None)


def map_to_frame(fit: Fit) -> np.ndarray:
    """(2, 3) affine: map pixel -> pixel of the footage, (0, 0) the centre of the first in both."""
    matrix = fit.matrix()
    step = 1 / np.diag(matrix)[:2]
    shift = (0.5 - matrix[:2, 2]) * step - 0.5
    return np.column_stack([np.diag(step), shift])
