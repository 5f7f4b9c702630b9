# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.toy import toy_stages
from support.video import break_packet, write_talkie, write_video

from faceanything_addon.errors import UserError
from faceanything_addon.jobs import Cancelled
from faceanything_addon.jobs.clip import ClipOptions, reconstruct_clip
from faceanything_addon.jobs.stored import spread
from faceanything_addon.reconstruct.guesses import alike
from faceanything_addon.take import read_take
from faceanything_addon.take.performance import take_performance


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    return write_video(tmp_path_factory.mktemp("clip") / "clip.mp4", 150)


def files(take: Path) -> dict[str, bytes]:
    return {str(f.relative_to(take)): f.read_bytes() for f in take.rglob("*") if f.is_file()}


def stop_after(frames: int):
    calls = iter(range(10**9))
    return lambda: next(calls) >= frames


def test_a_clip_becomes_a_take(tmp_path, video):
    heard = []
    out = reconstruct_clip(ClipOptions(str(video), str(tmp_path / "t")), heard.append, stages=toy_stages())
    take = read_take(out)
    assert len(take.frames) == 150 and (take.info.width, take.info.height, take.info.end) == (64, 48, 150)
    assert np.allclose(take.frames.time, np.arange(150) / 25, atol=1e-3)
    assert take.frames.found.all()
    observing = [p.done for p in heard if p.stage == "observing"]
    assert observing == list(range(151)) and heard[-1].stage == "meshes" and heard[-1].done == heard[-1].total == 150
    assert [p.stage for p in heard if p.done == 0] == ["observing", "actor", "fitting", "meshes"]
    assert all(p.done <= p.total for p in heard)
    assert all(p.eta is None or p.eta >= 0 for p in heard) and heard[100].eta is not None
    assert not (out / "evidence").exists()


# Frames 0..150 are observing; then come the checks while fitting.
@pytest.mark.parametrize("checks", [1, 40, 64, 66, 130, 150, 151, 152, 153, 160, 174, 176, 190])
def test_a_stopped_clip_resumes_to_the_very_same_files(tmp_path, video, checks):
    reconstruct_clip(ClipOptions(str(video), str(tmp_path / "whole")), stages=toy_stages())
    options = ClipOptions(str(video), str(tmp_path / "stopped"), resume=True)
    with pytest.raises(Cancelled):
        reconstruct_clip(options, cancelled=stop_after(checks), stages=toy_stages())
    reconstruct_clip(options, stages=toy_stages())
    assert files(tmp_path / "whole") == files(tmp_path / "stopped")


def test_a_clip_stopped_again_and_again_ends_the_same(tmp_path, video):
    reconstruct_clip(ClipOptions(str(video), str(tmp_path / "whole")), stages=toy_stages())
    options = ClipOptions(str(video), str(tmp_path / "stopped"), resume=True)
    for checks in (70, 70, 10):
        with pytest.raises(Cancelled):
            reconstruct_clip(options, cancelled=stop_after(checks), stages=toy_stages())
    reconstruct_clip(options, stages=toy_stages())
    assert files(tmp_path / "whole") == files(tmp_path / "stopped")


def test_resuming_a_finished_take_changes_nothing(tmp_path, video):
    options = ClipOptions(str(video), str(tmp_path / "t"), resume=True)
    reconstruct_clip(options, stages=toy_stages())
    before = files(tmp_path / "t")
    reconstruct_clip(options, stages=toy_stages())
    assert files(tmp_path / "t") == before


def test_a_take_that_is_there_is_refused_before_any_work(tmp_path, video):
    options = ClipOptions(str(video), str(tmp_path / "t"), end=3)
    reconstruct_clip(options, stages=toy_stages())
    with pytest.raises(UserError, match="--overwrite"):
        reconstruct_clip(options, stages=toy_stages())


def test_a_take_survives_an_overwrite_with_bad_footage(tmp_path, video):
    reconstruct_clip(ClipOptions(str(video), str(tmp_path / "t"), end=3), stages=toy_stages())
    with pytest.raises(UserError):
        reconstruct_clip(ClipOptions("missing.mp4", str(tmp_path / "t"), overwrite=True), stages=toy_stages())
    assert len(read_take(tmp_path / "t").frames) == 3


