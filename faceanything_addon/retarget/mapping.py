"""What drives which key: a matrix over the coefficients, then a clamp."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..take.storage import is_finite
from ..template.names import arkit_names

NUMBERS = {"gain": 1.0, "offset": 0.0, "low": 0.0, "high": 1.0}
OTHER_SIDE = {"Left": "Right", "Right": "Left"}
SIDES = (
    (re.compile("left|right", re.IGNORECASE), {"left": "right", "right": "left"}),
    (re.compile(r"(?<![a-z])[lr](?![a-z])", re.IGNORECASE), {"l": "r", "r": "l"}),  # a letter on its own
    (re.compile(r"(?<=[a-z])[LR](?![a-z])"), {"l": "r", "r": "l"}),  # smileL
)


@dataclass(frozen=True)
class Target:
    """How one key is driven: clamp(gain * sum(weight * coefficient) + offset, low, high)."""

    sources: tuple[tuple[str, float], ...]  # (coefficient in Apple's spelling, weight)
    gain: float = 1.0
    offset: float = 0.0
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Mapping:
    """Keys of a character and what drives them."""

    name: str
    targets: dict[str, Target]  # by the name of the key, in the order of the columns
    mirror: bool = False  # the subject's left drives the character's right

    def matrix(self, names: tuple[str, ...]) -> np.ndarray:
        """Weights times gain (C, K) f8 from coefficients of these names; a coefficient that is not there is 0."""
        rows = {name: row for row, name in enumerate(names)}
        out = np.zeros((len(names), len(self.targets)))
        for column, target in enumerate(self.targets.values()):
            for source, weight in target.sources:
                row = rows.get(other_side(source) if self.mirror else source)
                if row is not None:
                    out[row, column] += weight * target.gain
        return out

    def evaluate(self, names: tuple[str, ...], coefficients: np.ndarray) -> np.ndarray:
        """Values of all keys at all frames: coefficients (F, C) of these names -> (F, K) f8."""
        targets = self.targets.values()
        offset, low, high = (np.array([getattr(t, n) for t in targets]) for n in ("offset", "low", "high"))
        return np.clip(np.asarray(coefficients, np.float64) @ self.matrix(names) + offset, low, high)

    def told_by(self, names: tuple[str, ...]) -> Mapping:
        """The keys that coefficients of these names tell anything of; the others are not known, which is not 0."""
        told = {other_side(name) if self.mirror else name for name in names}
        targets = {k: t for k, t in self.targets.items() if told & {source for source, _ in t.sources}}
        return replace(self, targets=targets)

    def unused(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Coefficients of these names that drive nothing."""
        driving = self.matrix(names).any(axis=1)
        return tuple(name for name, drives in zip(names, driving, strict=True) if not drives)


def other_side(name: str) -> str:
    """eyeBlinkLeft -> eyeBlinkRight and back; jawOpen stays."""
    for side, other in OTHER_SIDE.items():
        if name.endswith(side):
            return name.removesuffix(side) + other
    return name


def mirrored_target(target: Target) -> Target:
    """The same for the other side of the face."""
    return replace(target, sources=tuple((other_side(name), weight) for name, weight in target.sources))


def opposite_key(name: str, keys: Iterable[str]) -> str | None:
    """The character's key for the other side: Smile_L -> Smile_R, leftBrow -> rightBrow; None: there is none."""
    there = set(keys)
    for pattern, letters in SIDES:
        for found in pattern.finditer(name):
            swapped = letters[found[0].lower()]
            word = swapped.upper() if found[0].isupper() else swapped.title() if found[0][0].isupper() else swapped
            other = name[: found.start()] + word + name[found.end() :]
            if other in there:
                return other
    return None


def parse_target(entry: Any) -> Target:
    """A target from its JSON form: {"sources": {coefficient: weight}, "gain", "offset", "low", "high"}.

    Raises:
        ValueError: says what is wrong with it.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("sources"), dict) or not entry["sources"]:
        raise ValueError('has no "sources"')
    unknown = set(entry) - {"sources", *NUMBERS}
    if unknown:
        raise ValueError(f"has an unknown entry {sorted(unknown)[0]!r}")
    for name in entry["sources"]:
        if name not in arkit_names():
            raise ValueError(f"names {name!r}, which is no ARKit coefficient")
    sources = tuple((name, _number(name, weight)) for name, weight in entry["sources"].items())
    numbers = {name: _number(name, entry.get(name, default)) for name, default in NUMBERS.items()}
    if numbers["low"] > numbers["high"]:
        raise ValueError("has a low above its high")
    return Target(sources, **numbers)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not is_finite(value):
        raise ValueError(f"has {value!r} for {name}, which is no number")
    return float(value)


def describe_target(target: Target) -> dict[str, Any]:
    """The JSON form; what stands at its usual value is left out."""
    numbers = {name: getattr(target, name) for name, usual in NUMBERS.items() if getattr(target, name) != usual}
    return {"sources": dict(target.sources), **numbers}
