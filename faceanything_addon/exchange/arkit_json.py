"""ARKit coefficients as plain JSON. docs/exchange.md describes the file."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..take.performance import Performance, storable
from ..take.storage import target_file, write_atomic
from ..template.names import arkit_names

FORMAT, VERSION = "faceanything-arkit", 1
DIGITS = 6


def write_arkit_json(performance: Performance, out: str | Path) -> Path:
    """Write a performance.

    Raises:
        UserError: the file cannot be written.
    """
    out = target_file(out)
    data: dict[str, Any] = {"format": FORMAT, "version": VERSION, "rate": performance.rate}
    data["names"] = list(performance.names)
    data["time"] = _plain(performance.time - performance.time[0])
    data["coefficients"] = _plain(performance.coefficients)
    for name in ("head", "gaze"):
        array = getattr(performance, name)
        if array is not None:
            data[name] = _plain(array)
    write_atomic(out, lambda file: file.write((json.dumps(data, allow_nan=False) + "\n").encode()))
    return out


def _plain(array: np.ndarray) -> list[Any]:
    return np.round(np.asarray(array, np.float64), DIGITS).tolist()


def read_arkit_json(file: str | Path) -> Performance:
    """Read a performance.

    Raises:
        UserError: not such a file, of a later version, or with arrays that do not fit each other.
    """
    file = Path(file).expanduser()
    try:
        data = json.loads(file.read_text("utf-8-sig"))
        return _parse(data)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from error
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())[:120]
        raise UserError(f"{file}: is no ARKit JSON ({why}); docs/exchange.md describes the file") from error


def _parse(data: Any) -> Performance:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"its format is not {FORMAT!r}")
    if data.get("version") != VERSION:
        raise ValueError(f"its version is {data.get('version')!r}, this program reads {VERSION}")
    time = np.array(data["time"], np.float64)
    count = len(time)
    if time.ndim != 1 or not count or not storable(time).all() or (np.diff(time) <= 0).any():
        raise ValueError("time must be rising numbers")
    names = tuple(data["names"])
    unknown = [name for name in names if name not in arkit_names()]
    if unknown or len(set(names)) != len(names):
        raise ValueError(f"names must be different ARKit coefficients ({unknown[:1] or names[:1]} is not)")
    head, gaze = (
        _array(data, n, s) if n in data else None for n, s in (("head", (count, 3, 3)), ("gaze", (count, 2, 3)))
    )
    coefficients = _array(data, "coefficients", (count, len(names))).astype(np.float32)
    return Performance(time, names, coefficients, _rate(data, time), head, gaze)


def _array(data: dict[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = np.array(data[name], np.float64)
    if array.shape != shape:
        raise ValueError(f"{name} must be {' x '.join(map(str, shape))} numbers")
    wrong = np.argwhere(~storable(array))
    if len(wrong):
        place = "".join(f"[{number}]" for number in wrong[0])
        raise ValueError(f"{name}{place} is {array[tuple(wrong[0])]:g}, which no performance can hold")
    return array


def _rate(data: dict[str, Any], time: np.ndarray) -> float:
    usual = (len(time) - 1) / (time[-1] - time[0]) if len(time) > 1 else 30.0
    rate = float(data.get("rate", usual))
    if not 0 < rate < 1e6:
        raise ValueError("rate must be a number above 0")
    return rate
