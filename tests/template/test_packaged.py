"""Tables of the extension that are missing or damaged."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.reconstruct import driving, guesses, likeness
from faceanything_addon.template import load_template
from faceanything_addon.template.names import arkit_names
from faceanything_addon.template.packaged import DATA, packaged_array, packaged_json


def complaint(read, *given) -> str:
    with pytest.raises(UserError) as error:
        read(*given)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_missing_damaged_and_unfit_tables_are_told_in_a_line_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    assert "a.npy" in complaint(packaged_array, file, (3,))
    for content in (b"", b"not an array", b"\x93NUMPY\x01\x00v\x00{"):
        file.write_bytes(content)
        assert "a.npy" in complaint(packaged_array, file, (3,))
    np.save(file, np.array([{}], object))
    assert "reinstall the extension" in complaint(packaged_array, file, (1,))
    np.save(file, np.zeros(4))
    assert "(4,) instead of (3,)" in complaint(packaged_array, file, (3,))
    (tmp_path / "b.json").write_bytes(b"{")
    assert "reinstall the extension" in complaint(packaged_json, tmp_path / "b.json")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_template_that_was_cut_off_is_told_in_a_line(tmp_path: Path, share: float) -> None:
    """Its archive's own error was no ValueError, and came as a traceback."""
    whole = (DATA / "template.npz").read_bytes()
    (tmp_path / "template.npz").write_bytes(whole[: int(share * len(whole))])
    assert "reinstall the extension" in complaint(load_template, tmp_path / "template.npz")


def test_a_template_with_a_byte_that_changed_is_told_in_a_line(tmp_path: Path) -> None:
    damaged = bytearray((DATA / "template.npz").read_bytes())
    damaged[len(damaged) // 2] ^= 255
    (tmp_path / "template.npz").write_bytes(damaged)
    assert "reinstall the extension" in complaint(load_template, tmp_path / "template.npz")


def test_a_clip_without_its_rules_says_which_file_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((driving, "AMPLITUDE"), (driving, "CROSSTALK"), (likeness, "FILE"), (guesses, "FILE")):
        monkeypatch.setattr(module, name, tmp_path / f"{name}.gone")
    assert "AMPLITUDE.gone" in complaint(driving.embedded_driving.__wrapped__, arkit_names())
    assert "FILE.gone" in complaint(likeness.embedded_likeness.__wrapped__, 3)
    assert "FILE.gone" in complaint(guesses.embedded_guesses.__wrapped__, arkit_names())
