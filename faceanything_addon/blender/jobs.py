"""Work that goes on beside Blender's interface. At most one job at a time; bpy is never touched from here."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from ..errors import UserError
from ..jobs.process import WorkerProcess

# Where each stage of a capture begins and ends on the one bar that the user sees.
STAGES = {
    "bridge": (0.0, 0.1, "Comparing the networks"),
    "observing": (0.0, 0.7, "Looking at the footage"),
    "actor": (0.7, 0.74, "Fitting the actor"),
    "fitting": (0.74, 0.9, "Fitting the motion"),
    "meshes": (0.9, 1.0, "Writing the meshes"),
}


class Job(Protocol):
    """What the panel shows and the modal operator drives."""

    fraction: float  # 0..1
    text: str
    finished: bool
    error: str | None
    cancelled: bool
    warnings: list[str]

    def poll(self) -> None: ...
    def cancel(self) -> None: ...
    def kill(self) -> None: ...


class CaptureJob:
    """A clip's reconstruction in a worker process."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.fraction, self.text = 0.0, "Starting"
        self.finished, self.cancelled = False, False
        self.error: str | None = None
        self.take: str | None = None
        self.warnings: list[str] = []

    def poll(self) -> None:
        """Take in what the worker said since the last call."""
        for message in self.process.poll():
            self._hear(message)
        if self.process.finished:
            self.take, self.error = self.process.take, self.process.error
            self.cancelled, self.finished = self.process.was_cancelled, True

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("message"):
            self.warnings.append(str(message["message"]))
        begin, end, label = STAGES.get(str(message.get("stage")), (self.fraction, self.fraction, "Working"))
        done, total = message.get("done", 0), max(1, message.get("total", 1))
        # Only the full-size network has the first stage, so the second begins at 0 too: the bar waits for it.
        self.fraction = max(self.fraction, begin + (end - begin) * min(1.0, done / total))
        self.text = f"{label}: {done} of {total}{time_left(message.get('eta'))}"

    def cancel(self) -> None:
        self.text = "Stopping"
        self.process.cancel()

    def kill(self) -> None:
        self.process.kill()


def time_left(seconds: float | None) -> str:
    """', 1:05 left'; nothing where it is not known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f", {minutes}:{rest:02d} left"


class Stopped(Exception):
    """Raised inside a thread's work to end it."""


class ThreadJob:
    """Work in a thread: `work(report)` calls report(done, total), which raises Stopped once cancelled."""

    def __init__(self, label: str, work: Callable[[Callable[[int, int], None]], object]) -> None:
        self.fraction, self.text = 0.0, label
        self.finished, self.cancelled = False, False
        self.error: str | None = None
        self.warnings: list[str] = []
        self._label, self._work, self._stop = label, work, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work(self._report)
        except Stopped:
            self.cancelled = True
        except UserError as error:
            self.error = str(error)
        except Exception as error:  # a thread's traceback would be seen by nobody
            self.error = f"internal error: {type(error).__name__}: {error}"

    def _report(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise Stopped
        self.fraction, self.text = done / max(1, total), f"{self._label}: {done} of {total}"

    def poll(self) -> None:
        self.finished = not self._thread.is_alive()

    def cancel(self) -> None:
        self._stop.set()

    def kill(self) -> None:
        self.cancel()
        self._thread.join(timeout=5)


class State:
    """What is going on, for the panel."""

    job: Job | None = None
    error: str = ""  # last error, until the next job begins
    note: str = ""  # last good news or warning


state = State()


def stop_all() -> None:
    """End the job at once: a file is loaded, Blender quits or the extension is turned off."""
    if state.job is not None:
        state.job.kill()
        state.job = None