def test_a_take_survives_an_overwrite_that_is_stopped_and_one_that_finds_no_face(tmp_path, video):
    options = ClipOptions(str(video), str(tmp_path / "t"), end=3)
    reconstruct_clip(options, stages=toy_stages())
    before = files(tmp_path / "t")
    blind = replace(toy_stages(), observe=lambda maps, template: {"found": np.zeros((), bool)})
    with pytest.raises(UserError, match="no face"):
        reconstruct_clip(replace(options, overwrite=True), stages=blind)
    assert files(tmp_path / "t") == before
    with pytest.raises(Cancelled):
        reconstruct_clip(replace(options, end=90, overwrite=True), cancelled=stop_after(70), stages=toy_stages())
    assert before.items() <= files(tmp_path / "t").items() and len(read_take(tmp_path / "t").frames) == 3
    reconstruct_clip(replace(options, end=90, resume=True), stages=toy_stages())
    assert len(read_take(tmp_path / "t").frames) == 90


def test_a_range_of_frames_keeps_their_times(tmp_path, video):
    options = ClipOptions(str(video), str(tmp_path / "t"), start=20, end=90)
    take = read_take(reconstruct_clip(options, stages=toy_stages()))
    assert np.allclose(take.frames.time, np.arange(20, 90) / 25, atol=1e-3)


def test_a_face_seen_by_the_embedded_network_is_as_unlike_the_average_as_it_is(tmp_path, video):
    toy = toy_stages()

    def fit_actor(*arguments):
        return replace(toy.fit_actor(*arguments), identity=np.array([0.5, -1.0], np.float32))

    stages = replace(toy, fit_actor=fit_actor, likeness=np.array([[2.0, 0.0], [0.5, 1.5]]))
    take = read_take(reconstruct_clip(ClipOptions(str(video), str(tmp_path / "t"), end=5), stages=stages))
    assert take.actor.identity.tolist() == [0.5, -1.5]


def test_what_is_known_of_the_embedded_networks_guesses_reaches_the_fit(tmp_path, video):
    toy, told = toy_stages(), []

    def fit_frames(*arguments, guesses):
        told.append(guesses)
        return toy.fit_frames(*arguments)

    known = alike(52)
    reconstruct_clip(
        ClipOptions(str(video), str(tmp_path / "t"), end=5), stages=replace(toy, fit_frames=fit_frames, guesses=known)
    )
    assert len(told) == 1 and told[0] is known


def test_broken_frames_are_told_and_left_out(tmp_path):
    path = break_packet(write_video(tmp_path / "a.mp4", 30, gop=5, bframes=0), 17)
    heard = []
    out = reconstruct_clip(ClipOptions(str(path), str(tmp_path / "t")), heard.append, stages=toy_stages())
    assert len(read_take(out).frames) < 30
    assert "broken" in next(p.message for p in heard if p.message)


def test_footage_without_a_face_is_told(tmp_path):
    for name, image in (("one", np.zeros((1, 1, 3))), ("black", np.zeros((48, 64, 3)))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), image.astype(np.uint8))
        with pytest.raises(UserError, match="no face was found"):
            reconstruct_clip(ClipOptions(str(tmp_path / f"{name}.png"), str(tmp_path / name)), stages=toy_stages())


def test_the_field_of_view_sets_the_focal_length(tmp_path, video):
    options = ClipOptions(str(video), str(tmp_path / "t"), end=2, fov_degrees=90)
    assert read_take(reconstruct_clip(options, stages=toy_stages())).actor.focal == pytest.approx(32)
    with pytest.raises(UserError, match="field of view"):
        reconstruct_clip(ClipOptions(str(video), str(tmp_path / "u"), fov_degrees=0), stages=toy_stages())


def test_views_of_the_actor_are_spread_over_the_frames_with_a_face():
    found = np.ones(1000, bool)
    found[100:900] = False
    views = spread(found, 60)
    assert len(set(views)) == 60 and found[views].all() and views[0] == 0 and views[-1] == 999
    assert spread(found[:7], 60).tolist() == list(range(7))


def test_the_time_code_is_that_of_the_first_frame_that_is_there(tmp_path):
    folder = tmp_path / "seq"
    folder.mkdir()
    for number in (1001, 1002, 1005, 1006):
        cv2.imwrite(str(folder / f"shot.{number}.png"), np.full((48, 64, 3), 90, np.uint8))
    out = reconstruct_clip(ClipOptions(str(folder), str(tmp_path / "t"), start=2), stages=toy_stages())
    assert read_take(out).info.timecode == "00:00:40:05" and len(read_take(out).frames) == 2
    resumed = ClipOptions(str(folder), str(tmp_path / "t"), start=2, resume=True)
    assert reconstruct_clip(resumed, stages=toy_stages()) == out


