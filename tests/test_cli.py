# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.performance import make_performance
from support.stand_in import make_take, make_template
from support.store import store_take
from support.toy import toy_stages, toy_template
from support.video import write_video

from faceanything_addon import cli
from faceanything_addon.exchange import export, npz
from faceanything_addon.exchange.livelink import write_livelink
from faceanything_addon.exchange.sources import read_performance
from faceanything_addon.jobs import clip
from faceanything_addon.take import TakeWriter, read_take


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> str:
    return str(write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", 30))


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setattr(clip, "default_stages", toy_stages)
    monkeypatch.setattr(npz, "load_template", toy_template)


def run(capsys, *arguments: str | Path) -> tuple[int, str, str]:
    code = cli.main([str(a) for a in arguments])
    return (code, *capsys.readouterr())


def test_reconstruct_info_and_export_work_in_a_row(tmp_path, video, capsys):
    code, out, err = run(capsys, "reconstruct", video, "--out", tmp_path / "t", "--start", "2", "--end", "12")
    assert code == 0 and "complete" in out
    assert [line.split(":")[0] for line in err.splitlines() if "100%" in line] == [
        "observing", "actor", "fitting", "meshes"
    ]  # fmt: skip
    code, out, _ = run(capsys, "info", tmp_path / "t")
    assert code == 0 and "frames: 10" in out
    code, out, _ = run(capsys, "info", tmp_path / "t", "--json")
    facts = json.loads(out)
    assert (facts["frames"], facts["frames_with_face"], facts["start"], facts["stage"]) == (10, 10, 2, "complete")
    code, _, _ = run(capsys, "export", tmp_path / "t", "--format", "npz", "--out", tmp_path / "t.npz")
    assert code == 0 and np.load(tmp_path / "t.npz")["vertices"].shape == (10, 12, 3)


def test_info_tells_that_a_finished_take_is_being_made_anew(tmp_path, video, capsys):
    run(capsys, "reconstruct", video, "--out", tmp_path / "t", "--end", "5")
    _, out, _ = run(capsys, "info", tmp_path / "t")
    assert "stage: complete" in out and "anew" not in out
    TakeWriter.open(tmp_path / "t", read_take(tmp_path / "t").info, overwrite=True)
    _, out, _ = run(capsys, "info", tmp_path / "t")
    assert "stage: complete" in out and "made anew: observing" in out


def test_a_take_is_exported_for_other_tools_and_between_them(tmp_path, video, capsys):
    run(capsys, "reconstruct", video, "--out", tmp_path / "t", "--end", "12")
    for source, kind, name in (
        ("t", "livelink", "a.csv"),
        ("t", "arkit-json", "a.json"),
        ("a.csv", "arkit-json", "b.json"),
    ):
        code, out, _ = run(capsys, "export", tmp_path / source, "--format", kind, "--out", tmp_path / name)
        assert code == 0 and out == f"{tmp_path / name}: written\n"
    first, second = (read_performance(tmp_path / name) for name in ("a.json", "b.json"))
    assert len(first) == 12 and np.allclose(first.coefficients, second.coefficients, atol=1e-6)


def test_json_progress_is_one_object_a_line(tmp_path, video, capsys):
    code, out, _ = run(capsys, "reconstruct", video, "--out", tmp_path / "t", "--json", "--fov-degrees", "60")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and lines[-1] == {"take": str(tmp_path / "t")}
    assert {"stage", "done", "total"} <= set(lines[0])


def test_a_folder_of_pictures_is_taken_at_the_rate_that_is_given(tmp_path, capsys):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((48, 64, 3), 90 + number, np.uint8))
    code, _, _ = run(capsys, "reconstruct", tmp_path, "--out", tmp_path / "t", "--fps", "30")
    assert code == 0 and read_take(tmp_path / "t").info.fps == 30
    assert read_take(tmp_path / "t").frames.time == pytest.approx([0, 1 / 30, 2 / 30])


