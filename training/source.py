"""Chunks of rendered pictures from worker processes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.pool import AsyncResult, Pool
from typing import Any

import numpy as np

from .sight import as_seen

Chunk = dict[str, np.ndarray]
FIELDS = ("image", "canonical", "depth", "part", "points", "arkit", "gaze", "face", "inside")
PIECE = 32  # pictures per task; part of what a seed means, so never derived from the number of workers
TEST_SEED = 2_000_000_000  # seeds from here on are the held-out set
BLOCK = 50_000_000  # pictures that a run's seed stands for

_render: Callable[..., Chunk] | None = None
_assets: Any = None
_failure: Exception | None = None


@dataclass(frozen=True)
class Generator:
    """Where the pictures come from: a module with `render_batch` and, if it needs them, `load_assets`."""

    module: str = "training.generator"
    size: int = 192
    assets: str = ""  # folder for `load_assets`; empty: its default


def start_worker(generator: Generator, nice: int) -> None:
    """Load the module and its assets once per process.

    What goes wrong is kept for the first task: a pool whose processes die at their start starts others for ever.
    """
    global _failure
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if nice:
        os.nice(nice)
    try:
        load_generator(generator)
    except Exception as error:
        _failure = error


def load_generator(generator: Generator) -> None:
    """The module's pictures and assets, for this process."""
    global _render, _assets
    module = importlib.import_module(generator.module)
    load = getattr(module, "load_assets", None)
    _assets = load(*([generator.assets] if generator.assets else [])) if load else None
    _render = module.render_batch


def render_piece(task: tuple[int, int, int]) -> Chunk:
    """(seed, n, size) -> the fields the training uses."""
    seed, n, size = task
    if _failure is not None:
        raise _failure
    assert _render is not None
    data = _render(seed, n, _assets, size)
    if "principal" in data:  # the stand-in has no lens: its line of sight is its axis
        data = as_seen(data, _assets.template.eye_centers)
    return {name: np.asarray(data[name]) for name in FIELDS if name in data}


class Source:
    """A pool of generator processes. Chunk number -> pictures, always the same.

    Args:
        seed: of the run, 0 to 39: those beyond would draw the held-out people.

    Raises:
        ValueError: another seed.
    """

    def __init__(self, generator: Generator, workers: int, seed: int, nice: int = 0) -> None:
        if not 0 <= seed < TEST_SEED // BLOCK:
            raise ValueError(f"seed {seed}: a run's is 0 to {TEST_SEED // BLOCK - 1}; others draw the held-out people")
        self.size, self.seed = generator.size, seed
        context = multiprocessing.get_context("spawn")
        self.pool: Pool = context.Pool(workers, start_worker, (generator, nice))

    def start(self, number: int, n: int, first_seed: int | None = None) -> AsyncResult:
        """Begin a chunk of n pictures."""
        base = first_seed if first_seed is not None else self.seed * BLOCK + number * n
        tasks = [(base + i, min(PIECE, n - i), self.size) for i in range(0, n, PIECE)]
        return self.pool.map_async(render_piece, tasks, chunksize=1)

    @staticmethod
    def collect(result: AsyncResult) -> Chunk:
        """Wait for a chunk."""
        pieces = result.get()
        return {name: np.concatenate([p[name] for p in pieces]) for name in pieces[0]}

    def close(self) -> None:
        """End the processes."""
        self.pool.terminate()
        self.pool.join()
