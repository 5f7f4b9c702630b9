"""Whatever is in a file, a performance comes out, or one line for the user."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import random

import numpy as np
import pytest
from support.performance import make_performance

from faceanything_addon.errors import UserError
from faceanything_addon.exchange import sources
from faceanything_addon.exchange.arkit_json import write_arkit_json
from faceanything_addon.exchange.livelink import write_livelink
from faceanything_addon.exchange.sources import read_performance


def read_or_refuse(file) -> None:
    try:
        read = read_performance(file)
        assert np.isfinite(read.coefficients).all() and (np.diff(read.time) > 0).all()
    except UserError as error:
        assert str(file) in str(error) and "\n" not in str(error)


@pytest.mark.parametrize(("name", "write"), [("a.csv", write_livelink), ("a.json", write_arkit_json)])
def test_cut_and_spoiled_recordings_never_raise_anything_else(tmp_path, name, write):
    whole = write(make_performance(4), tmp_path / name).read_bytes()
    dice = random.Random(2)
    for trial in range(150):
        data = bytearray(whole[: dice.randrange(len(whole))] if trial % 2 else whole)
        for _ in range(trial % 7):
            data[dice.randrange(len(data))] = dice.randrange(256)
        (tmp_path / name).write_bytes(data)
        read_or_refuse(tmp_path / name)


@pytest.mark.parametrize("text", ["[" * 100000, '{"a":' * 50000, "1e999", "null", '"x"'])
def test_hostile_json_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match="is no ARKit JSON"):
        read_performance(tmp_path / "a.json")


def test_files_that_no_recording_can_be_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_BYTES", 1 << 20)
    for name in ("a.csv", "a.json", "a.txt"):
        (tmp_path / name).write_bytes(bytes((1 << 20) + 1))
        with pytest.raises(UserError, match="is larger than 1 MB"):
            read_performance(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "step"), [("a.json", 1e-5), ("a.json", 1e3), ("a.txt", 1e-11), ("a.txt", 1e3), ("a.txt", 1e5)]
)
def test_times_that_are_no_seconds_are_refused(tmp_path, name, step):
    played, file = make_performance(20), tmp_path / name
    time = step * np.arange(20)
    if name == "a.json":
        write_arkit_json(played, file)
        data = json.loads(file.read_text())
        data.pop("rate")
        file.write_text(json.dumps({**data, "time": time.tolist()}))
    else:
        file.write_text("".join(f"{t:.15f} jawOpen-40|head#0,0,0,0,0,0|\n" for t in time))
    with pytest.raises(UserError, match="its times must be seconds"):
        read_performance(file)
