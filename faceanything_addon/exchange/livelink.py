"""The CSV of Epic's Live Link Face app. docs/exchange.md describes it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..solve.gaze import angles, direction
from ..take.performance import Performance, storable
from ..take.storage import target_file, write_atomic
from ..template.names import arkit_names
from ..template.packaged import DATA, packaged_json
from .timecode import APP_RATE, format_timecode, parse_timecodes

AXES = ("Yaw", "Pitch", "Roll")
EYES = ("LeftEye", "RightEye")


@lru_cache(maxsize=1)
def columns() -> tuple[str, ...]:
    """The 61 values of a row in the app's order: 52 coefficients, then head and eyes."""
    return tuple(packaged_json(DATA / "livelink.json"))


def write_livelink(performance: Performance, out: str | Path) -> Path:
    """Write a performance as the app would have recorded it.

    Raises:
        UserError: the file cannot be written.
    """
    out, values = target_file(out), values_by_column(performance)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("Timecode", "BlendShapeCount", *columns()))
    table = np.stack([values.get(name.lower(), np.zeros(len(performance))) for name in columns()], axis=1)
    for time, row in zip(performance.time - performance.time[0], table, strict=True):
        writer.writerow((format_timecode(time), len(row), *(f"{value:.8f}" for value in row)))
    write_atomic(out, lambda file: file.write(text.getvalue().encode()))
    return out


def values_by_column(performance: Performance) -> dict[str, np.ndarray]:
    """Coefficients and angles (F,) by lower-case name; what the performance lacks is missing."""
    out = {name.lower(): performance.coefficients[:, i] for i, name in enumerate(performance.names)}
    if performance.head is not None:
        out |= {f"head{axis.lower()}": a for axis, a in zip(AXES, head_angles(performance.head).T, strict=True)}
    if performance.gaze is not None:
        turns = angles(performance.gaze)
        for eye, name in enumerate(EYES):
            out[f"{name.lower()}yaw"], out[f"{name.lower()}pitch"] = -turns[:, eye, 0], turns[:, eye, 1]
    return out


def head_angles(turns: np.ndarray) -> np.ndarray:
    """Turns (F, 3, 3) in head axes -> (F, 3) radians: yaw to the subject's right, pitch up, roll left ear up."""
    yaw = -np.arctan2(turns[:, 0, 2], turns[:, 2, 2])
    pitch = np.arcsin(np.clip(turns[:, 1, 2], -1, 1))
    return np.stack([yaw, pitch, np.arctan2(turns[:, 1, 0], turns[:, 1, 1])], axis=1)


def head_turns(yaw_pitch_roll: np.ndarray) -> np.ndarray:
    """Inverse of `head_angles`: yaw about the vertical first, then pitch, then roll, each about the turned axis."""
    (sa, sb, sc), (ca, cb, cc) = np.sin(yaw_pitch_roll * [-1, -1, 1]).T, np.cos(yaw_pitch_roll).T
    rows = [
        [ca * cc + sa * sb * sc, sa * sb * cc - ca * sc, sa * cb],
        [cb * sc, cb * cc, -sb],
        [ca * sb * sc - sa * cc, sa * sc + ca * sb * cc, ca * cb],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def read_livelink(file: str | Path) -> Performance:
    """Read a recording: columns by their names in any order, rows in which the app saw no face left out.

    Raises:
        UserError: not such a recording, or a row of it cannot be read.
    """
    file = Path(file).expanduser()
    try:
        text = file.read_text("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text)))
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from error
    except (ValueError, csv.Error) as error:
        raise _refused(file, " ".join(str(error).split())[:120]) from error
    header = [name.strip().lower() for name in rows[0]] if rows else []
    known = [name for name in arkit_names() if name.lower() in header]
    if "timecode" not in header or not known:
        raise _refused(file, "the first line does not name Timecode and coefficients")
    stamps, values = _table(file, header, rows[1:], text.endswith("\n"))
    time, rate = _times(file, stamps)
    rising = np.concatenate([[True], time[1:] > np.maximum.accumulate(time)[:-1]])
    table = {name: column[rising] for name, column in values.items()}
    return replace(_performance(time[rising] - time[0], rate, table, tuple(known)), start=float(time[0]))


def _table(
    file: Path, header: list[str], rows: list[list[str]], ended: bool
) -> tuple[list[str], dict[str, np.ndarray]]:
    """Time codes of the rows that hold a face, and their numbers (F,) by lower-case name; other columns are not read.

    Args:
        ended: the last line was written to its end; one that was cut off is left out.
    """
    known = {name.lower() for name in columns()}
    places = {name: place for place, name in enumerate(header) if name in known}
    stamp = header.index("timecode")
    count = [header.index("blendshapecount")] if "blendshapecount" in header else []
    stamps, values = [], []
    for number, row in enumerate(rows, 2):
        try:
            if not row or min(_numbers(row, count), default=1) <= 0:
                continue
            found, numbers = row[stamp], _numbers(row, places.values())
        except (ValueError, IndexError) as error:
            if number == len(rows) + 1 and (not ended or len(row) < len(header)):
                break
            raise _refused(file, f"line {number} has an entry missing, too great or not a number") from error
        stamps.append(found)
        values.append(numbers)
    if not values:
        raise _refused(file, "it holds no frame with a face")
    return stamps, dict(zip(places, np.array(values).T, strict=True))


def _numbers(row: list[str], places: Iterable[int]) -> list[float]:
    """Raises IndexError, ValueError: an entry is missing, not a number or too great to be kept."""
    numbers = [float(row[place]) for place in places]
    if not storable(numbers).all():
        raise ValueError("not storable")
    return numbers


def _times(file: Path, stamps: list[str]) -> tuple[np.ndarray, float]:
    try:
        time = parse_timecodes(stamps)
    except ValueError as error:
        raise _refused(file, str(error)) from error
    steps = np.diff(time)
    usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1 / APP_RATE
    return time, round(1 / usual, 3)


def _performance(time: np.ndarray, rate: float, column: dict[str, np.ndarray], names: tuple[str, ...]) -> Performance:
    coefficients = np.stack([column[name.lower()] for name in names], axis=1).astype(np.float32)
    head = [f"head{axis.lower()}" for axis in AXES]
    eyes = [[f"{eye.lower()}yaw", f"{eye.lower()}pitch"] for eye in EYES]
    turns = head_turns(np.stack([column[n] for n in head], axis=1)) if all(n in column for n in head) else None
    gaze = None
    if all(name in column for eye in eyes for name in eye):
        gaze = direction(np.stack([np.stack([-column[y], column[p]], axis=1) for y, p in eyes], axis=1))
    return Performance(time, names, coefficients, rate, turns, gaze)


def _refused(file: Path, why: str) -> UserError:
    return UserError(f"{file}: is no Live Link Face recording ({why}); export the take's CSV from the app again")
