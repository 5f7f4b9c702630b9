"""Means of weights."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from training.checkpoint import halved, read_average, save_whole
from training.mix import mixed, share_of
from training.network import Config, FaceNetwork

SMALL = Config(size=32, points=10, stem=(4, 8, 8), width=12, blocks=1, heads=1, mixes=1, looks=2)


def checkpoint(path: Path, seed: int, config: Config = SMALL) -> Path:
    torch.manual_seed(seed)
    save_whole(path, {"config": config.to_dict(), "average": FaceNetwork(config).state_dict()})
    return path


def test_a_mix_lies_between_and_can_be_read_again(tmp_path: Path) -> None:
    one, two = checkpoint(tmp_path / "one.pt", 1), checkpoint(tmp_path / "two.pt", 2)
    save_whole(tmp_path / "mix.pt", mixed({one: 3.0, two: 1.0}))
    config, state = read_average(tmp_path / "mix.pt")
    assert config == SMALL
    a, b = read_average(one)[1], read_average(two)[1]
    for name, value in state.items():
        torch.testing.assert_close(value, (0.75 * a[name].double() + 0.25 * b[name].double()).to(a[name].dtype))
        assert value.dtype == a[name].dtype
    FaceNetwork(config).load_state_dict(state)


def test_a_file_of_half_the_size_is_mixed_and_read_in_single_precision(tmp_path: Path) -> None:
    one = checkpoint(tmp_path / "one.pt", 1)
    config, whole = read_average(one)
    save_whole(tmp_path / "half.pt", {"config": config.to_dict(), "average": halved(whole)})
    read = read_average(tmp_path / "half.pt")[1]
    both = mixed({one: 1.0, tmp_path / "half.pt": 1.0})["average"]
    for name, value in whole.items():
        assert read[name].dtype == both[name].dtype == value.dtype
        torch.testing.assert_close(read[name], value, rtol=1e-3, atol=1e-6)
        torch.testing.assert_close(both[name], value, rtol=1e-3, atol=1e-6)
        assert value.ndim >= 2 or torch.equal(read[name], value)


def test_networks_of_other_sizes_are_refused(tmp_path: Path) -> None:
    one, two = checkpoint(tmp_path / "one.pt", 1), checkpoint(tmp_path / "two.pt", 2, replace(SMALL, width=24))
    with pytest.raises(SystemExit, match="not of one size"):
        mixed({one: 1.0, two: 1.0})


def test_a_head_that_only_one_has_is_taken_over_as_it_is(tmp_path: Path) -> None:
    one, two = checkpoint(tmp_path / "one.pt", 1), checkpoint(tmp_path / "two.pt", 2)
    content = torch.load(two, weights_only=True)
    content["average"]["map.weight"] = torch.tensor([1.0, 3.0])
    save_whole(two, content)
    for files in ({one: 1.0, two: 3.0}, {two: 3.0, one: 1.0}):
        both = mixed(files)["average"]
        torch.testing.assert_close(both["map.weight"], torch.tensor([1.0, 3.0]))
        assert len(both) == len(content["average"])


def test_an_older_file_that_does_not_name_a_size_is_mixed_if_its_network_is_the_same(tmp_path: Path) -> None:
    one, two = checkpoint(tmp_path / "one.pt", 1), checkpoint(tmp_path / "two.pt", 2)
    older = torch.load(one, weights_only=True)
    del older["config"]["mixes"]
    save_whole(one, older)
    assert mixed({one: 1.0, two: 1.0})["config"] == SMALL.to_dict()
    three = checkpoint(tmp_path / "three.pt", 3, replace(SMALL, mixes=2))
    with pytest.raises(SystemExit, match="not of one size"):
        mixed({one: 1.0, three: 1.0})


def test_a_share_is_told_after_the_last_equals_sign() -> None:
    assert share_of("runs/a=b/last.pt=0.4") == (Path("runs/a=b/last.pt"), 0.4)
    for wrong in ("last.pt", "last.pt=0"):
        with pytest.raises((argparse.ArgumentTypeError, ValueError)):
            share_of(wrong)
