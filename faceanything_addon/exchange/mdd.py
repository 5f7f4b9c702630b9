"""MDD point caches (LightWave), read by Blender, Maya, Houdini, modo and Cinema 4D.

Layout, big endian: int samples, int points, a float of seconds for each sample, then samples x points x 3 floats.
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
from .pc2 import write_samples

_HEADER = struct.Struct(">ii")


def write_mdd(file: Path, samples: Iterable[np.ndarray], times: np.ndarray) -> None:
    """Write samples one by one. The file is whole or absent.

    Args:
        samples: (V, 3) each, as many as times.
        times: (S,) seconds.

    Raises:
        UserError: the file cannot be written.
    """

    def write(out: IO[bytes]) -> None:
        out.write(_HEADER.pack(len(times), 0))
        out.write(np.asarray(times, ">f4").tobytes())
        points, count = write_samples(out, samples, ">f4")
        if count != len(times):
            raise ValueError(f"{count} samples for {len(times)} times")
        out.seek(0)
        out.write(_HEADER.pack(count, points))

    write_atomic(Path(file), write)


def read_mdd(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Map an MDD file: seconds (S,) f4 and positions (S, V, 3) big-endian f4, read only.

    Raises:
        UserError: the file is missing, no MDD file or cut short.
    """
    file = Path(file)
    try:
        with open(file, "rb") as stream:
            samples, points = _HEADER.unpack(stream.read(_HEADER.size))
        size = file.stat().st_size
    except (OSError, struct.error) as error:
        raise UserError(f"{file}: not a readable MDD cache ({error}); write it again") from error
    begin = _HEADER.size + samples * 4
    if samples <= 0 or points <= 0 or size < begin + samples * points * 12:
        raise UserError(f"{file}: not a whole MDD cache; write it again")
    times = np.fromfile(file, ">f4", samples, offset=_HEADER.size).astype(np.float32)
    return times, np.memmap(file, dtype=">f4", mode="r", offset=begin, shape=(samples, points, 3))
