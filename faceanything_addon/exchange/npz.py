"""A take as one NumPy archive, for scripts."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import UserError
from ..take.files import TakeReader
from ..take.storage import target_file, write_atomic, write_errors
from ..take.take import Frames, camera_vertices, project
from ..template import Template, load_template

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Row:
    """One array over the frames: its shape after the frame axis, its type, and how a chunk of it is made."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    of: Callable[[Frames], np.ndarray]


def export_npz(
    take_folder: str | Path, out: str | Path, template: Template | None = None, report: Report | None = None
) -> Path:
    """Write `out` (.npz), one chunk of the take in memory at a time.

    Arrays, camera space in metres with OpenCV axes (x right, y down, z forward): vertices (F, V, 3) f4; neutral
    (V, 3) f4 head space; faces (Q, 4) i4; intrinsics (F, 3, 3) f4; head_pose (F, 4, 4) f4 camera-from-head;
    landmarks (F, 68, 2) f4 pixels; landmarks3d (F, 68, 3) f4; arkit (F, 52) f4; arkit_names (52,) str; gaze (F, 2, 3)
    f4; confidence (F, V) f4; visible (F, V) bool; found (F,) bool; time (F,) f8 seconds.

    Args:
        report: called with frames done and frames in all, each array counted for its share; what it raises ends the
            export, and nothing is left.

    Raises:
        UserError: not a finished take, of another template, or `out` cannot be written.
    """
    reader, template, out = TakeReader(take_folder), template or load_template(), target_file(out)
    if len(reader.actor.neutral) != len(template.vertices):
        raise UserError(f"{take_folder}: was made with another face template; make it again with this version")
    with write_errors(out):
        write_atomic(out, lambda file: _write(file, reader, template, report or (lambda done, total: None)))
    return out


def _write(file: IO[bytes], reader: TakeReader, template: Template, report: Report) -> None:
    rows = _rows(reader, template)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name, array in _constant(reader, template).items():
            _write_member(archive, name, array.shape, array.dtype, iter([array]))
        for number, row in enumerate(rows):
            parts = _parts(
                row, reader, lambda done, n=number: report((n * len(reader) + done) // len(rows), len(reader))
            )
            _write_member(archive, row.name, (len(reader), *row.shape), np.dtype(row.dtype), parts)


def _parts(row: Row, reader: TakeReader, report: Callable[[int], None]) -> Iterator[np.ndarray]:
    done = 0
    for frames in reader.chunks():
        yield row.of(frames).astype(row.dtype)
        done += len(frames)
        report(done)


def _constant(reader: TakeReader, template: Template) -> dict[str, np.ndarray]:
    return {
        "neutral": reader.actor.neutral,
        "faces": template.quads.astype(np.int32),
        "arkit_names": np.array(template.expression_names),
    }


def _rows(reader: TakeReader, template: Template) -> list[Row]:
    vertices = len(reader.actor.neutral)

    def landmarks3d(frames: Frames) -> np.ndarray:
        return template.landmarks(camera_vertices(frames))

    return [
        Row("vertices", (vertices, 3), "f4", camera_vertices),
        Row("intrinsics", (3, 3), "f4", lambda f: f.intrinsics),
        Row("head_pose", (4, 4), "f4", lambda f: f.head_pose),
        Row("landmarks", (68, 2), "f4", lambda f: project(landmarks3d(f), f.intrinsics)),
        Row("landmarks3d", (68, 3), "f4", landmarks3d),
        Row("arkit", (52,), "f4", lambda f: f.arkit),
        Row("gaze", (2, 3), "f4", lambda f: f.gaze),
        Row("confidence", (vertices,), "f4", lambda f: f.confidence),
        Row("visible", (vertices,), "?", lambda f: f.visible),
        Row("found", (), "?", lambda f: f.found),
        Row("time", (), "f8", lambda f: f.time),
    ]


def _write_member(
    archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: np.dtype, parts: Iterator[np.ndarray]
) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)  # type: ignore[arg-type]
        for part in parts:
            member.write(np.ascontiguousarray(part).tobytes())
