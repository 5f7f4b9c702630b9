"""Work in small steps on Blender's own thread, where bpy may be touched."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import bpy

from ....errors import UserError

BUDGET = 0.08  # seconds of work between two redraws


class StepsJob:
    """A generator that yields shares done and at last its result."""

    def __init__(self, label: str, steps: Generator[Any, None, None]) -> None:
        self.fraction, self.text = 0.0, label
        self.finished, self.cancelled = False, False
        self.error: str | None = None
        self.warnings: list[str] = []
        self.result: Any = None
        self._label, self._steps = label, steps

    def poll(self) -> None:
        """Go on for a moment; to the end where nobody watches."""
        end = time.monotonic() + BUDGET
        try:
            while not self.finished and (bpy.app.background or time.monotonic() < end):
                self._step()
        except UserError as error:
            self._stop(str(error))
        except Exception as error:  # a traceback would be seen by nobody
            self._stop(f"internal error: {type(error).__name__}: {error}")

    def cancel(self) -> None:
        self.cancelled = True
        self._stop(None)

    def kill(self) -> None:
        self.cancel()

    def _step(self) -> None:
        step = next(self._steps, None)
        if step is None:
            self.finished = True
        elif isinstance(step, float):
            self.fraction, self.text = step, f"{self._label}: {step:.0%} (Esc stops)"
        else:
            self.result = step

    def _stop(self, error: str | None) -> None:
        self._steps.close()  # puts the scene back
        self.error, self.finished = error, True
