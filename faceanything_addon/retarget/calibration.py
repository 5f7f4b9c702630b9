"""What is known of one actor: where the face rests and how far it goes. docs/actor-profile.md describes the file.

A profile changes a performance before it drives anything; the take stays as it is.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from ..take.performance import Performance
from ..take.storage import is_finite, read_json, target_file, write_json
from ..template.names import arkit_names

FORMAT, VERSION = "faceanything-actor", 1
HIGHEST_NEUTRAL = 0.8  # a face that rests higher has no room left to move in
LOWEST_GAIN, HIGHEST_GAIN = 0.5, 2.5
FULL = 98.0  # percentile of a range of motion that counts as the actor's utmost
MOVED = 0.25  # what a coefficient must reach before its utmost is believed
ANGLES = "eyeLook"  # measured turns of the eyes: nothing to remove or scale
TIED = {"mouthClose": "jawOpen"}  # what closes the lips over an open jaw must grow as the jaw does
CURE = "correct the file, or save the profile again"


@dataclass(frozen=True)
class ActorProfile:
    """clip(gain * (x - neutral) / (1 - neutral), 0, 1) for each coefficient; absent ones: neutral 0, gain 1."""

    name: str = "actor"
    neutral: dict[str, float] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)


def calibrate(performance: Performance, profile: ActorProfile) -> Performance:
    """The performance as the profile sees it; itself is not changed."""
    neutral = np.minimum([profile.neutral.get(name, 0.0) for name in performance.names], HIGHEST_NEUTRAL)
    gains = np.array([profile.gains.get(name, 1.0) for name in performance.names])
    values = gains * (performance.coefficients - neutral) / (1 - neutral)
    return replace(performance, coefficients=np.clip(values, 0, 1).astype(np.float32))


def neutral_of(performance: Performance, samples: Sequence[int]) -> dict[str, float]:
    """Median of each coefficient over these samples, above 0; measured angles of the eyes are left out.

    Raises:
        UserError: a sample is not in the performance.
    """
    if not len(samples) or min(samples[0], samples[-1]) < 0 or max(samples[0], samples[-1]) >= len(performance):
        span, last = f"{samples[0]} to {samples[-1]}" if len(samples) else "none", len(performance) - 1
        raise UserError(f"frames {span}: the performance has frames 0 to {last}; choose neutral ones of these")
    medians = np.median(performance.coefficients[list(samples)], axis=0)
    rounded = {name: round(float(v), 4) for name, v in zip(performance.names, medians, strict=True)}
    return {name: value for name, value in rounded.items() if value > 0 and not name.startswith(ANGLES)}


def fit_gains(performance: Performance, neutral: dict[str, float]) -> dict[str, float]:
    """Gains that bring the actor's utmost of each coefficient to 1.

    Left and right share a gain, that of the side that goes further, so a crooked smile stays crooked. What did not
    clearly move keeps its gain.

    Args:
        performance: a range of motion: every expression once, as far as it goes.
        neutral: where the coefficients rest, see `neutral_of`.
    """
    moved = calibrate(performance, ActorProfile(neutral=neutral)).coefficients
    utmost = dict(zip(performance.names, np.percentile(moved, FULL, axis=0), strict=True))
    groups: dict[str, float] = {}
    for name, value in utmost.items():
        groups[_group(name)] = max(groups.get(_group(name), 0.0), float(value))
    gains = {}
    for name in performance.names:
        reach = groups.get(_group(TIED.get(name, name)), 0.0)
        if reach >= MOVED and not name.startswith(ANGLES):
            gains[name] = round(min(max(1 / reach, LOWEST_GAIN), HIGHEST_GAIN), 4)
    return gains


def _group(name: str) -> str:
    return name.removesuffix("Left").removesuffix("Right")


def parse_frames(text: str) -> range:
    """Samples of "12" or "0-15", the last included.

    Raises:
        UserError: neither.
    """
    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal() or int(last or first) < int(first):
        raise UserError(f"{text}: is no range of frames; give one frame, or first and last as 0-15")
    return range(int(first), int(last or first) + 1)


def save_profile(profile: ActorProfile, file: str | Path) -> Path:
    """Write a profile.

    Raises:
        UserError: the file cannot be written.
    """
    file = target_file(file)
    head = {"format": FORMAT, "version": VERSION, "name": profile.name}
    write_json(file, {**head, "neutral": profile.neutral, "gains": profile.gains})
    return file


def load_profile(file: str | Path) -> ActorProfile:
    """Read a profile.

    Raises:
        UserError: not a profile, of a later version, or with an entry that makes no sense.
    """
    file = Path(file).expanduser()
    try:
        data = read_json(file)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check the path and its rights") from error
    except ValueError as error:
        raise UserError(f"{file}: is no actor profile ({' '.join(str(error).split())[:120]}); {CURE}") from error
    if data.get("format") != FORMAT:
        raise UserError(f"{file}: is no actor profile (its format is {data.get('format')!r}, not {FORMAT!r}); {CURE}")
    if data.get("version") != VERSION:
        raise UserError(
            f"{file}: is a profile of version {data.get('version')!r}, not {VERSION}; use the newer program"
        )
    try:
        return profile_of(data, file.stem)
    except ValueError as error:
        raise UserError(f"{file}: the profile {error}; {CURE}") from error


def profile_of(data: dict[str, Any], name: str = ActorProfile.name) -> ActorProfile:
    """The profile that a table holds.

    Args:
        name: of a profile that tells none.

    Raises:
        ValueError: says what is wrong.
    """
    told = data.get("name")
    neutral, gains = _numbers(data, "neutral", 0.0, 1.0), _numbers(data, "gains", 0.0, 10.0)
    return ActorProfile(told if isinstance(told, str) else name, neutral, gains)


def _numbers(data: dict[str, Any], entry: str, low: float, high: float) -> dict[str, float]:
    """Coefficient -> number. Raises ValueError: says what is wrong."""
    values = data.get(entry, {})
    if not isinstance(values, dict):
        raise ValueError(f"has {entry!r} that is no table of coefficients")
    for name, value in values.items():
        if name not in arkit_names():
            raise ValueError(f"names {name!r} in {entry!r}, which is no ARKit coefficient")
        if isinstance(value, bool) or not is_finite(value) or not low <= value <= high:
            raise ValueError(f"has {value!r} for {name} in {entry!r}, not a number from {low:g} to {high:g}")
    return {name: float(value) for name, value in values.items()}
