# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import keep


@pytest.mark.parametrize("name", ["training/generator/eye.py", "faceanything_addon/reconstruct/lids.py"])
def test_pictures_of_another_generator_are_kept_apart(tmp_path: Path, monkeypatch, name: str) -> None:
    code = tmp_path / name
    code.parent.mkdir(parents=True)
    code.write_text("IRIS = 1")
    monkeypatch.setattr(keep, "ROOT", tmp_path)
    keep.generator_key.cache_clear()
    first = keep.kept_in(tmp_path / "build")
    code.write_text("IRIS = 2")
    keep.generator_key.cache_clear()
    second = keep.kept_in(tmp_path / "build")
    keep.generator_key.cache_clear()
    assert first.is_dir() and second.is_dir() and first != second
