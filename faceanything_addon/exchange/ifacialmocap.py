"""The text of iFacialMocap and Facemotion3d, one frame a line. docs/exchange-ifacialmocap.md describes it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..solve.gaze import direction
from ..take.performance import Performance, storable
from ..template.names import arkit_names
from .livelink import head_turns

APP_RATE = 60.0  # frames a second of the app, where the file holds no times
FRAME_END = "___iFacialMocap"  # which TCP streams put between frames instead of a line's end
TIME = re.compile(r"^\s*([0-9]+(?:\.[0-9]*)?)[\s,;]+(?=[A-Za-z=])")
VALUE = re.compile(r"^([A-Za-z_0-9]+?)[-&](-?[0-9.eE+-]+)$")
SIDES = {"_L": "Left", "_R": "Right"}
PERCENT = 100.0


@dataclass
class _Frame:
    """What a line says."""

    time: float | None
    tracked: bool = True
    values: dict[str, float] = field(default_factory=dict)  # Apple's spelling, 0..1
    turns: dict[str, tuple[float, ...]] = field(default_factory=dict)  # head, leftEye, rightEye: degrees about X, Y, Z


def read_ifacialmocap(file: str | Path) -> Performance:
    """Read a stream that was stored as text; frames without a tracked face are left out.

    Seconds may stand before each frame; else frames are 1/60 s apart.

    Raises:
        UserError: not such a file, or a line of it cannot be read.
    """
    file = Path(file).expanduser()
    try:
        lines = file.read_text("utf-8-sig").replace(FRAME_END, "\n").splitlines()
        return _performance([_parse(line, number) for number, line in enumerate(lines, 1) if line.strip()])
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from error
    except ValueError as error:
        why = " ".join(str(error).split())[:120]
        raise UserError(
            f"{file}: is no iFacialMocap text ({why}); docs/exchange-ifacialmocap.md describes the file"
        ) from error


def _parse(line: str, number: int) -> _Frame:
    stamp = TIME.match(line)
    frame = _Frame(float(stamp[1]) if stamp else None)
    for entry in (line[stamp.end() :] if stamp else line).replace("=", "|").split("|"):
        _take_in(entry.strip(), frame, number)
    return frame


def _take_in(entry: str, frame: _Frame, number: int) -> None:
    name, separator, numbers = entry.partition("#")
    if separator and name in ("head", "leftEye", "rightEye"):
        frame.turns[name] = _angles(numbers, number)
        return
    found = _coefficient(entry)
    if found is None:
        return
    name, value = found
    if name == "trackingStatus":
        frame.tracked = value > 0
    elif name in arkit_names():
        frame.values[name] = min(max(value / PERCENT, 0.0), 1.0)


def _angles(text: str, number: int) -> tuple[float, ...]:
    try:
        angles = tuple(float(part) for part in text.split(",")[:3])
    except ValueError as error:
        raise ValueError(f"line {number} has an angle that is not a number") from error
    if len(angles) != 3 or not np.isfinite(angles).all():
        raise ValueError(f"line {number} has an angle that is missing or not finite")
    return angles


def _coefficient(entry: str) -> tuple[str, float] | None:
    """('eyeBlinkLeft', 37.0) of eyeBlink_L-37 or eyeBlinkLeft&37; None of anything else."""
    match = VALUE.match(entry.strip())
    if match is None:
        return None
    name = match[1]
    if name[-2:] in SIDES:
        name = name[:-2] + SIDES[name[-2:]]
    try:
        value = float(match[2])
    except ValueError:
        return None
    return (name, value) if np.isfinite(value) else None


def _performance(frames: list[_Frame]) -> Performance:
    time, frames = _times([frame for frame in frames if frame.values])
    names = tuple(name for name in arkit_names() if any(name in frame.values for frame in frames))
    table = np.array([[frame.values.get(name, 0.0) for name in names] for frame in frames], np.float32)
    gaze = None
    if all({"leftEye", "rightEye"} <= frame.turns.keys() for frame in frames):
        gaze = np.stack([direction(_yaw_pitch(frames, eye)) for eye in ("leftEye", "rightEye")], axis=1)
    steps = np.diff(time)
    rate = round(1 / float(np.median(steps)), 3) if len(steps) else APP_RATE
    return Performance(time, names, table, rate, _head(frames), gaze)


def _times(frames: list[_Frame]) -> tuple[np.ndarray, list[_Frame]]:
    """Seconds from the first frame with a face on, and the frames whose time rises."""
    stamped = [frame.time is not None for frame in frames]
    if any(stamped) and not all(stamped):
        raise ValueError("some frames have a time and others have none")
    time = np.array([frame.time for frame in frames] if any(stamped) else np.arange(len(frames)) / APP_RATE, float)
    if not storable(time).all():
        raise ValueError("a time is too great")
    chosen = [n for n, frame in enumerate(frames) if frame.tracked]
    if not chosen:
        raise ValueError("it holds no frame with a face")
    latest = np.maximum.accumulate(time[chosen])
    chosen = [n for i, n in enumerate(chosen) if i == 0 or time[n] > latest[i - 1]]
    return time[chosen] - time[chosen[0]], [frames[n] for n in chosen]


def _head(frames: list[_Frame]) -> np.ndarray | None:
    """Turns (F, 3, 3); the file's axes are those of head space, so +X turns the face down and +Y to its left."""
    if not all("head" in frame.turns for frame in frames):
        return None
    x, y, z = np.radians([frame.turns["head"] for frame in frames]).T
    return head_turns(np.stack([-y, -x, z], axis=1))


def _yaw_pitch(frames: list[_Frame], eye: str) -> np.ndarray:
    x, y, _ = np.radians([frame.turns[eye] for frame in frames]).T
    return np.stack([y, -x], axis=1)
