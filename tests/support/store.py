"""Takes on disk without a reconstruction."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

from faceanything_addon.take import Take, TakeWriter


def store_take(take: Take, folder: Path) -> Path:
    """Write a take in memory as a finished folder."""
    writer = TakeWriter.open(folder, take.info)
    writer.end_evidence(len(take.frames), 0)
    writer.set_actor(take.actor)
    writer.add_frames(take.frames)
    writer.finish()
    return folder
