"""What the network saw, chunk by chunk, kept while a take is being made."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from .codec import MAX_CHUNK
from .storage import damaged, parse_json, read_npz, write_npz

CHUNK = 64  # frames per file
PREFIX = "evidence."
MAX_BYTES = 1 << 30  # of one array: more cannot be a chunk of ours
MAX_STATE = 1 << 24


@dataclass(frozen=True)
class EvidenceChunk:
    """n consecutive decoded frames."""

    evidence: dict[str, np.ndarray]  # first axis = frame
    index: np.ndarray  # (n,) i8 frame numbers in the footage
    time: np.ndarray  # (n,) f8 seconds
    tracker_state: dict[str, Any]  # the tracker's, after the last of these frames

    def __len__(self) -> int:
        return len(self.index)


def chunk_path(folder: Path, number: int) -> Path:
    """File of chunk `number`, named by the take frame that it begins with."""
    return folder / f"{number * CHUNK:06d}.npz"


def write_evidence(folder: Path, number: int, chunk: EvidenceChunk) -> None:
    state = np.frombuffer(json.dumps(chunk.tracker_state).encode(), np.uint8)
    arrays = {PREFIX + name: array for name, array in chunk.evidence.items()}
    write_npz(
        chunk_path(folder, number),
        {**arrays, "index": chunk.index, "time": chunk.time, "tracker_state": state},
    )


def read_evidence(folder: Path, number: int) -> EvidenceChunk:
    """Raises UserError: missing or damaged."""
    path = chunk_path(folder, number)
    arrays = read_npz(path, _check)
    try:
        index, time, state = (arrays.pop(n) for n in ("index", "time", "tracker_state"))
        tracker_state = parse_json(state.tobytes())
    except (KeyError, ValueError) as error:
        raise damaged(path, f"{type(error).__name__} {error}") from error
    evidence = {name.removeprefix(PREFIX): array for name, array in arrays.items()}
    if not len(index) or any(len(a) != len(index) for a in (time, *evidence.values())):
        raise damaged(path, "its arrays differ in length")
    return EvidenceChunk(evidence, index, time, tracker_state)


def _check(name: str, shape: tuple[int, ...], dtype: np.dtype) -> bool:
    if name == "tracker_state":
        return len(shape) == 1 and shape[0] <= MAX_STATE and dtype == np.uint8
    if not shape or shape[0] > MAX_CHUNK:
        return False
    if name in ("index", "time"):
        return len(shape) == 1 and dtype == (np.int64 if name == "index" else np.float64)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    return name.startswith(PREFIX) and dtype.kind in "biuf" and size <= MAX_BYTES


def sound_chunks(folder: Path) -> Iterator[EvidenceChunk]:
    """Chunks from the first on, up to the first that is missing, damaged or short."""
    number = 0
    while True:
        try:
            chunk = read_evidence(folder, number)
        except UserError:
            return
        yield chunk
        if len(chunk) != CHUNK:
            return
        number += 1
