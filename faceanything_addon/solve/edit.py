"""Changes to a captured performance: gain and mute per region, smoothing, a second take over a range."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import UserError
from .reduce import Tolerance
from .regions import HEAD, SIDES, region_names, regions, side_of
from .smooth import STRENGTH, noise_level, smooth

WINDOW = 1 / 3  # seconds that the strongest smoothing looks over; STRENGTH looks over 10 frames
WINDOW_FRAMES = 10.0
CALM = 0.1  # weight: what the strongest smoothing takes for noise at least
MOST_GAIN = 10.0
TURN = 0.1  # of a quaternion's components: what counts as much as a shape key's whole way


@dataclass(frozen=True)
class Edit:
    """What is changed; as it comes, nothing is."""

    gains: Mapping[str, float] = field(default_factory=dict)  # by region or side
    muted: frozenset[str] = frozenset()  # regions or sides
    smooth: float = 0.0  # 0..1
    tolerance: Tolerance | None = None  # None: all keys stay

    @property
    def changes(self) -> bool:
        """Whether anything is changed at all."""
        usual = all(gain == 1 for gain in self.gains.values())
        return not usual or bool(self.muted) or self.smooth > 0 or self.tolerance is not None

    def gain(self, name: str) -> float:
        """Of a region or a side."""
        return 0.0 if name in self.muted else self.gains.get(name, 1.0)

    def key_gain(self, sources: Iterable[tuple[str, float]]) -> float:
        """Of a character's key: the mean over the coefficients that drive it, by their weights.

        Args:
            sources: (coefficient, weight), see `retarget.Target`.
        """
        parts = [(abs(weight), self.coefficient_gain(name)) for name, weight in sources]
        total = sum(weight for weight, _ in parts)
        return sum(weight * gain for weight, gain in parts) / total if total else 1.0

    def coefficient_gain(self, name: str) -> float:
        """Of a coefficient: of its region and its side."""
        side = side_of(name)
        return self.gain(regions().get(name, "")) * (self.gain(side) if side else 1.0)


def editable() -> tuple[str, ...]:
    """What has a gain of its own: the regions, the head, and the character's sides."""
    return (*region_names(), *SIDES)


def parse_edit(
    gains: Iterable[str] = (),
    muted: Iterable[str] = (),
    smooth: float = 0.0,
    tolerance: str | None = None,
    head: bool = True,
) -> Edit:
    """An edit from the words of the command line: gains as `mouth=1.2`, tolerance as `0.5mm` or `0.01`.

    Raises:
        UserError: says which word is wrong.
    """
    values = dict(_gain(word) for word in gains)
    names = frozenset(_known(name) for name in muted) | (frozenset() if head else {HEAD})
    if not 0 <= smooth <= 1:
        raise UserError(f"smooth {smooth:g}: is out of range; give a number from 0 to 1")
    return Edit(values, names, smooth, Tolerance.parse(tolerance) if tolerance else None)


def _gain(word: str) -> tuple[str, float]:
    name, _, number = word.partition("=")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MOST_GAIN:
        raise UserError(f"gain {word!r}: is not understood; write NAME=FACTOR with a factor of 0 to {MOST_GAIN:g}")
    return _known(name), value


def _known(name: str) -> str:
    if name not in editable():
        raise UserError(f"{name!r}: there is no such region; choose one of {', '.join(editable())}")
    return name


def edited(
    time: np.ndarray, values: np.ndarray, gains: np.ndarray, low: np.ndarray, high: np.ndarray, strength: float = 0.0
) -> np.ndarray:
    """Smooth, then multiply, then cut off.

    Args:
        time: (F,) seconds, strictly increasing. values: (F, K).
        gains, low, high: (K,)
        strength: 0..1, see `calmed`.

    Returns:
        (F, K) f8
    """
    return np.clip(calmed(time, values, strength) * gains, low, high)


def calmed(time: np.ndarray, values: np.ndarray, strength: float, unit: float = 1.0) -> np.ndarray:
    """Smooth columns (F, K) as `smooth` does, over a window of strength * 1/3 s whatever the frame rate.

    Args:
        strength: 0 changes nothing, 1 is strongest.
        unit: of the columns: what a full movement is.
    """
    values = np.asarray(values, np.float64)
    if strength <= 0 or len(values) < 4:
        return values.copy()
    frames = strength * WINDOW / float(np.median(np.diff(time)))
    noise = np.array([max(noise_level(column), CALM * unit * strength) for column in values.T])
    # The penalty's weight goes with the fourth power of the window.
    return smooth(time, values, np.ones(len(values)), STRENGTH * (frames / WINDOW_FRAMES) ** 4, noise)


def scaled_turns(turns: np.ndarray, rest: np.ndarray, gain: float) -> np.ndarray:
    """Rotations about their rest with the angle multiplied: unit quaternions (F, 4) w, x, y, z; rest (4,) -> (F, 4)"""
    from scipy.spatial.transform import Rotation

    home = Rotation.from_quat(np.roll(rest, -1))
    moved = home.inv() * Rotation.from_quat(np.roll(turns, -1, axis=1))
    return np.roll((home * Rotation.from_rotvec(moved.as_rotvec() * gain)).as_quat(), 1, axis=1)


def punched(base: np.ndarray, other: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Another take over this one: columns (F, K) and (F, K), weight (F,) of the other -> (F, K)."""
    share = weight[:, None]
    return base * (1 - share) + other * share


def punch_weight(frames: np.ndarray, start: float, end: float, blend_in: float, blend_out: float) -> np.ndarray:
    """Weight (F,) 0..1 of a second take from frame start to end, which fades in and out in straight lines.

    Fades that are longer than the range together are shortened, so that the second take is seen in full somewhere.
    """
    fades = blend_in + blend_out
    if fades > end - start:
        blend_in, blend_out = blend_in * (end - start) / fades, blend_out * (end - start) / fades
    rise = (frames - start) / blend_in if blend_in > 0 else np.ones(len(frames))
    fall = (end - frames) / blend_out if blend_out > 0 else np.ones(len(frames))
    inside = (frames >= start) & (frames <= end)
    return np.where(inside, np.clip(np.minimum(rise, fall), 0.0, 1.0), 0.0)
