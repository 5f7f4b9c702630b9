"""Both networks through a clip: the embedded one frame by frame, the full-size one in windows of frames.

The embedded network tells parts, eyes, gaze and sparse points, and where on the template a few sample frames are; from
these the bridge is learned, over which the full-size network's coordinates come. A clip that was stopped goes on from
`state()`: the window that was at work is done again, from the same frames, and so gives the same.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..errors import UserError
from ..footage import Footage, Frame
from .bridge import Bridge, fit_bridge
from .follow import EmbeddedFollower, Pulse
from .maps import FaceMaps
from .merge import FullMaps, collect_pairs, merge_maps
from .prediction import Joined, Prediction, Predictor, Seen, frame_camera, join
from .windows import Placed, Scale, Window, blend, overlap_of, place, windows

SAMPLES = 20  # frames that the bridge is learned from
TRIES = 120  # frames that are looked at to find so many with a face


@dataclass(frozen=True)
class Checkpoint:
    """Where to begin again: a window's first frame, and what was known then."""

    start: int  # frame number
    embedded: dict[str, Any]  # state before that frame
    scale: Scale | None = None  # of that window; None: to be found


class BothFollower:
    """See the module.

    Args:
        embedded: follows the face.
        predictor: the full-size network.
        window: frames a call; 1 takes each on its own.
    """

    def __init__(self, embedded: EmbeddedFollower, predictor: Predictor, window: int) -> None:
        self.embedded, self.predictor = embedded, predictor
        self.window, self.overlap = window, overlap_of(window)
        self.bridge: Bridge | None = None
        self.checkpoint: Checkpoint | None = None
        self._fresh = embedded.state()
        self._known: dict[int, Prediction] = {}  # of sample frames, where each frame is taken on its own anyway

    def state(self) -> dict[str, Any]:
        """All that the following frames depend on, JSON-able; floats survive exactly."""
        assert self.checkpoint is not None
        bridge = {name: array.tolist() for name, array in self.bridge_arrays().items()}
        return {"bridge": bridge, "checkpoint": asdict(self.checkpoint)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.bridge = Bridge.from_arrays({name: np.array(values) for name, values in state["bridge"].items()})
        given = state["checkpoint"]
        scale = Scale(**given["scale"]) if given["scale"] else None
        self.checkpoint = Checkpoint(given["start"], given["embedded"], scale)

    def samples(self, footage: Footage) -> int:
        """How many frames `prepare` looks at, at most."""
        return 0 if self.bridge else min(SAMPLES, len(footage))

    def prepare(self, footage: Footage, pulse: Pulse) -> str:
        """Learn the bridge from frames spread over the clip, unless `restore` brought it; tells how well it fits.

        Raises:
            UserError: no face is seen in them, or the two networks do not agree on it.
        """
        if self.bridge is None:
            pairs = collect_pairs(self._sampled(footage, pulse))
            try:
                self.bridge = fit_bridge(pairs.source, pairs.target, pairs.weight, pairs.frame)
            except UserError as error:
                raise UserError(f"{footage.path}: {error}") from error
        return self.bridge.facts()

    def bridge_arrays(self) -> dict[str, np.ndarray]:
        """To be kept with the take."""
        return self.bridge.arrays() if self.bridge else {}

    def _sampled(self, footage: Footage, pulse: Pulse) -> list[tuple[FaceMaps, FullMaps]]:
        """Sample frames as both networks see them, a window at a time."""
        sampled: list[tuple[FaceMaps, FullMaps]] = []
        seen = self._frames_with_faces(footage, lambda: pulse(len(sampled)))
        for group in windows(seen, self.window, 0):
            joined = self._joined(group.items, pulse, len(sampled), group.fresh)
            sampled += [(one.seen.maps, one.full) for one in joined[group.shared :]]
            pulse(len(sampled))
        if not sampled:
            raise UserError(f"{footage.path}: no face was found in it; use footage that shows one")
        return sampled

    def _frames_with_faces(self, footage: Footage, tried: Callable[[], None]) -> Iterator[Seen]:
        """Up to SAMPLES frames with a face, the first tries spread over the whole clip; `tried` may stop the work."""
        found = 0
        for numbers in spread_passes(len(footage)):
            for frame in picked(footage, numbers):
                self.embedded.restore(self._fresh)
                seen = self._look(frame)
                tried()
                if seen.maps.found:
                    yield seen
                    found += 1
                if found == SAMPLES:
                    return

    def follow(self, footage: Footage, first: int, pulse: Pulse) -> Iterator[tuple[Frame, FaceMaps]]:
        """Frames of the clip from number `first` on, which is the one after the last that `state()` knew of."""
        begin = self.checkpoint or Checkpoint(footage.start, self._fresh)
        self.embedded.restore(begin.embedded)
        seen = (self._look(frame) for frame in footage.frames(begin.start))
        scale, earlier = begin.scale, None
        for window in windows(seen, self.window, self.overlap):
            joined = self._joined(window.items, pulse, 0, window.fresh)
            placed = place(joined, window.shared, earlier, scale)
            for number in self._outgoing(window, earlier):
                self.checkpoint = self._mark_after(number, window, placed, earlier)
                if window.items[number].frame.index >= first:
                    yield window.items[number].frame, self._merged(number, window, placed, earlier)
            scale, earlier = None, placed

    def _look(self, frame: Frame) -> Seen:
        before = self.embedded.state()
        maps = self.embedded.look(frame)
        return Seen(frame, maps, before, self.embedded.state())

    def _joined(self, items: list[Seen], pulse: Pulse, done: int, frames: int) -> list[Joined]:
        """Both networks' word on a window; `pulse` is told `done` frames and the share of `frames` more."""
        index = items[0].frame.index
        if index in self._known:
            return [join(items[0], self._known.pop(index))]
        predicted = self.predictor.predict([seen.frame.image for seen in items], lambda s: pulse(done + s * frames))
        if self.window == 1 and self.bridge is None:
            self._known[index] = predicted[0]
        return [join(seen, given) for seen, given in zip(items, predicted, strict=True)]

    def _outgoing(self, window: Window[Seen], earlier: Placed | None) -> range:
        """Which of a window's frames can be handed over now; the last ones wait for the next window."""
        first = 0 if earlier is None else window.shared - self.overlap
        return range(first, len(window.items) - (0 if window.last else self.overlap))

    def _mark_after(self, number: int, window: Window[Seen], placed: Placed, earlier: Placed | None) -> Checkpoint:
        """What the frame after the window's frame `number` needs."""
        if number + 1 == len(window.items):
            seen = window.items[number]
            return Checkpoint(seen.frame.index + 1, seen.after)
        source = earlier if earlier is not None and number + 1 < window.shared else placed
        seen = source.joined[0].seen
        return Checkpoint(seen.frame.index, seen.before, source.scale)

    def _merged(self, number: int, window: Window[Seen], placed: Placed, earlier: Placed | None) -> FaceMaps:
        """The maps of one frame, going over from the earlier window to this one where they share it."""
        full, focal = placed.maps(number), placed.joined[number].focal
        if earlier is not None and number < window.shared and placed.scale.windows > 1:
            share = (number - (window.shared - self.overlap) + 1) / (self.overlap + 1)
            full = blend(earlier.maps(len(earlier.joined) - window.shared + number), full, share)
        assert self.bridge is not None
        maps = merge_maps(window.items[number].maps, full, self.bridge, placed.scale.metres)
        camera = frame_camera(window.items[number].frame.image, focal)
        return replace(maps, intrinsics=camera) if maps.found else maps


def spread_passes(count: int) -> list[list[int]]:
    """Numbers below `count`, at most TRIES, rising in each pass: first SAMPLES evenly spread, then others between."""
    passes: list[list[int]] = []
    for tries in (SAMPLES, TRIES):
        spread = np.unique(np.linspace(0, count - 1, min(tries, count)).round().astype(int))
        known = {number for numbers in passes for number in numbers}
        passes.append([int(number) for number in spread if int(number) not in known][: TRIES - len(known)])
    return passes


def picked(footage: Footage, numbers: list[int]) -> Iterator[Frame]:
    """These frames of the clip, counted from its start, in one reading; those that are broken are left out."""
    wanted = {footage.start + footage.step * number for number in numbers}
    for frame in footage.frames() if wanted else ():
        if frame.index in wanted:
            yield frame
        if frame.index >= max(wanted):
            return
