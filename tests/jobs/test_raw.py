"""Predictions of the released tool, simulated on the demo clip, become a take."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.raw_file import write_raw
from support.trusted import trusted

from faceanything_addon import cli
from faceanything_addon.errors import UserError
from faceanything_addon.jobs import Cancelled
from faceanything_addon.jobs.clip import ClipOptions, default_stages, reconstruct_clip
from faceanything_addon.jobs.raw import RawOptions, import_raw
from faceanything_addon.take import read_take
from faceanything_addon.template import Part, load_template

CLIP = Path(__file__).resolve().parents[2] / "demo" / "clip.mp4"
START, END = 30, 42


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    return write_raw(tmp_path_factory.mktemp("raw") / "raw_predictions.npz", CLIP, START, END)


def options(raw: Path, out: Path, **changes) -> RawOptions:
    given = {"footage": str(CLIP), "out": str(out), "start": START, "end": END, "raw": str(raw), "threads": 1}
    return RawOptions(**{**given, **changes})


def files(take: Path) -> dict[str, bytes]:
    return {str(f.relative_to(take)): f.read_bytes() for f in take.rglob("*") if f.is_file()}


@pytest.fixture(scope="module")
def whole(raw: Path, tmp_path_factory) -> tuple[Path, list]:
    heard: list = []
    return import_raw(options(raw, tmp_path_factory.mktemp("whole") / "take"), heard.append), heard


def test_predictions_in_a_foreign_space_give_the_take_they_were_made_from(whole, tmp_path):
    """The simulated predictions are the embedded network's own maps, bent and turned into another space.

    What is imported is taken at its word, the embedded network's depth, likenesses and motions are not: here both are
    the same, and both are.
    """
    ours = read_take(whole[0])
    clip = ClipOptions(str(CLIP), str(tmp_path / "t"), START, END, threads=1)
    own = read_take(reconstruct_clip(clip, stages=trusted(default_stages())))
    assert (ours.info.predictor, ours.info.start, ours.info.end) == ("full", START, END)
    assert np.array_equal(ours.frames.time, own.frames.time)
    template = load_template()
    front = (template.part == Part.SKIN) & (template.regions["face"] > 0.5)
    off = np.linalg.norm(ours.frames.vertices - own.frames.vertices, axis=2)[:, front]
    assert off.mean() < 0.0005 and off.max() < 0.002
    assert np.abs(ours.frames.gaze - own.frames.gaze).max() < 0.02


def test_progress_has_a_stage_for_the_bridge_and_tells_how_well_it_fits(whole):
    stages = list(dict.fromkeys(p.stage for p in whole[1]))
    assert stages == ["bridge", "observing", "actor", "fitting", "meshes"]
    assert any("agree within" in (p.message or "") for p in whole[1])


@pytest.mark.parametrize("checks", [5, 18])  # while learning the bridge, while observing
def test_a_stopped_import_resumes_to_the_very_same_files(raw, whole, tmp_path, checks):
    calls = iter(range(10**6))
    with pytest.raises(Cancelled):
        import_raw(options(raw, tmp_path / "t"), cancelled=lambda: next(calls) >= checks)
    assert files(import_raw(options(raw, tmp_path / "t", resume=True))) == files(whole[0])


def test_every_second_frame_was_predicted(tmp_path):
    path = write_raw(tmp_path / "a.npz", CLIP, 0, 11, step=2)
    take = read_take(import_raw(options(path, tmp_path / "t", start=0, end=11, stride=2)))
    assert len(take.frames) == 6 and np.allclose(np.diff(take.frames.time), 2 / 30, atol=1e-3)


def complaint(**changes) -> str:
    with pytest.raises(UserError) as caught:
        import_raw(options(**changes))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_predictions_that_are_not_of_the_footage_are_refused(raw, tmp_path):
    assert "holds 12 frames, the footage gives 11" in complaint(raw=raw, out=tmp_path / "t", end=END - 1)
    assert "--stride 0" in complaint(raw=raw, out=tmp_path / "t", stride=0)
    assert not (tmp_path / "t").exists()
    with np.load(raw) as data:
        content = dict(data)
    for number, maps in enumerate(content["canonical"]):
        maps[:] = np.roll(maps, 15 * number - 90, axis=1)  # a face that moves otherwise
    np.savez_compressed(tmp_path / "other.npz", **content)
    line = complaint(raw=tmp_path / "other.npz", out=tmp_path / "t")
    assert line.startswith(str(tmp_path / "other.npz")) and "do not agree" in line


def test_a_resumed_import_needs_the_same_predictions(raw, whole, tmp_path):
    other = write_raw(tmp_path / "other.npz", CLIP, START, END, size=126)
    assert "other input" in complaint(raw=other, out=whole[0], resume=True)


def test_the_command_line_imports_and_tells_bad_files_in_one_line(raw, tmp_path, capsys):
    (tmp_path / "bad.npz").write_bytes(raw.read_bytes()[:1000])
    command = ["import-raw", str(tmp_path / "bad.npz"), "--footage", str(CLIP), "--out", str(tmp_path / "t")]
    code = cli.main(command)
    out, err = capsys.readouterr()
    assert code == 2 and not out and err.count("\n") == 1 and "bad.npz" in err and not (tmp_path / "t").exists()
    command[1] = str(raw)
    assert cli.main([*command, "--start", str(START), "--end", str(END)]) == 0
    assert "the take is complete" in capsys.readouterr().out


def test_a_face_under_the_users_mask_is_none(raw, tmp_path, capsys):
    """The first half of the frames is masked out whole; frames are matched by number."""
    masks = tmp_path / "masks"
    masks.mkdir()
    for number in range(START, END):
        value = 255 * (number >= (START + END) // 2)
        cv2.imwrite(str(masks / f"{number:04d}.png"), np.full((8, 8), value, np.uint8))
    take = tmp_path / "take"
    command = ["import-raw", str(raw), "--footage", str(CLIP), "--start", str(START), "--end", str(END)]
    assert cli.main([*command, "--masks", str(masks), "--out", str(take)]) == 0
    found = read_take(take).frames.found
    half = (END - START) // 2
    assert not found[:half].any() and found[half:].all()
    (masks / f"{START:04d}.png").unlink()
    assert cli.main([*command, "--masks", str(masks), "--out", str(take), "--overwrite"]) == 2
    assert f"no mask for frame {START}" in capsys.readouterr().err
