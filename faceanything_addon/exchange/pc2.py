"""PC2 point caches: one position per vertex and sample, read by Blender, Maya, 3ds Max and Houdini.

Layout, little endian: 12 bytes "POINTCACHE2\\0", int version 1, int points, float start, float rate, int samples,
then samples x points x 3 floats.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from ..errors import UserError
from ..take.storage import write_atomic

_HEADER = struct.Struct("<12siiffi")
_MAGIC = b"POINTCACHE2\0"


def write_pc2(file: Path, samples: Iterable[np.ndarray], start: float = 0.0, rate: float = 1.0) -> int:
    """Write samples one by one, so that a long take never has to be in memory. The file is whole or absent.

    Args:
        samples: (V, 3) each, all with the same V, any unit.
        start: frame of the first sample. rate: frames between samples.

    Returns:
        the number of samples.

    Raises:
        UserError: the file cannot be written.
    """
    count = 0

    def write(out: IO[bytes]) -> None:
        nonlocal count
        out.write(_HEADER.pack(_MAGIC, 1, 0, start, rate, 0))
        points, count = write_samples(out, samples, "<f4")
        out.seek(0)
        out.write(_HEADER.pack(_MAGIC, 1, points, start, rate, count))

    write_atomic(Path(file), write)
    return count


def write_samples(out: IO[bytes], samples: Iterable[np.ndarray], dtype: str) -> tuple[int, int]:
    """Append samples (V, 3); V and how many there were.

    Raises:
        ValueError: they differ in V.
    """
    points = count = 0
    for sample in samples:
        points = len(sample) if count == 0 else points
        if sample.shape != (points, 3):
            raise ValueError(f"sample {count} has the shape {sample.shape}, not {(points, 3)}")
        out.write(np.ascontiguousarray(sample, dtype=dtype).tobytes())
        count += 1
    return points, count


def read_pc2(file: Path) -> np.ndarray:
    """Map a PC2 file: (samples, V, 3) f4, read only.

    Raises:
        UserError: the file is missing, not a PC2 file or cut short.
    """
    try:
        data = _head(Path(file))
        magic, version, points, _, _, samples = _HEADER.unpack(data)
    except (OSError, struct.error) as error:
        raise UserError(f"{file}: not a readable PC2 cache ({error}); write it again") from error
    size = _HEADER.size + samples * points * 12
    sound = magic == _MAGIC and version == 1 and points > 0 and samples > 0
    if not sound or Path(file).stat().st_size < size:
        raise UserError(f"{file}: not a whole PC2 cache; write it again")
    return np.memmap(file, dtype="<f4", mode="r", offset=_HEADER.size, shape=(samples, points, 3))


def _head(file: Path) -> bytes:
    with open(file, "rb") as stream:
        return stream.read(_HEADER.size)