def test_frames_that_are_all_missing_from_a_sequence_are_not_called_a_video_that_cannot_be_read(tmp_path):
    for number in (1, 2, 4, 5):
        cv2.imwrite(str(tmp_path / f"shot.{number}.png"), np.full((48, 64, 3), 90, np.uint8))
    with pytest.raises(UserError, match="choose others with --start"):
        reconstruct_clip(ClipOptions(str(tmp_path), str(tmp_path / "t"), start=2, end=3), stages=toy_stages())


def test_how_pictures_are_read_is_told_where_their_numbers_do_not_tell(tmp_path):
    for number in (1, 40, 90):
        cv2.imwrite(str(tmp_path / f"shot.{number}.png"), np.full((48, 64, 3), 90, np.uint8))
    told: list[str] = []
    options = ClipOptions(str(tmp_path), str(tmp_path / "t"))
    reconstruct_clip(options, lambda progress: told.append(progress.message or ""), stages=toy_stages())
    assert sum("one after another" in line for line in told) == 1


def test_the_time_code_of_the_first_frame_is_kept(tmp_path):
    clip = write_talkie(tmp_path / "tc.mov", 1.0, timecode="09:59:59:20")
    out = reconstruct_clip(ClipOptions(str(clip), str(tmp_path / "t"), start=5), stages=toy_stages())
    assert read_take(out).info.timecode == "10:00:00:00"
    assert take_performance(out).start == 36000 and take_performance(out).footage == str(clip)


def write_pictures(folder: Path, grey: int) -> Path:
    """Three pictures, the larger the brighter: noise does not pack."""
    folder.mkdir(exist_ok=True)
    noise = np.random.default_rng(0).integers(40, grey, (3, 48, 64, 3)).astype(np.uint8)
    for number, image in enumerate(noise):
        cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


def test_other_pictures_in_the_same_folder_are_noticed_on_resume(tmp_path):
    """As another video under the same name is."""
    options = ClipOptions(str(write_pictures(tmp_path / "a", 90)), str(tmp_path / "t"), resume=True)
    with pytest.raises(Cancelled):
        reconstruct_clip(options, cancelled=stop_after(2), stages=toy_stages())
    write_pictures(tmp_path / "a", 250)
    with pytest.raises(UserError, match="other input .footage_bytes was"):
        reconstruct_clip(options, stages=toy_stages())
    write_pictures(tmp_path / "a", 90)
    assert len(read_take(reconstruct_clip(options, stages=toy_stages())).frames) == 3


def test_a_take_whose_pictures_were_not_added_up_goes_on(tmp_path):
    """Earlier versions did not: null means not known."""
    options = ClipOptions(str(write_pictures(tmp_path / "a", 90)), str(tmp_path / "t"), resume=True)
    with pytest.raises(Cancelled):
        reconstruct_clip(options, cancelled=stop_after(2), stages=toy_stages())
    header = json.loads((tmp_path / "t/take.json").read_text())
    header["settings"]["footage_bytes"] = None
    (tmp_path / "t/take.json").write_text(json.dumps(header))
    assert len(read_take(reconstruct_clip(options, stages=toy_stages())).frames) == 3


def test_a_take_that_other_networks_began_is_not_gone_on_with(tmp_path, video, monkeypatch):
    options = ClipOptions(str(video), str(tmp_path / "t"), resume=True)
    monkeypatch.setattr("faceanything_addon.jobs.clip.networks_digest", lambda: "before the update")
    calls = iter(range(10**6))
    with pytest.raises(Cancelled):
        reconstruct_clip(options, cancelled=lambda: next(calls) > 20, stages=toy_stages())
    monkeypatch.undo()
    with pytest.raises(UserError, match="networks"):
        reconstruct_clip(options, stages=toy_stages())


def test_a_take_is_not_both_resumed_and_overwritten(tmp_path, video):
    """Whoever asks for both, a script in Blender for one, keeps what is there."""
    options = ClipOptions(str(video), str(tmp_path / "t"), end=3)
    reconstruct_clip(options, stages=toy_stages())
    before = files(tmp_path / "t")
    with pytest.raises(UserError, match="choose one"):
        reconstruct_clip(replace(options, resume=True, overwrite=True), stages=toy_stages())
    assert files(tmp_path / "t") == before
