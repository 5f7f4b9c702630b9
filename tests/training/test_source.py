"""The generator's processes, without PyTorch."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from training.source import BLOCK, TEST_SEED, Generator, Source


def test_a_generator_that_cannot_start_says_why_instead_of_waiting_for_ever() -> None:
    source = Source(Generator("training.no_such_generator"), workers=1, seed=1)
    try:
        with pytest.raises(ModuleNotFoundError, match="no_such_generator"):
            source.start(0, 4).get(timeout=60)
    finally:
        source.close()


@pytest.mark.parametrize("seed", [-1, 40, 1001])
def test_a_run_whose_seed_would_draw_the_held_out_people_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="held-out"):
        Source(Generator("training.standin", size=64), workers=1, seed=seed)


@pytest.mark.parametrize("seed", [0, 39])
def test_whatever_a_run_s_seed_its_pictures_are_not_of_the_held_out_people(seed: int) -> None:
    class Pool:
        def map_async(self, _call, tasks, chunksize):
            self.seeds = [task[0] for task in tasks]

    source = Source.__new__(Source)
    source.size, source.seed, source.pool = 64, seed, Pool()  # pyright: ignore[reportAttributeAccessIssue]
    source.start((BLOCK - 1) // 512 - 1, 512)
    assert max(source.pool.seeds) < TEST_SEED  # pyright: ignore[reportAttributeAccessIssue]


def test_the_stand_in_needs_no_assets_and_comes_as_it_is() -> None:
    source = Source(Generator("training.standin", size=64), workers=1, seed=1)
    try:
        chunk = source.collect(source.start(0, 4))
    finally:
        source.close()
    assert chunk["image"].shape == (4, 64, 64, 3) and chunk["depth"].shape == (4, 32, 32)
