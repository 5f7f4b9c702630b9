"""Whose run a take in the making is: the one that wrote its take.json last."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from ..errors import UserError
from .anew import HEADER_FILE


class Claim:
    """Two runs in one folder would make a take of two clips: the earlier one has to stop.

    No lock: those outlive a run that was killed, and do not hold between the machines that share a drive.
    """

    def __init__(self, folder: Path) -> None:
        """Of the run that has just written take.json."""
        self.folder = folder
        self._mark = self._look()

    def check(self) -> None:
        """Raises UserError: another run has taken the folder since."""
        if self._look() != self._mark:
            raise UserError(
                f"{self.folder}: another run is writing to this folder, or it was removed; let one run end before "
                "another begins, or give each a folder of its own"
            )

    def _look(self) -> tuple[int, int] | None:
        """take.json is a new file whenever it is written."""
        try:
            found = (self.folder / HEADER_FILE).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns
