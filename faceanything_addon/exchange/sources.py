"""Performances from takes and from the files of other tools."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from ..take.performance import Performance, take_performance
from ..take.storage import read_errors
from .arkit_json import read_arkit_json
from .ifacialmocap import read_ifacialmocap
from .livelink import read_livelink

MOST_BYTES = 1 << 28  # of a recording: two hours and more
RATES = 0.1, 2000.0  # samples a second of recordings: from a frame every ten seconds to the fastest trackers
LONGEST = 86400.0  # seconds


def read_performance(path: str | Path) -> Performance:
    """Read a take's folder, a Live Link Face recording (.csv), ARKit JSON (.json) or iFacialMocap's text (.txt).

    Raises:
        UserError: none of these, or it cannot be read.
    """
    path = Path(path).expanduser()
    readers = {".csv": read_livelink, ".json": read_arkit_json, ".txt": read_ifacialmocap}
    reader = readers.get(path.suffix.lower())
    with read_errors(path):
        folder, file = path.is_dir(), path.is_file()
        if reader is not None and file and path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path}: is larger than {MOST_BYTES >> 20} MB, which no recording is; check the path")
    if reader is not None and not folder:
        return _in_seconds(reader(path), path)
    if file:
        raise UserError(f"{path}: is no performance; give the folder of a take, or a .csv, .json or .txt file")
    return take_performance(path)


def _in_seconds(performance: Performance, path: Path) -> Performance:
    """The performance, where its times can be those of one. Raises UserError: they are in another unit, or damaged."""
    span = float(performance.time[-1] - performance.time[0])
    if not RATES[0] <= performance.rate <= RATES[1] or span > LONGEST:
        raise UserError(
            f"{path}: its {len(performance)} frames last {span:g} s, at {performance.rate:g} a second, as no "
            "recording's do; its times must be seconds"
        )
    return performance
