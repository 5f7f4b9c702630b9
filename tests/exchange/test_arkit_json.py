# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.performance import make_performance

from faceanything_addon import cli
from faceanything_addon.errors import UserError
from faceanything_addon.exchange.arkit_json import read_arkit_json, write_arkit_json
from faceanything_addon.exchange.sources import read_performance


def test_a_written_file_reads_back(tmp_path):
    played = make_performance(40, 29.97, start=3.0)
    back = read_performance(write_arkit_json(played, tmp_path / "a.json"))
    assert back.names == played.names and back.rate == 29.97
    assert np.allclose(back.time, played.time - 3, atol=1e-6)
    for name in ("coefficients", "head", "gaze"):
        assert np.allclose(getattr(back, name), getattr(played, name), atol=1e-6)


def test_head_and_gaze_may_be_left_out(tmp_path):
    bare = replace(make_performance(4), head=None, gaze=None)
    back = read_arkit_json(write_arkit_json(bare, tmp_path / "a.json"))
    assert back.head is None and back.gaze is None


def test_the_least_file_is_enough(tmp_path):
    data = {
        "format": "faceanything-arkit",
        "version": 1,
        "names": ["jawOpen"],
        "time": [0, 0.5],
        "coefficients": [[0], [1]],
    }
    (tmp_path / "a.json").write_text(json.dumps(data))
    back = read_arkit_json(tmp_path / "a.json")
    assert back.names == ("jawOpen",) and back.rate == 2 and back.coefficients.tolist() == [[0], [1]]


@pytest.mark.parametrize(
    "change",
    [
        {"format": "x"}, {"version": 9}, {"time": [0, 0]}, {"time": []}, {"time": ["a"]},
        {"names": ["smirk", "jawOpen"]},
        {"names": ["jawOpen", "jawOpen"]}, {"coefficients": [[0, 1]]}, {"coefficients": None}, {"head": [1]},
        {"rate": 0}, {"time": [0, 1e308]},
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_in_one_line(tmp_path, change):
    data = {"format": "faceanything-arkit", "version": 1, "names": ["jawOpen", "tongueOut"]}
    data |= {"time": [0, 1], "coefficients": [[0, 0], [1, 1]], **change}
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(data))
    with pytest.raises(UserError, match="is no ARKit JSON") as caught:
        read_arkit_json(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change", "place"),
    [
        ("coefficients", [[0, 0], [1e308, 1]], "coefficients[1][0] is 1e+308"),
        ("coefficients", [[0, float("nan")], [1, 1]], "coefficients[0][1] is nan"),
        ("head", [np.eye(3).tolist(), [[1, 0, 0], [0, 1, 1e300], [0, 0, 1]]], "head[1][1][2] is 1e+300"),
        ("gaze", [[[0, 0, 1], [0, -1e39, 1]]] * 2, "gaze[0][1][1] is -1e+39"),
    ],
)
def test_a_number_beyond_single_precision_is_told_with_its_place(tmp_path, capsys, name, change, place):
    """Where the file is used, too, and not by a traceback."""
    data = {"format": "faceanything-arkit", "version": 1, "names": ["jawOpen", "tongueOut"]}
    data |= {"time": [0, 1], "coefficients": [[0, 0], [1, 1]], name: change}
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(data))
    for kind, out in (("livelink", "a.csv"), ("arkit-json", "a.json")):
        assert cli.main(["export", str(file), "--format", kind, "--out", str(tmp_path / out)]) == 2
        told = capsys.readouterr().err
        assert f"{file}: " in told and place in told and told.count("\n") == 1, told
    assert list(tmp_path.iterdir()) == [file]


def test_what_is_no_json_or_lacks_entries_is_told(tmp_path):
    for text in ("", "[1]", '{"format": "faceanything-arkit", "version": 1}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(UserError, match="is no ARKit JSON"):
            read_arkit_json(tmp_path / "bad.json")
    with pytest.raises(UserError, match="cannot be read"):
        read_arkit_json(tmp_path / "none.json")
