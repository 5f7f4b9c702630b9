"""PC2 caches."""

# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.exchange.pc2 import read_pc2, write_pc2


def test_what_is_written_is_read(tmp_path):
    samples = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    assert write_pc2(tmp_path / "a.pc2", iter(samples)) == 5
    assert np.array_equal(read_pc2(tmp_path / "a.pc2"), samples)


def test_header_is_as_specified(tmp_path):
    write_pc2(tmp_path / "a.pc2", [np.zeros((3, 3))], start=4, rate=0.5)
    data = (tmp_path / "a.pc2").read_bytes()
    assert data[:12] == b"POINTCACHE2\0" and len(data) == 32 + 36
    assert np.frombuffer(data, "<i4", 2, 12).tolist() == [1, 3]
    assert np.frombuffer(data, "<f4", 2, 20).tolist() == [4, 0.5]


def test_cut_off_file_is_refused(tmp_path):
    write_pc2(tmp_path / "a.pc2", [np.zeros((3, 3))] * 2)
    (tmp_path / "a.pc2").write_bytes((tmp_path / "a.pc2").read_bytes()[:-1])
    with pytest.raises(UserError, match="whole PC2"):
        read_pc2(tmp_path / "a.pc2")
    with pytest.raises(UserError):
        read_pc2(tmp_path / "none.pc2")


def test_samples_must_have_one_size(tmp_path):
    with pytest.raises(ValueError, match="sample 1"):
        write_pc2(tmp_path / "a.pc2", [np.zeros((3, 3)), np.zeros((4, 3))])
