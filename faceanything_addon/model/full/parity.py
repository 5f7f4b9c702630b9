"""Whether this network gives the numbers that the original code gave: `faceanything check-parity`.

A fixture is an .npz of recorded arrays with a JSON description. Two kinds are known: whole networks with generated
parameters ("configs" in the description), and the steps before and after the network.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import UserError

LIMITS_FILE = Path(__file__).resolve().parents[2] / "data" / "full" / "parity_limits.json"
MISSING = float("inf")
DEFAULT_LIMIT = ("spread", 1e-3)


@dataclass(frozen=True)
class Check:
    """How far one array is from the recorded one."""

    name: str
    error: float
    limit: float
    measure: str  # see `MEASURES`

    @property
    def passed(self) -> bool:
        return self.error <= self.limit

    def line(self) -> str:
        verdict = "ok" if self.passed else "BEYOND"
        return f"{self.name:<34} {self.error:9.2e}  limit {self.limit:7.1e} {self.measure:<9} {verdict}"


def spread(ours: np.ndarray, recorded: np.ndarray) -> float:
    """Largest difference as a share of the recorded array's standard deviation."""
    return absolute(ours, recorded) / max(float(recorded.std()), 1e-12)


def relative(ours: np.ndarray, recorded: np.ndarray) -> float:
    return float((np.abs(ours - recorded) / np.maximum(np.abs(recorded), 1e-12)).max(initial=0))


def absolute(ours: np.ndarray, recorded: np.ndarray) -> float:
    """Largest difference; not-a-numbers must be in the same places."""
    if (np.isnan(ours) != np.isnan(recorded)).any():
        return MISSING
    return float(np.nanmax(np.abs(ours - recorded), initial=0))


def unequal(ours: np.ndarray, recorded: np.ndarray) -> float:
    """Share of elements that differ."""
    return float((ours != recorded).mean()) if recorded.size else 0.0


MEASURES = {"spread": spread, "relative": relative, "absolute": absolute, "unequal": unequal}


class Comparer:
    """Compares arrays by the table of tolerances."""

    def __init__(self) -> None:
        table = json.loads(LIMITS_FILE.read_text(encoding="utf-8"))
        self._limits = [(re.compile(row["arrays"]), row["measure"], float(row["limit"])) for row in table]

    def check(self, name: str, ours: Any, recorded: Any) -> Check:
        """One array; one that is not made here (None), or has another shape, is infinitely wrong."""
        measure, limit = next((row[1:] for row in self._limits if row[0].fullmatch(name)), DEFAULT_LIMIT)
        if ours is None or np.shape(ours) != np.shape(recorded):
            return Check(name, MISSING, limit, measure)
        pair = [np.asarray(a) if measure == "unequal" else np.asarray(a, np.float64) for a in (ours, recorded)]
        return Check(name, MEASURES[measure](*pair), limit, measure)


def check_fixture(fixture: str | Path, description: str | Path) -> Iterable[Check]:
    """Checks one by one, as they are made.

    Raises:
        UserError: a file is missing, unreadable or of another form; PyTorch is missing.
    """
    from . import require

    data = _read_description(Path(description))
    arrays = _read_arrays(Path(fixture))
    require("torch")
    try:
        if "configs" in data:
            from .parity_network import check_networks

            yield from check_networks(arrays, data, Comparer())
        else:
            from .parity_steps import check_steps

            yield from check_steps(arrays, data, Comparer())
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())[:160]
        raise UserError(
            f"{description}: does not describe {fixture} ({reason}); give a parity fixture and its own description"
        ) from error


def _read_description(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}); give the fixture's description") from error
    if not isinstance(data, dict) or not {"configs", "preprocess_cases"} & set(data):
        raise UserError(f"{path}: describes no parity fixture; give the JSON file that came with the .npz")
    return data


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as .npz ({error}); give a parity fixture") from error
