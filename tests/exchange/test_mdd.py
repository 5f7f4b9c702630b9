"""MDD caches."""

# SPDX-License-Identifier: GPL-3.0-or-later
import struct

import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.exchange.mdd import read_mdd, write_mdd

TIMES = np.array([0.0, 0.04, 0.08])


def samples():
    return np.random.default_rng(0).normal(size=(3, 5, 3)).astype(np.float32)


def test_what_is_written_is_read(tmp_path):
    write_mdd(tmp_path / "a.mdd", iter(samples()), TIMES)
    times, positions = read_mdd(tmp_path / "a.mdd")
    assert np.allclose(times, TIMES) and np.array_equal(positions, samples())


def test_numbers_are_big_endian_as_specified(tmp_path):
    write_mdd(tmp_path / "a.mdd", [np.full((2, 3), 1.5)], np.array([0.25]))
    assert (tmp_path / "a.mdd").read_bytes() == struct.pack(">ii f 6f", 1, 2, 0.25, *[1.5] * 6)


@pytest.mark.parametrize("head", [(-1, -1), (1 << 30, 1 << 30), (0, 5), (3, 0)])
def test_counts_that_the_file_cannot_hold_are_refused_before_memory_is_taken(tmp_path, head):
    (tmp_path / "a.mdd").write_bytes(struct.pack(">ii", *head) + bytes(100))
    with pytest.raises(UserError, match="whole MDD"):
        read_mdd(tmp_path / "a.mdd")


def test_cut_off_files_are_refused(tmp_path):
    write_mdd(tmp_path / "a.mdd", iter(samples()), TIMES)
    whole = (tmp_path / "a.mdd").read_bytes()
    for size in (0, 5, 8, 15, 30, len(whole) - 1):
        (tmp_path / "a.mdd").write_bytes(whole[:size])
        with pytest.raises(UserError, match="MDD") as caught:
            read_mdd(tmp_path / "a.mdd")
        assert "\n" not in str(caught.value)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    write_mdd(tmp_path / "a.mdd", iter(samples()), TIMES)
    before = (tmp_path / "a.mdd").read_bytes()
    with pytest.raises(ValueError, match="2 samples for 3 times"):
        write_mdd(tmp_path / "a.mdd", iter(samples()[:2]), TIMES)
    assert (tmp_path / "a.mdd").read_bytes() == before and len(list(tmp_path.iterdir())) == 1
