"""The skin's picture in a take's folder: made when it is needed, kept while it is good."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.stand_in import make_take, make_template
from support.store import store_take

from faceanything_addon.exchange import skin
from faceanything_addon.exchange.skin import skin_picture
from faceanything_addon.exchange.texture import write_texture
from faceanything_addon.take import TakeReader, TakeWriter

TEMPLATE = make_template(4)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A small picture is quick."""
    monkeypatch.setattr(skin, "write_texture", lambda take, template, file: write_texture(take, template, file, 64))


def filmed(folder: Path) -> Path:
    """A take of one frame, its footage beside it."""
    footage = folder / "still.png"
    cv2.imwrite(str(footage), np.full((120, 160, 3), 90, np.uint8))
    return store_take(make_take(TEMPLATE, 1, 160, 120, footage=str(footage)), folder / "take")


def painted(folder: Path) -> Path:
    """A whole picture, older than the take."""
    file = folder / "texture.png"
    cv2.imwrite(str(file), np.full((8, 8, 3), 99, np.uint8))
    os.utime(file, (1, 1))
    return file


def asked(folder: Path) -> tuple[Path | None, list[str]]:
    lines: list[str] = []
    return skin_picture(TakeReader(folder), TEMPLATE, lines.append), lines


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_picture_that_was_cut_off_is_made_anew(tmp_path, share):
    """It is newer than the take, and yet not trusted."""
    folder = filmed(tmp_path)
    file = folder / "texture.png"
    assert asked(folder) == (file, [])
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * share)])
    assert asked(folder) == (file, []) and file.read_bytes() == whole


def test_a_picture_that_was_cut_off_is_not_used_where_it_cannot_be_made_anew(tmp_path):
    """Without the footage there is none, and one line says why."""
    folder = store_take(make_take(TEMPLATE, 1), tmp_path / "take")
    file = painted(folder)
    file.write_bytes(file.read_bytes()[:-5])
    found, (line,) = asked(folder)
    assert found is None and "/nowhere/clip.mp4" in line and "\n" not in line


def test_a_whole_picture_older_than_the_take_is_used_where_the_footage_is_not_there(tmp_path):
    """As on another machine: copies have other dates."""
    folder = store_take(make_take(TEMPLATE, 1), tmp_path / "take")
    file = painted(folder)
    before = file.read_bytes()
    assert asked(folder) == (file, []) and file.read_bytes() == before


def test_an_older_picture_is_made_anew_where_the_footage_is_there(tmp_path):
    """The take may have been made anew since."""
    folder = filmed(tmp_path)
    before = painted(folder).read_bytes()
    assert asked(folder) == (folder / "texture.png", [])
    assert (folder / "texture.png").read_bytes() != before and not list(folder.glob("*.partial"))


def test_where_the_picture_cannot_be_written_the_one_that_is_there_is_used(tmp_path):
    """A folder under the temporary name stands for one without rights, as root may write anywhere."""
    folder = filmed(tmp_path)
    (folder / "texture.png.partial").mkdir()
    found, (line,) = asked(folder)
    assert found is None and "texture.png: cannot be written" in line
    file = painted(folder)
    assert asked(folder) == (file, [])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_take_without_rights_tells_that_its_skin_has_no_picture(tmp_path):
    """It is exported nonetheless."""
    folder = filmed(tmp_path)
    folder.chmod(0o500)
    found, (line,) = asked(folder)
    folder.chmod(0o700)
    assert found is None and "may not be written" in line


def test_a_take_that_is_overwritten_does_not_keep_the_picture_of_the_one_before(tmp_path):
    """Else it could be used for another face, where the new footage is not there."""
    folder = filmed(tmp_path)
    painted(folder)
    again = make_take(TEMPLATE, 1)
    writer = TakeWriter.open(folder, again.info, overwrite=True)
    writer.end_evidence(1, 0)
    writer.set_actor(again.actor)
    writer.add_frames(again.frames)
    writer.finish()
    assert not (folder / "texture.png").exists()
