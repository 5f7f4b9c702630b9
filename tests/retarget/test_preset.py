# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.retarget import Mapping, Target, load_preset, load_table, recognise, save_preset


def test_a_preset_comes_back_as_it_was(tmp_path):
    mapping = replace(recognise(load_table("vrm1").targets).mapping(), mirror=True)
    special = Target((("jawOpen", 0.5), ("mouthClose", -0.25)), gain=1.5, offset=0.1, low=-0.5, high=1.2)
    mapping = replace(mapping, targets={**mapping.targets, "Sonder.Schlüssel": special})
    assert load_preset(save_preset(mapping, tmp_path / "mine.json")) == mapping


def good() -> dict:
    return {"format": "faceanything-retarget", "version": 1, "targets": {"Open": {"sources": {"jawOpen": 1}}}}


def test_the_least_preset_is_enough(tmp_path):
    (tmp_path / "least.json").write_text(json.dumps(good()))
    assert load_preset(tmp_path / "least.json") == Mapping("least", {"Open": Target((("jawOpen", 1.0),))})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "other"}, "is no preset"),
        ({"version": 2}, "use the newer program"),
        ({"targets": {}}, 'no "targets"'),
        ({"targets": []}, 'no "targets"'),
        ({"mirror": 1}, "true or false"),
        ({"targets": {"Open": {}}}, "'Open' has no \"sources\""),
        ({"targets": {"Open": {"sources": {"jawOpne": 1}}}}, "'jawOpne', which is no ARKit coefficient"),
        ({"targets": {"Open": {"sources": {"jawOpen": "1"}}}}, "no number"),
        ({"targets": {"Open": {"sources": {"jawOpen": 10**400}}}}, "no number"),
        ({"targets": {"Open": {"sources": {"jawOpen": 1}, "gian": 2}}}, "unknown entry 'gian'"),
        ({"targets": {"Open": {"sources": {"jawOpen": 1}, "low": 2}}}, "low above its high"),
    ],
)
def test_a_bad_preset_is_one_line_that_names_the_file_and_the_cure(tmp_path, change, told):
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({**good(), **change}))
    with pytest.raises(UserError) as caught:
        load_preset(file)
    line = str(caught.value)
    assert told in line and line.startswith(f"{file}: ") and "; " in line and "\n" not in line


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00", '{"format": NaN', "[" * 200_000])
def test_what_is_no_json_is_told(tmp_path, text):
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(UserError, match="is no preset"):
        load_preset(tmp_path / "bad.json")


def test_places_that_cannot_be_read_or_written_are_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        load_preset(tmp_path / "none.json")
    for place in (tmp_path, tmp_path / "none" / "a.json"):
        with pytest.raises(UserError, match="give the name of a file"):
            save_preset(Mapping("", {}), place)
