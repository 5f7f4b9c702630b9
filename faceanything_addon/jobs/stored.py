"""What was observed, read back from a take in the making."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..take import CHUNK, TakeWriter
from .progress import Meter

PIECE = 8  # frames


def predicted_focal(writer: TakeWriter) -> float | None:
    """Pixels: one focal length for the whole clip, the median of those that a network predicted; None without any."""
    focal = [chunk.evidence["focal"] for chunk in writer.evidence() if "focal" in chunk.evidence]
    known = np.concatenate([f[np.isfinite(f)] for f in focal] or [np.zeros(0)])
    return float(np.median(known)) if len(known) else None


def pieces(writer: TakeWriter, meter: Meter | None) -> Iterator[dict[str, np.ndarray]]:
    """The evidence in small pieces, so that progress and cancelling come often."""
    for chunk in writer.evidence():
        for begin in range(0, len(chunk), PIECE):
            yield {name: array[begin : begin + PIECE] for name, array in chunk.evidence.items()}
            if meter:
                meter.add(min(PIECE, len(chunk) - begin))


def spread(found: np.ndarray, most: int) -> np.ndarray:
    """Numbers of at most `most` frames with a face, evenly spread over those of (F,) found."""
    candidates = np.flatnonzero(found)
    if len(candidates) <= most:
        return candidates
    return candidates[np.round(np.linspace(0, len(candidates) - 1, most)).astype(int)]


def gather(writer: TakeWriter, numbers: np.ndarray) -> dict[str, np.ndarray]:
    """Evidence of the given frames (ascending numbers in the take), one chunk in memory at a time."""
    parts = []
    for number, chunk in enumerate(writer.evidence()):
        begin = number * CHUNK
        rows = numbers[(numbers >= begin) & (numbers < begin + len(chunk))] - begin
        if len(rows):
            parts.append({name: array[rows] for name, array in chunk.evidence.items()})
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
