"""Progress on the command line."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

STEP = 10  # percent between plain lines


class PlainBar:
    """What is used of tqdm, as plain lines; Blender's own Python has no tqdm."""

    def __init__(self, total: int, desc: str, initial: int = 0) -> None:
        self.total, self.desc, self.n = total, desc, initial
        self._told = -1

    def update(self, more: float) -> None:
        self.n += more
        percent = int(100 * self.n / max(self.total, 1)) // STEP * STEP
        if percent > self._told:
            self._told = percent
            print(f"{self.desc}: {percent} %", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nothing is left open."""


def new_bar(stage: str, total: int, unit: str = "frame", initial: int = 0) -> Any:
    """A progress bar on standard error, with `n`, `update` and `close`."""
    try:
        from tqdm import tqdm
    except ImportError:
        return PlainBar(total, stage, initial)
    return tqdm(total=total, initial=initial, desc=stage, unit=unit, file=sys.stderr)


def say(message: str) -> None:
    """A line above the bar."""
    try:
        from tqdm import tqdm
    except ImportError:
        print(message, file=sys.stderr, flush=True)
    else:
        tqdm.write(message, file=sys.stderr)


class Bar:
    """Progress bars on standard error, one a stage."""

    def __init__(self, unit: str = "frame") -> None:
        self._bar: Any = None
        self._unit = unit
        self._stage = ""

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def report(self, progress: Any) -> None:
        if progress.message:
            say(f"faceanything: {progress.message}")
            return
        if progress.stage != self._stage:
            self.__exit__()
            self._stage = progress.stage
            self._bar = new_bar(progress.stage, progress.total, self._unit, progress.done)
        self._bar.update(progress.done - self._bar.n)


@contextmanager
def stage_bar(stage: str, unit: str = "frame") -> Iterator[Callable[[int, int], None]]:
    """Calls with what is done and the total move one bar, drawn from the first call on."""
    from .jobs.progress import Progress

    with Bar(unit) as bar:
        yield lambda done, total: bar.report(Progress(stage, done, total))
