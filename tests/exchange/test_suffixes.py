"""A file whose name promises another kind is not written."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from support.performance import make_performance

from faceanything_addon import cli
from faceanything_addon.exchange.arkit_json import write_arkit_json
from faceanything_addon.exchange.export import FORMATS
from faceanything_addon.exchange.preview import SUFFIXES as PREVIEWS
from faceanything_addon.exchange.suffixes import EXPORTS, KNOWN, PICTURES
from faceanything_addon.footage.images import SUFFIXES as FOOTAGE


@pytest.mark.parametrize("kind", FORMATS)
def test_a_name_that_ends_as_another_kinds_is_refused_and_nothing_is_written(tmp_path, capsys, kind):
    """Before the source is looked for."""
    others = {".mp4", ".MOV", ".png", ".jpg", ".blend", ".fbx", ".glb", ".abc", *EXPORTS.values()} - {EXPORTS[kind]}
    for suffix in sorted(others):
        code = cli.main(["export", str(tmp_path), "--format", kind, "--out", str(tmp_path / f"a{suffix}")])
        error = capsys.readouterr().err
        assert code == 2 and error.count("\n") == 1
        assert f"a{suffix}: {kind} needs a name that ends with {EXPORTS[kind]}" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a", "a.txt", "shot.v2"])
def test_other_names_are_taken(tmp_path, capsys, name):
    phone = write_arkit_json(make_performance(3), tmp_path / "phone.json")
    assert cli.main(["export", str(phone), "--format", "livelink", "--out", str(tmp_path / name)]) == 0
    assert (tmp_path / name).read_text().startswith("Timecode,")


def test_everything_that_is_read_as_footage_or_written_as_preview_is_known():
    assert set(PICTURES) >= FOOTAGE and set(PREVIEWS) <= KNOWN
