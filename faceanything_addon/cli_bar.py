"""Progress on the command line."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


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
        from tqdm import tqdm

        if progress.message:
            tqdm.write(f"faceanything: {progress.message}", file=sys.stderr)
            return
        if progress.stage != self._stage:
            self.__exit__()
            self._stage = progress.stage
            self._bar = tqdm(
                total=progress.total, initial=progress.done, desc=progress.stage, unit=self._unit, file=sys.stderr
            )
        self._bar.update(progress.done - self._bar.n)


@contextmanager
def percent_bar(stage: str) -> Iterator[Callable[[int, int], None]]:
    """Calls with what is done and the total move one bar."""
    from .jobs.progress import Progress

    with Bar("%") as bar:
        yield lambda done, total: bar.report(Progress(stage, done, total))
