"""Rendered pictures on disk, each used a few times.

Slots of one chunk each lie in one memory-mapped file per field. A chunk is a function of its number alone, so a run
that was killed anywhere renders again what its last checkpoint expects and goes on exactly.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .source import Chunk


class Replay:
    """A ring of `slots` chunks."""

    def __init__(self, folder: Path, slots: int, chunk: int) -> None:
        self.folder, self.slots, self.chunk = folder, slots, chunk
        folder.mkdir(parents=True, exist_ok=True)
        self.arrays: dict[str, np.ndarray] = {}
        self.held = self._read_held()
        self._adopt()

    def _adopt(self) -> None:
        """Map the files of an earlier process."""
        for path in self.folder.glob("*.npy"):
            array = np.lib.format.open_memmap(path, mode="r+")
            if len(array) == self.slots * self.chunk:
                self.arrays[path.stem] = array
        if not self.arrays:
            self.held = [-1] * self.slots

    def _read_held(self) -> list[int]:
        """Chunk number in each slot, -1 for none."""
        try:
            held = json.loads((self.folder / "held.json").read_text())
        except (OSError, ValueError):
            held = []
        fits = len(held) == self.slots and all(isinstance(h, int) for h in held)
        return held if fits else [-1] * self.slots

    def _write_held(self) -> None:
        part = self.folder / "held.json.part"
        part.write_text(json.dumps(self.held))
        part.replace(self.folder / "held.json")

    def expected(self, newest: int) -> list[int]:
        """The chunks that lie in the buffer once `newest` is in."""
        return list(range(max(0, newest - self.slots + 1), newest + 1))

    def missing(self, newest: int) -> list[int]:
        """Those of `expected` that must be rendered."""
        return [c for c in self.expected(newest) if self.held[c % self.slots] != c]

    def put(self, number: int, data: Chunk) -> None:
        """Store a chunk; a kill in between leaves the slot marked empty."""
        self.open(data)
        slot = number % self.slots
        self.held[slot] = -1
        self._write_held()
        for name, value in data.items():
            self.arrays[name][slot * self.chunk : (slot + 1) * self.chunk] = value
        self.held[slot] = number
        self._write_held()

    def open(self, like: Chunk) -> None:
        """Map all fields, shaped like a chunk; where a file does not fit, everything held is forgotten."""
        for name, value in like.items():
            shape = (self.slots * self.chunk, *value.shape[1:])
            if name in self.arrays and self.arrays[name].shape == shape and self.arrays[name].dtype == value.dtype:
                continue
            self.arrays[name], fresh = open_field(self.folder / f"{name}.npy", shape, value.dtype)
            if fresh:
                self.held = [-1] * self.slots

    def rows(self, number: int) -> np.ndarray:
        """Row numbers of a chunk."""
        start = number % self.slots * self.chunk
        return np.arange(start, start + self.chunk)

    def batch(self, rows: np.ndarray, device: torch.device) -> dict[str, Tensor]:
        """Rows as a batch for `augment` and `losses`."""
        return to_batch({name: array[rows] for name, array in self.arrays.items()}, device)


def open_field(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> tuple[np.ndarray, bool]:
    """Memory map of exactly this shape, and whether it is new; an unfit file is replaced."""
    if path.exists():
        try:
            array = np.lib.format.open_memmap(path, mode="r+")
            if array.shape == shape and array.dtype == dtype:
                return array, False
        except ValueError:
            pass
    return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape), True


def to_batch(data: Chunk, device: torch.device) -> dict[str, Tensor]:
    """Stored arrays -> float tensors: image (B, 3, S, S) 0..1, canonical (B, 3, h, w), part long."""
    t = {name: torch.from_numpy(np.ascontiguousarray(value)).to(device) for name, value in data.items()}
    return {
        "image": t["image"].permute(0, 3, 1, 2).float() / 255.0,
        "canonical": t["canonical"].permute(0, 3, 1, 2).float(),
        "depth": t["depth"].float(),
        "part": t["part"].long(),
        "points": t["points"].float(),
        "arkit": t["arkit"].float(),
        "gaze": t["gaze"].float(),
        "face": t["face"].float(),
    }