def test_a_rate_for_a_video_is_refused(tmp_path, video, capsys):
    code, _, err = run(capsys, "reconstruct", video, "--out", tmp_path / "t", "--fps", "30")
    assert code == 2 and "its own frame rate, 25" in err and not (tmp_path / "t").exists()


def test_progress_is_plain_lines_where_there_is_no_tqdm(tmp_path, video, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    code, _, err = run(capsys, "reconstruct", video, "--out", tmp_path / "t", "--end", "12")
    assert code == 0 and {f"{stage}: 100 %" for stage in ("observing", "meshes")} <= set(err.splitlines())
    assert 3 < err.count("\n") < 50
    code, _, err = run(capsys, "export", tmp_path / "t", "--format", "npz", "--out", tmp_path / "t.npz")
    assert code == 0 and err.splitlines()[-1] == "exporting: 100 %"


def test_a_users_error_is_one_line_and_code_2(tmp_path, capsys):
    code, out, err = run(capsys, "reconstruct", tmp_path / "no.mp4", "--out", tmp_path / "t")
    assert code == 2 and out == "" and err.startswith("faceanything: ") and err.count("\n") == 1
    code, out, _ = run(capsys, "reconstruct", tmp_path / "no.mp4", "--out", tmp_path / "t", "--json")
    assert code == 2 and "no.mp4" in json.loads(out)["error"]
    assert not (tmp_path / "t").exists()
    for command in (["info"], ["export", "--format", "npz", "--out", "a.npz"], ["scene", "--out", "a.blend"]):
        code, _, err = run(capsys, command[0], tmp_path, *command[1:])
        assert code == 2 and "is not a take" in err


def test_control_c_says_how_to_go_on_and_the_same_command_does(tmp_path, video, capsys, monkeypatch):
    def interrupted():
        stages = toy_stages()

        def observe(maps, template):
            raise KeyboardInterrupt

        return clip.Stages(stages.template, stages.tracker, observe, stages.fit_actor, stages.fit_frames)

    monkeypatch.setattr(clip, "default_stages", interrupted)
    code, _, err = run(capsys, "reconstruct", video, "--out", tmp_path / "t")
    assert code == 130 and "--resume" in err
    monkeypatch.setattr(clip, "default_stages", toy_stages)
    assert run(capsys, "reconstruct", video, "--out", tmp_path / "t")[0] == 2
    assert run(capsys, "reconstruct", video, "--out", tmp_path / "t", "--resume")[0] == 0


def test_an_unfinished_take_has_info(tmp_path, video, capsys, monkeypatch):
    monkeypatch.setattr(clip, "_observe", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    run(capsys, "reconstruct", video, "--out", tmp_path / "t")
    code, out, _ = run(capsys, "info", tmp_path / "t", "--json")
    assert code == 0 and json.loads(out)["stage"] == "observing"


def test_a_scene_without_bpy_tells_what_to_install(tmp_path, video, capsys, monkeypatch):
    run(capsys, "reconstruct", video, "--out", tmp_path / "t")
    monkeypatch.setitem(sys.modules, "bpy", None)
    monkeypatch.delitem(sys.modules, "faceanything_addon.blender.command", raising=False)
    code, _, err = run(capsys, "scene", tmp_path / "t", "--out", tmp_path / "a.blend")
    assert code == 2 and "faceanything[scene]" in err


def test_retargeting_without_bpy_tells_what_to_install_but_bad_input_first(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "bpy", None)
    monkeypatch.delitem(sys.modules, "faceanything_addon.blender.retarget.command", raising=False)
    rest = ("--character", tmp_path / "a.glb", "--out", tmp_path / "a.blend")
    code, _, err = run(capsys, "retarget", tmp_path, *rest)
    assert code == 2 and "is not a take" in err
    recording = write_livelink(make_performance(3), tmp_path / "a.csv")
    code, _, err = run(capsys, "retarget", recording, *rest, "--preset", "klingon")
    assert code == 2 and "no preset's file and no naming" in err
    code, _, err = run(capsys, "retarget", recording, *rest)
    assert code == 2 and "faceanything[scene]" in err


def test_wrong_usage_is_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["reconstruct", "a.mp4"])
    assert caught.value.code == 2


def test_the_help_of_retarget_names_every_region(capsys):
    from faceanything_addon.solve.edit import editable

    with pytest.raises(SystemExit):
        cli.main(["retarget", "--help"])
    assert ", ".join(editable()) in " ".join(capsys.readouterr().out.split())


def test_names_beyond_the_code_page_of_redirected_output_are_printed_in_ascii(tmp_path):
    """The export is written, the exit code 0, and the letters stand as escapes."""
    recording = write_livelink(make_performance(3), tmp_path / "a.csv")
    done = subprocess.run(
        [sys.executable, "-m", "faceanything_addon.cli", "export", str(recording), "--format", "livelink"]
        + ["--out", str(tmp_path / "撮影.csv")],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        cwd=Path(cli.__file__).parents[1],
        capture_output=True,
    )
    assert (tmp_path / "撮影.csv").is_file() and done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"{tmp_path}/".encode() + b"\\u64ae\\u5f71.csv:", b"written"]


