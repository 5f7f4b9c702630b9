"""A long clip in windows with overlap: the windows, their depth scales, and the change from one to the next."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Generic, TypeVar

import numpy as np

from .merge import FullMaps, fit_depth
from .prediction import Joined

OVERLAP_SHARE = 0.25  # of a window that it has in common with the next
SMOOTHING = 0.1  # share of a new window in the metres per unit of depth, once many windows are known
LEAST_RATIOS = 50  # pixels that a scale is read off

Item = TypeVar("Item")


@dataclass(frozen=True)
class Window(Generic[Item]):
    """Consecutive frames that the network sees together."""

    items: list[Item]
    fresh: int  # of them, at the end, that no earlier window had
    last: bool  # none follow

    @property
    def shared(self) -> int:
        """Items, at the beginning, that the window before had too."""
        return len(self.items) - self.fresh


def overlap_of(size: int) -> int:
    """Frames that a window of `size` has in common with the next; 0 for windows of one frame."""
    return min(size - 1, max(1, round(OVERLAP_SHARE * size)))


def windows(items: Iterable[Item], size: int, overlap: int) -> Iterator[Window[Item]]:
    """Windows of `size`, each beginning `size - overlap` items after the one before.

    The last is as long as the others where the clip allows it: it then begins earlier and shares more.
    """
    source = iter(items)
    held = list(islice(source, size))
    fresh = len(held)
    while held:
        following = list(islice(source, 1))
        yield Window(held, fresh, not following)
        if not following:
            return
        following += islice(source, size - overlap - 1)
        held, fresh = [*held, *following][-size:], len(following)


def log_scale_between(earlier: Sequence[np.ndarray], later: Sequence[np.ndarray]) -> float | None:
    """What the logarithm of the later window's depth needs to be added, to have the earlier one's scale.

    The median over all pixels of all shared frames: a wrong depth here and there, or a blinking eye, does not count.

    Args:
        earlier, later: (N_i,) depths of the same pixels of the face, one array a shared frame.

    Returns:
        None where too few pixels are of use.
    """
    ratios = [np.zeros(0)]
    for a, b in zip(earlier, later, strict=True):
        good = (a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)
        ratios.append(np.log(a[good].astype(np.float64)) - np.log(b[good].astype(np.float64)))
    joined = np.concatenate(ratios)
    return float(np.median(joined)) if len(joined) >= LEAST_RATIOS else None


def blend(earlier: FullMaps, later: FullMaps, share: float) -> FullMaps:
    """From one window to the next without a jump; both of one frame and grid, and of one depth scale.

    Args:
        share: of the later one, 0..1. Where only one of them is of use, that one is taken.
    """
    use_a, use_b = earlier.weight > 0, later.weight > 0
    part = np.where(use_a & use_b, share, use_b.astype(float)).astype(np.float32)

    def mixed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        at = part.reshape(part.shape + (1,) * (a.ndim - part.ndim))
        return np.where(at == 0, a, np.where(at == 1, b, a + at * (b - a)))

    return replace(
        later,
        canonical=mixed(earlier.canonical, later.canonical),
        depth=mixed(earlier.depth, later.depth),
        weight=mixed(earlier.weight, later.weight),
    )


@dataclass(frozen=True)
class Scale:
    """Of the depth of one window."""

    log_scale: float = 0.0  # added to the logarithm of its depth, it has the unit of the first window
    log_metric: float | None = None  # of metres per that unit; None: every frame finds its own
    windows: int = 0  # that this rests on

    @property
    def metres(self) -> float | None:
        """Per unit."""
        return None if self.log_metric is None else float(np.exp(self.log_metric))


@dataclass(frozen=True)
class Placed:
    """A window whose depth scale is known."""

    joined: list[Joined]
    scale: Scale

    def maps(self, number: int) -> FullMaps:
        """Of one frame, depth in the unit of the first window."""
        full = self.joined[number].full
        return replace(full, depth=(full.depth * np.exp(self.scale.log_scale)).astype(np.float32))


def place(joined: list[Joined], shared: int, earlier: Placed | None, known: Scale | None = None) -> Placed:
    """Give a window the scale of the one before, over the `shared` frames at its beginning.

    Without one before, or no face in what they share, it begins a unit of its own. A window of one frame has none: two
    such windows have nothing in common.

    Args:
        known: its scale, where it was found before.
    """
    if known is not None or len(joined) == 1:
        return Placed(joined, known or Scale())
    step = None if earlier is None else _step(joined[:shared], earlier.joined[-shared:])
    scale = Scale() if earlier is None or step is None else _follows(earlier.scale, step)
    own = _log_metric(joined, scale.log_scale)
    number = scale.windows + 1
    if own is not None and scale.log_metric is not None:
        own = scale.log_metric + max(1 / number, SMOOTHING) * (own - scale.log_metric)
    return Placed(joined, Scale(scale.log_scale, scale.log_metric if own is None else own, number))


def _follows(scale: Scale, step: float) -> Scale:
    return replace(scale, log_scale=scale.log_scale + step)


def _step(later: list[Joined], earlier: list[Joined]) -> float | None:
    """Logarithm of the earlier window's unit per the later one's."""
    faces = [a.face() & b.face() for a, b in zip(earlier, later, strict=True)]
    before = [one.full.depth[face] for one, face in zip(earlier, faces, strict=True)]
    return log_scale_between(before, [one.full.depth[face] for one, face in zip(later, faces, strict=True)])


def _log_metric(joined: list[Joined], log_scale: float) -> float | None:
    """Logarithm of metres per unit as the embedded network's depth tells it, the median of the frames."""
    found = []
    for one in joined:
        face, maps = one.face(), one.seen.maps
        depth = one.full.depth[face] * np.exp(log_scale)
        line = fit_depth(depth, maps.depth[face], maps.confidence[face]) if face.any() else None
        if line is not None:
            found.append(np.log(line[0]))
    return float(np.median(found)) if found else None
