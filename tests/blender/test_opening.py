"""What was written is shown by another program, where there is one."""

# SPDX-License-Identifier: GPL-3.0-or-later
import sys
import time

import bpy
import pytest
from support.stand_in import make_take
from support.store import store_take
from support.video import write_video

import faceanything_addon
from faceanything_addon.blender import opening
from faceanything_addon.blender.jobs import state
from faceanything_addon.template import load_template

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other programs that open files")


class WithInterface:
    """bpy.app as with an interface, but that a job is waited for instead of polled by its timer."""

    @property
    def background(self):
        return state.job is not None

    def __getattr__(self, name):
        return getattr(APP, name)


APP = bpy.app


@pytest.fixture
def take(monkeypatch, tmp_path):
    """Nothing on the path, in a Blender with an interface."""
    faceanything_addon.register()
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr(bpy, "app", WithInterface())
    footage = write_video(tmp_path / "clip.mp4", 3)
    yield store_take(make_take(load_template(), 3, 64, 48, 30.0, str(footage)), tmp_path / "take")
    faceanything_addon.unregister()
    state.error = state.note = ""


def add_opener(folder, line):
    file = folder / "xdg-open"
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


@pytest.mark.parametrize("opener", ["", "echo no player; exit 3"])
def test_a_preview_that_no_program_opens_is_written_and_told(take, tmp_path, capfd, opener):
    if opener:
        add_opener(tmp_path / "programs", opener)
    assert bpy.ops.face_anything.preview(directory=str(take)) == {"FINISHED"}
    file, said = take / "preview.mp4", capfd.readouterr()
    assert file.stat().st_size and f"Info: {file}: written; no program was found that opens it" in said.out
    assert "Traceback" not in said.err and state.note.startswith(f"{file}: written")


def test_a_program_that_stays_does_not_hold_blender(take, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(opening, "PATIENCE", 0.2)
    add_opener(tmp_path / "programs", f'echo "$1" > {tmp_path}/asked; exec /bin/sleep 20')
    began = time.monotonic()
    assert bpy.ops.face_anything.preview(directory=str(take)) == {"FINISHED"}
    assert time.monotonic() - began < 15 and (tmp_path / "asked").exists()
    assert "no program" not in capfd.readouterr().out


def test_a_preview_is_opened_by_the_systems_program(take, tmp_path, capfd):
    add_opener(tmp_path / "programs", f'echo "$1" > {tmp_path}/asked')
    assert bpy.ops.face_anything.preview(directory=str(take)) == {"FINISHED"}
    assert (tmp_path / "asked").read_text().strip() == str(take / "preview.mp4")
    assert "no program" not in capfd.readouterr().out
