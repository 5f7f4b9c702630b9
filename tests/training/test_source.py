"""The generator's processes, without PyTorch."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from training.source import Generator, Source


def test_a_generator_that_cannot_start_says_why_instead_of_waiting_for_ever() -> None:
    source = Source(Generator("training.no_such_generator"), workers=1, seed=1)
    try:
        with pytest.raises(ModuleNotFoundError, match="no_such_generator"):
            source.start(0, 4).get(timeout=60)
    finally:
        source.close()


def test_the_stand_in_needs_no_assets_and_comes_as_it_is() -> None:
    source = Source(Generator("training.standin", size=64), workers=1, seed=1)
    try:
        chunk = source.collect(source.start(0, 4))
    finally:
        source.close()
    assert chunk["image"].shape == (4, 64, 64, 3) and chunk["depth"].shape == (4, 32, 32)
