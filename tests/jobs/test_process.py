# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import toy_worker_path
from support.toy import toy_stages
from support.video import write_video

from faceanything_addon.errors import UserError
from faceanything_addon.jobs import process
from faceanything_addon.jobs.clip import ClipOptions, reconstruct_clip
from faceanything_addon.jobs.process import WorkerProcess, worker_environment
from faceanything_addon.take import read_take


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", 150)


def start(options: ClipOptions, **kwargs) -> WorkerProcess:
    return WorkerProcess(options, script=toy_worker_path, **kwargs)


def until(worker: WorkerProcess, frames: int, timeout: float = 30) -> None:
    """Wait until the worker has seen so many frames."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and not worker.finished:
        if any(m.get("done", 0) >= frames for m in worker.poll()):
            return
        time.sleep(0.005)
    raise AssertionError((worker.error, worker.stderr))


def test_a_worker_makes_the_same_take_as_a_call(tmp_path, video):
    worker = start(ClipOptions(str(video), str(tmp_path / "w")))
    assert worker.wait(60), worker.stderr
    assert (worker.error, worker.was_cancelled) == (None, False) and worker.take == str(tmp_path / "w")
    reconstruct_clip(ClipOptions(str(video), str(tmp_path / "c")), stages=toy_stages())
    for file in (tmp_path / "c").rglob("*.npz"):
        assert file.read_bytes() == (tmp_path / "w" / file.relative_to(tmp_path / "c")).read_bytes()


def test_progress_arrives_in_order_and_chatter_of_libraries_does_not(tmp_path, video):
    worker = start(ClipOptions(str(video), str(tmp_path / "w"), end=30))
    heard = []
    while not worker.finished:
        heard += worker.poll()
        time.sleep(0.01)
    assert [m["done"] for m in heard if m["stage"] == "observing"] == list(range(31))
    assert any("chats" in line for line in worker.stderr)


def test_cancel_stops_and_the_take_resumes(tmp_path, video, monkeypatch):
    monkeypatch.setenv("TOY_PAUSE", "0.01")
    worker = start(ClipOptions(str(video), str(tmp_path / "w")))
    until(worker, 70)
    worker.cancel()
    assert worker.wait(20) and worker.was_cancelled and worker.take is None and worker.error is None
    again = start(ClipOptions(str(video), str(tmp_path / "w"), resume=True))
    assert again.wait(60) and again.take and len(read_take(again.take).frames) == 150


def test_sigterm_stops_too(tmp_path, video, monkeypatch):
    monkeypatch.setenv("TOY_PAUSE", "0.01")
    worker = start(ClipOptions(str(video), str(tmp_path / "w")))
    until(worker, 5)
    os.kill(worker.pid, signal.SIGTERM)
    assert worker.wait(20) and worker.was_cancelled


@pytest.mark.parametrize("frames", [3, 66, 140])
def test_a_killed_worker_resumes_to_the_very_same_files(tmp_path, video, monkeypatch, frames):
    monkeypatch.setenv("TOY_PAUSE", "0.004")
    worker = start(ClipOptions(str(video), str(tmp_path / "w")))
    until(worker, frames)
    os.kill(worker.pid, signal.SIGKILL)
    assert worker.wait(20) and worker.error and "resume" in worker.error
    reconstruct_clip(ClipOptions(str(video), str(tmp_path / "w"), resume=True), stages=toy_stages())
    reconstruct_clip(ClipOptions(str(video), str(tmp_path / "c")), stages=toy_stages())
    for file in (tmp_path / "c").rglob("*.*"):
        assert file.read_bytes() == (tmp_path / "w" / file.relative_to(tmp_path / "c")).read_bytes()


def test_the_end_of_the_parent_ends_the_worker(tmp_path, video):
    options = json.dumps({"footage": str(video), "out": str(tmp_path / "w")})
    code = (
        "import subprocess, sys, time\n"
        f"w = subprocess.Popen([sys.executable, {str(toy_worker_path)!r}, {options!r}], stdin=subprocess.PIPE)\n"
        "print(w.pid, flush=True); time.sleep(1)"
    )
    environment = {**os.environ, "TOY_PAUSE": "0.2"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    pid, *lines = done.stdout.splitlines()
    assert pid.isdigit() and json.loads(lines[-1]) == {"cancelled": True}


def test_a_users_error_arrives_as_its_line(tmp_path):
    worker = start(ClipOptions("/missing clip; rm -rf.mp4", str(tmp_path / "w")))
    assert worker.wait(30) and worker.error and "no such file" in worker.error


def test_a_crash_gives_the_last_words_of_the_worker(tmp_path, video, monkeypatch):
    monkeypatch.setenv("TOY_CRASH", "1")
    worker = start(ClipOptions(str(video), str(tmp_path / "w")))
    assert worker.wait(30) and worker.error and "a last word" in worker.error


def test_a_worker_that_does_not_listen_is_killed(tmp_path, video, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 0.5)
    monkeypatch.setenv("TOY_PAUSE", "60")
    worker = start(ClipOptions(str(video), str(tmp_path / "w")))
    until(worker, 0)
    worker.cancel()
    assert worker.wait(10) and worker.was_cancelled


def test_an_interpreter_that_is_none_is_told(tmp_path, video):
    with pytest.raises(UserError, match="another Python"):
        start(ClipOptions(str(video), str(tmp_path / "w")), python=tmp_path / "python")


def test_the_worker_inherits_no_python_of_ours(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    assert not {"PYTHONPATH", "LD_LIBRARY_PATH"} & set(worker_environment())
