"""From a clip's frames to its FaceMaps, in order, whichever networks look at them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from ..footage import Footage, Frame
from .ahead import done_ahead, fetched_ahead
from .maps import FaceMaps
from .masking import exclude

Pulse = Callable[[float], None]  # told how many frames beyond those handed over are done; may raise to stop the work
Rest = Callable[[], FaceMaps]  # what is left of a frame's work; no other frame depends on it
MaskOf = Callable[[Frame], np.ndarray]  # (H, W) bool, False where the user leaves pixels out


class Tracker(Protocol):
    """Frames in order -> what networks see in them."""

    def begin(self, frame: Frame, /) -> Rest:
        """Do what later frames depend on. The rest may be done beside them, and on another thread."""
        ...

    def foresee(self, frame: Frame, /) -> None:
        """Told of the frame after the next one that `begin` gets; what of it can be begun may be, on other threads."""
        ...

    def state(self) -> dict[str, Any]: ...
    def restore(self, state: dict[str, Any], /) -> None: ...


class Follower(Protocol):
    """Frames in, FaceMaps out."""

    def state(self) -> dict[str, Any]:
        """All that the frames after the last one handed over depend on; JSON-able, floats survive exactly."""
        ...

    def restore(self, state: dict[str, Any], /) -> None:
        """Go on from `state()`."""
        ...

    def samples(self, footage: Footage, /) -> int:
        """How many frames `prepare` looks at, at most."""
        ...

    def prepare(self, footage: Footage, pulse: Pulse, /) -> str | None:
        """Find out what has to be known before the first frame; a line for the user. Raises UserError."""
        ...

    def bridge_arrays(self) -> dict[str, np.ndarray]:
        """The bridge between two networks, once it is known; empty without one."""
        ...

    def follow(self, footage: Footage, first: int, pulse: Pulse, /) -> Iterator[tuple[Frame, FaceMaps]]:
        """The clip's frames from number `first` on. Raises UserError."""
        ...


class EmbeddedFollower:
    """The embedded network alone, frame by frame.

    Args:
        mask_of: the user's mask of a frame; None: the whole frame counts.
    """

    def __init__(self, tracker: Tracker, mask_of: MaskOf | None = None) -> None:
        self.tracker, self.mask_of = tracker, mask_of
        self._handed_over: dict[str, Any] | None = None  # the state then; the tracker is frames ahead of it

    def begin(self, frame: Frame) -> Rest:
        """As a tracker's."""
        rest, mask_of = self.tracker.begin(frame), self.mask_of
        return rest if mask_of is None else lambda: exclude(rest(), mask_of(frame))

    def look(self, frame: Frame) -> FaceMaps:
        """One frame. Raises UserError: its mask is missing."""
        self._handed_over = None
        return self.begin(frame)()

    def state(self) -> dict[str, Any]:
        return self._handed_over or self.tracker.state()

    def restore(self, state: dict[str, Any]) -> None:
        self._handed_over = None
        self.tracker.restore(state)

    def samples(self, footage: Footage) -> int:
        return 0

    def prepare(self, footage: Footage, pulse: Pulse) -> None:
        """Nothing has to be."""

    def bridge_arrays(self) -> dict[str, np.ndarray]:
        return {}

    def follow(self, footage: Footage, first: int, pulse: Pulse) -> Generator[tuple[Frame, FaceMaps], None, None]:
        for frame, maps, state in done_ahead(self._steps(footage, first)):
            self._handed_over = state
            yield frame, maps

    def _steps(self, footage: Footage, first: int) -> Iterator[Callable[[], tuple[Frame, FaceMaps, dict[str, Any]]]]:
        """Each frame's rest, with the state after it."""
        for frame, after in with_next(fetched_ahead(footage.frames(first))):
            if after is not None:
                self.tracker.foresee(after)
            rest, state = self.begin(frame), self.tracker.state()
            yield lambda frame=frame, rest=rest, state=state: (frame, rest(), state)


def with_next(frames: Iterable[Frame]) -> Iterator[tuple[Frame, Frame | None]]:
    """Each frame with the one after it."""
    held: Frame | None = None
    for frame in frames:
        if held is not None:
            yield held, frame
        held = frame
    if held is not None:
        yield held, None