@pytest.mark.skipif(os.name == "nt", reason="pipes end otherwise there")
def test_whoever_stops_reading_sees_no_traceback(tmp_path):
    """`faceanything ... | head -1`: the file is written, and nothing is said of the broken pipe."""
    recording = write_livelink(make_performance(3), tmp_path / "a.csv")
    unread, output = os.pipe()
    os.close(unread)
    done = subprocess.run(
        [sys.executable, "-m", "faceanything_addon.cli", "export", str(recording), "--format", "livelink"]
        + ["--out", str(tmp_path / "b.csv")],
        cwd=Path(cli.__file__).parents[1],
        stdout=output,
        stderr=subprocess.PIPE,
    )
    os.close(output)
    assert (tmp_path / "b.csv").is_file() and done.returncode == cli.EXIT_UNREAD
    assert b"Traceback" not in done.stderr and b"Broken" not in done.stderr


def test_a_code_page_keeps_json_whole_and_the_streams_are_as_before(tmp_path, video, capsys, monkeypatch):
    """JSON lines are ASCII already; Blender's own streams, which the command line prints to, are not changed."""
    run(capsys, "reconstruct", video, "--out", tmp_path / "撮影", "--end", "3")
    stream = TextIOWrapper(BytesIO(), "cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(["info", str(tmp_path / "撮影"), "--json"]) == 0
    assert cli.main(["info", str(tmp_path / "撮影")]) == 0
    stream.flush()
    lines = stream.buffer.getvalue().decode("cp1252").splitlines()
    assert json.loads(lines[0])["take"] == str(tmp_path / "撮影") and lines[1].endswith("\\u64ae\\u5f71")
    assert (stream.encoding, stream.errors) == ("cp1252", "strict")


def test_resuming_and_overwriting_exclude_each_other(tmp_path, video, capsys):
    """Together they would throw away what is to be gone on with."""
    run(capsys, "reconstruct", video, "--out", tmp_path / "t", "--end", "3")
    with pytest.raises(SystemExit) as caught:
        run(capsys, "reconstruct", video, "--out", tmp_path / "t", "--end", "3", "--resume", "--overwrite")
    assert caught.value.code == 2 and "not allowed with argument --resume" in capsys.readouterr().err
    assert len(read_take(tmp_path / "t").frames) == 3


def test_an_export_whose_skin_has_no_picture_says_why(tmp_path, capsys, monkeypatch):
    """One line on standard error; the files are written."""
    template = make_template(4)
    monkeypatch.setattr(export, "load_template", lambda: template)
    folder = store_take(make_take(template, 3), tmp_path / "t")
    code, out, err = run(capsys, "export", folder, "--format", "pc2", "--out", tmp_path / "a.pc2")
    assert code == 0 and "a.pc2: written" in out
    (line,) = [line for line in err.splitlines() if line.startswith("faceanything:")]
    assert "the skin has no picture" in line and "/nowhere/clip.mp4" in line
