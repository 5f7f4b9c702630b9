"""How a job tells how far it is."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


class Cancelled(Exception):
    """The user stopped the job. What is on disk can be resumed."""


@dataclass(frozen=True)
class Progress:
    # "bridge" (both networks compared), "observing" (they look at the footage), "actor", "fitting" (motion), "meshes"
    stage: str
    done: int  # frames
    total: int
    eta: float | None = None  # seconds left in this stage
    message: str | None = None  # a line for the user, such as a warning


Report = Callable[[Progress], None]


class Meter:
    """Counts the frames of one stage, reports them with the time left, and stops when the user says so."""

    def __init__(self, stage: str, total: int, done: int, report: Report, cancelled: Callable[[], bool]) -> None:
        self.stage, self.total, self.done = stage, total, done
        self._shown = done
        self._report, self._cancelled = report, cancelled
        self._begin, self._first = time.monotonic(), done
        self.add(0)

    def add(self, frames: int) -> None:
        """Raises Cancelled."""
        if self._cancelled():
            raise Cancelled
        self.done += frames
        self._show(self.done)

    def ahead(self, frames: float) -> None:
        """So many frames beyond those counted are done, but cannot be handed over yet. Raises Cancelled."""
        if self._cancelled():
            raise Cancelled
        shown = min(self.total, self.done + int(frames))
        if shown > self._shown:
            self._show(shown)

    def _show(self, done: int) -> None:
        """Never less than before."""
        self._shown = max(self._shown, done)
        self._report(Progress(self.stage, self._shown, self.total, self._eta()))

    def _eta(self) -> float | None:
        new = self._shown - self._first
        if new <= 0:
            return None
        return (time.monotonic() - self._begin) / new * max(0, self.total - self._shown)
