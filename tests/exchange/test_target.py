"""Nothing that is written replaces what it is made from."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil

import cv2
import numpy as np
import pytest
from support.performance import make_performance
from support.stand_in import make_take, make_template
from support.store import store_take
from support.video import write_video

from faceanything_addon import cli
from faceanything_addon.exchange import export as door
from faceanything_addon.exchange import npz
from faceanything_addon.exchange.arkit_json import write_arkit_json
from faceanything_addon.exchange.export import FORMATS

SUFFIXES = {"arkit-json": "json", "livelink": "csv"}


@pytest.fixture(scope="module")
def template():
    return make_template(4)


@pytest.fixture(autouse=True)
def stand_in(template, monkeypatch):
    for module in (door, npz):
        monkeypatch.setattr(module, "load_template", lambda: template)


def take_of(template, footage, folder):
    """A take in which everything lies that may be in one."""
    take = make_take(template, 3, footage=str(footage))
    folder = store_take(take, folder)
    (folder / "evidence").mkdir(exist_ok=True)
    for name in ("bridge.npz", "evidence/00000.npz"):
        shutil.copyfile(folder / "actor.npz", folder / name)
    cv2.imwrite(str(folder / "texture.png"), np.full((8, 8, 3), 99, np.uint8))
    return folder


def contents(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def run(capsys, *words):
    """Exit code and the error's line."""
    code, error = cli.main([str(word) for word in words]), capsys.readouterr().err
    assert error.count("\n") <= 1
    return code, error


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_over_the_takes_own_footage_is_refused(template, tmp_path, capsys, kind):
    """By whatever path it is named."""
    suffix = SUFFIXES.get(kind, kind)
    footage = write_video(tmp_path / "clip.mp4").rename(tmp_path / f"clip.{suffix}")
    folder = take_of(template, footage, tmp_path / "take")
    (tmp_path / "soft").symlink_to(tmp_path)
    (tmp_path / f"hard.{suffix}").hardlink_to(footage)
    before = contents(tmp_path)
    for name in (footage.name, f"take/../clip.{suffix}", f"soft/clip.{suffix}", f"hard.{suffix}"):
        code, error = run(capsys, "export", folder, "--format", kind, "--out", tmp_path / name)
        assert code == 2 and f"{name}: is the take's own footage; give another name" in error, (name, error)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_over_a_file_of_the_take_is_refused(template, tmp_path, capsys, kind):
    folder = take_of(template, tmp_path / "clip.mp4", tmp_path / "take")
    (tmp_path / "soft").symlink_to(folder)
    before = contents(tmp_path)
    inside = [str(file.relative_to(folder)) for file in before]
    assert len(inside) >= 6
    names = [f"take/{name}" for name in (*inside, "frames/new", "evidence/new")]
    for name in (*names, "take/frames/../actor.npz", "soft/take.json", "soft/frames/new"):
        code, error = run(capsys, "export", folder, "--format", kind, "--out", tmp_path / name)
        assert code == 2 and f"{name}: " in error, (name, error)
    assert contents(tmp_path) == before
    assert run(capsys, "export", folder, "--format", "livelink", "--out", folder / "face.csv") == (0, "")


def test_what_is_written_beside_an_export_replaces_no_footage_either(template, tmp_path, capsys):
    """Meshes bring a picture of the skin."""
    picture = tmp_path / "face_neutral_skin.png"
    cv2.imwrite(str(picture), np.full((48, 64, 3), 99, np.uint8))
    folder, before = take_of(template, tmp_path, tmp_path / "take"), picture.read_bytes()
    code, error = run(capsys, "export", folder, "--format", "pc2", "--out", tmp_path / "face.pc2")
    assert code == 2 and "face_neutral_skin.png: is the take's own footage" in error
    assert picture.read_bytes() == before and not (tmp_path / "face.pc2").exists()
    assert run(capsys, "export", folder, "--format", "pc2", "--out", tmp_path / "other.pc2")[0] == 0


def test_no_recording_is_replaced_by_what_is_made_of_it(tmp_path, capsys):
    phone = write_arkit_json(make_performance(30), tmp_path / "phone.json")
    (tmp_path / "soft.json").symlink_to(phone)
    before = phone.read_bytes()
    for out in (phone, tmp_path / "soft.json"):
        for words in (("calibrate", phone), ("export", phone, "--format", "arkit-json")):
            code, error = run(capsys, *words, "--out", out)
            assert code == 2 and f"{out}: is what it is made from; give another name" in error, words
    assert phone.read_bytes() == before


def test_a_profile_replaces_no_file_of_the_take(template, tmp_path, capsys):
    folder = take_of(template, tmp_path / "clip.mp4", tmp_path / "take")
    before = contents(folder)
    code, error = run(capsys, "calibrate", folder, "--out", folder / "take.json")
    assert code == 2 and "take.json: is one of the take's own files; give another name" in error
    assert contents(folder) == before
