# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import json
import math
import os
import stat
import tracemalloc
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.toy import toy_frames, toy_info, toy_template

from faceanything_addon.errors import UserError
from faceanything_addon.take import Actor, EvidenceChunk, Frames, TakeReader, TakeWriter, read_take
from faceanything_addon.take.codec import decode_frames, encode_frames

NEUTRAL = toy_template().vertices
ACTOR = Actor(NEUTRAL, np.zeros(3, np.float32), 77.7)


def evidence(count: int, begin: int = 0) -> EvidenceChunk:
    index = np.arange(begin, begin + count)
    return EvidenceChunk({"found": np.ones(count, bool)}, index, index / 25, {"crop": [0.1 * begin]})


def write_take(
    folder: Path, count: int = 100, parts: int = 30, settings: dict[str, Any] | None = None, **how: bool
) -> Frames:
    writer = TakeWriter.open(folder, toy_info(count), settings, **how)
    frames = toy_frames(count, NEUTRAL)
    writer.end_evidence(count, 0)
    writer.set_actor(ACTOR)
    for begin in range(0, count, parts):
        writer.add_frames(frames[begin : begin + parts])
    writer.finish()
    return frames


def peak(call) -> tuple[int, Any]:
    """Bytes held at most meanwhile, and the result."""
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


def complaint(call, *args, **kwargs) -> str:
    with pytest.raises(UserError) as caught:
        call(*args, **kwargs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("count, parts", [(1, 1), (64, 64), (65, 7), (200, 150)])
def test_what_is_written_is_read_within_a_hundredth_of_a_millimetre(tmp_path, count, parts):
    frames = write_take(tmp_path / "t", count, parts)
    take = read_take(tmp_path / "t")
    assert take.info == toy_info(count) and take.actor.focal == 77.7 and len(take.frames) == count
    assert np.abs(take.frames.vertices - frames.vertices).max() < 1e-5
    assert np.abs(take.frames.confidence - frames.confidence).max() <= 0.5 / 255 + 1e-6
    for name in ("head_pose", "intrinsics", "arkit", "gaze", "visible", "found", "time"):
        assert np.array_equal(getattr(take.frames, name), getattr(frames, name)), name
    assert all(getattr(take.frames, f.name).dtype == getattr(frames, f.name).dtype for f in fields(Frames))


def test_vertices_beyond_the_range_of_16_bits_are_kept(tmp_path):
    frames = toy_frames(2, NEUTRAL + 3)
    back = decode_frames(encode_frames(frames, NEUTRAL), NEUTRAL)
    assert np.abs(back.vertices - frames.vertices).max() < 1e-5


def test_a_reader_gives_chunks_of_64_frames(tmp_path):
    write_take(tmp_path / "t", 130)
    assert [len(c) for c in TakeReader(tmp_path / "t").chunks()] == [64, 64, 2]


def test_how_frames_arrive_does_not_change_the_files(tmp_path):
    write_take(tmp_path / "a", 130, 130)
    write_take(tmp_path / "b", 130, 9)
    for file in sorted((tmp_path / "a").rglob("*.npz")):
        assert file.read_bytes() == (tmp_path / "b" / file.relative_to(tmp_path / "a")).read_bytes()


def test_a_folder_that_is_no_take_is_never_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for flags in ({}, {"resume": True}, {"overwrite": True}):
        assert "other files" in complaint(TakeWriter.open, tmp_path, toy_info(), **flags)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.txt"]
    assert "is a file" in complaint(TakeWriter.open, tmp_path / "thesis.txt", toy_info(), overwrite=True)


def test_a_take_is_replaced_only_when_asked_and_strange_files_in_it_stay(tmp_path):
    write_take(tmp_path / "t")
    (tmp_path / "t" / "mine.txt").write_text("a note")
    assert "--resume" in complaint(TakeWriter.open, tmp_path / "t", toy_info())
    write_take(tmp_path / "t", 70, overwrite=True)
    left = {str(f.relative_to(tmp_path / "t")) for f in (tmp_path / "t").rglob("*") if f.is_file()}
    assert left == {"take.json", "actor.npz", "frames/000000.npz", "frames/000064.npz", "mine.txt"}
    write_take(tmp_path / "t", 5, overwrite=True)
    assert not (tmp_path / "t/frames/000064.npz").exists() and len(read_take(tmp_path / "t").frames) == 5


def test_a_take_that_is_not_finished_is_replaced_at_once(tmp_path):
    TakeWriter.open(tmp_path / "t", toy_info(100)).add_evidence(evidence(64))
    TakeWriter.open(tmp_path / "t", toy_info(100), overwrite=True)
    assert [f.name for f in (tmp_path / "t").rglob("*") if f.is_file()] == ["take.json"]


def test_resuming_with_other_input_is_refused(tmp_path):
    TakeWriter.open(tmp_path / "t", toy_info(100), {"focal": 1.0})
    assert "focal was 1.0, is 2.0" in complaint(TakeWriter.open, tmp_path / "t", toy_info(100), {"focal": 2.0}, True)
    assert "end was 100, is 90" in complaint(TakeWriter.open, tmp_path / "t", toy_info(90), {"focal": 1.0}, True)


def test_evidence_is_resumed_after_the_last_sound_chunk(tmp_path):
    writer = TakeWriter.open(tmp_path / "t", toy_info(300))
    for begin in (0, 64, 128):
        writer.add_evidence(evidence(64, begin))
    (tmp_path / "t/evidence/000192.npz.partial").write_bytes(b"half")
    third = tmp_path / "t/evidence/000128.npz"
    third.write_bytes(third.read_bytes()[:-30])
    again = TakeWriter.open(tmp_path / "t", toy_info(300), resume=True)
    last = again.sound_evidence()
    assert last is not None and last.index[-1] == 127 and last.tracker_state == {"crop": [6.4]}
    assert again.evidence_chunks == 2 and not list((tmp_path / "t").rglob("*.partial"))


def test_an_unfinished_take_is_not_read(tmp_path):
    TakeWriter.open(tmp_path / "t", toy_info())
    assert "not finished" in complaint(read_take, tmp_path / "t")


def test_a_folder_that_is_no_take_is_not_read(tmp_path):
    assert "is not a take" in complaint(read_take, tmp_path)
    assert "is not a take" in complaint(read_take, tmp_path / "missing")
    (tmp_path / "take.json").write_text('{"format": "another"}')
    assert "does not describe a take" in complaint(read_take, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00", '{"format": "faceanything-take", "version": 1}'])
def test_a_damaged_header_is_told(tmp_path, text):
    write_take(tmp_path / "t")
    (tmp_path / "t/take.json").write_text(text)
    assert "take.json" in complaint(read_take, tmp_path / "t")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["take.json", "actor.npz", "frames/000000.npz"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path, name):
    write_take(tmp_path / "t")
    (tmp_path / "t" / name).unlink()
    os.mkfifo(tmp_path / "t" / name)
    assert Path(name).name in complaint(read_take, tmp_path / "t")


def test_a_header_nested_beyond_measure_is_told(tmp_path):
    write_take(tmp_path / "t")
    (tmp_path / "t/take.json").write_text("[" * 200_000)
    assert "take.json" in complaint(read_take, tmp_path / "t")


def test_a_take_of_a_later_version_is_told(tmp_path):
    write_take(tmp_path / "t")
    header = json.loads((tmp_path / "t/take.json").read_text())
    (tmp_path / "t/take.json").write_text(json.dumps({**header, "version": 2}))
    assert "version 2" in complaint(read_take, tmp_path / "t")


@pytest.mark.parametrize(
    "name, value",
    [
        *[("width", -1), ("width", "64"), ("width", 65537), ("height", 10**20), ("height", 0)],
        *[("fps", None), ("fps", math.nan), ("fps", math.inf), ("fps", 1e300), ("fps", 10001)],
        pytest.param("fps", 10**400, id="fps-beyond-floats"),
        *[("fps", 0), ("fps", -25.0), ("end", 0), ("start", -1), ("footage", 3), ("start", True)],
    ],
)
def test_header_values_that_make_no_sense_are_refused(tmp_path, name, value):
    """In one line that names file and entry."""
    write_take(tmp_path / "t")
    header = json.loads((tmp_path / "t/take.json").read_text())
    header["info"][name] = value
    (tmp_path / "t/take.json").write_text(json.dumps(header))
    told = complaint(read_take, tmp_path / "t")
    assert "take.json: is damaged" in told and f"{name} " in told


@pytest.mark.parametrize("name, value", [("fps", 20000.0), ("fps", math.nan), ("width", 70000)])
def test_a_take_that_could_not_be_read_is_never_begun(tmp_path, name, value):
    """All the work would be lost."""
    told = complaint(TakeWriter.open, tmp_path / "t", replace(toy_info(), **{name: value}))
    assert told.startswith("/clip.mp4: ") and f"{name} is" in told and not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("time", lambda time: time[::-1], "times do not rise"),
        ("time", lambda time: 0 * time, "times do not rise"),
        ("time", lambda time: time + 1e9, "beyond the footage's end"),
        ("intrinsics", lambda intrinsics: 0 * intrinsics, "focal length"),
    ],
)
def test_frames_that_no_capture_writes_are_refused(tmp_path, name, change, told):
    """Exports of falling times lost frames, those of times without measure filled the disk."""
    write_take(tmp_path / "t", 20)
    file = tmp_path / "t/frames/000000.npz"
    with np.load(file) as data:
        arrays = dict(data)
    np.savez(file, **{**arrays, name: change(arrays[name])})
    assert told in complaint(read_take, tmp_path / "t")


def test_a_flat_neutral_face_is_refused(tmp_path):
    write_take(tmp_path / "t", 20)
    with np.load(tmp_path / "t/actor.npz") as data:
        arrays = dict(data)
    np.savez(tmp_path / "t/actor.npz", **{**arrays, "neutral": 0 * arrays["neutral"]})
    assert "flat" in complaint(read_take, tmp_path / "t")


def test_a_take_is_read_with_one_chunk_beside_it(tmp_path):
    """Ten chunks: the peak is the take, what reading a chunk takes, and little else, never the take twice."""
    vertices = np.random.default_rng(0).normal(0, 0.05, (2000, 3)).astype(np.float32)
    frames = toy_frames(640, vertices)
    writer = TakeWriter.open(tmp_path / "t", toy_info(640))
    writer.end_evidence(640, 0)
    writer.set_actor(Actor(vertices, np.zeros(3, np.float32), 77.7))
    writer.add_frames(frames)
    writer.finish()
    reader = TakeReader(tmp_path / "t")
    one, _ = peak(lambda: reader.chunk(0))
    most, take = peak(lambda: read_take(tmp_path / "t"))
    size = sum(array.nbytes for array in vars(take.frames).values())
    assert most < 1.05 * size + 1.5 * one < 1.5 * size
    assert np.array_equal(take.frames.arkit, frames.arkit) and np.array_equal(take.frames.visible, frames.visible)


@pytest.mark.parametrize("file", ["actor.npz", "frames/000000.npz", "frames/000064.npz"])
def test_a_missing_truncated_or_flipped_chunk_is_told(tmp_path, file):
    write_take(tmp_path / "t")
    path = tmp_path / "t" / file
    sound = path.read_bytes()
    for bad in (b"", sound[:-1], sound[: len(sound) // 2], b"text", sound[:200] + b"\xff" * 40 + sound[240:]):
        path.write_bytes(bad)
        assert "damaged" in complaint(read_take, tmp_path / "t")
    path.unlink()
    assert "damaged" in complaint(read_take, tmp_path / "t")


def test_an_array_of_objects_or_of_an_absurd_size_is_never_loaded(tmp_path):
    write_take(tmp_path / "t")
    np.savez(tmp_path / "t/actor.npz", neutral=np.array([{}]), identity=np.zeros(1), focal=1.0)
    assert "damaged" in complaint(read_take, tmp_path / "t")
    header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 3)}
    with zipfile.ZipFile(tmp_path / "t/actor.npz", "w") as archive, archive.open("neutral.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, header)
    assert "unexpected shape" in complaint(read_take, tmp_path / "t")


def test_members_under_a_password_and_broken_headers_are_told(tmp_path):
    write_take(tmp_path / "t")
    path = tmp_path / "t/actor.npz"
    locked = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        locked[locked.index(mark) + flags] |= 1
    path.write_bytes(locked)
    assert "damaged" in complaint(read_take, tmp_path / "t")
    for header in (b"{'descr': (", b"{'descr': '<f4', 'fortran_order': False, 'shape': ()", b"{1: 2, 'descr': 3}"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("neutral.npy", b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header)
        assert "damaged" in complaint(read_take, tmp_path / "t"), header


def test_values_that_are_not_numbers_are_refused(tmp_path):
    write_take(tmp_path / "t")
    np.savez(tmp_path / "t/actor.npz", neutral=NEUTRAL * np.nan, identity=np.zeros(1, np.float32), focal=np.float64(1))
    assert "not numbers" in complaint(read_take, tmp_path / "t")


def test_a_damaged_complete_take_is_made_again_on_resume(tmp_path):
    write_take(tmp_path / "t")
    assert TakeWriter.open(tmp_path / "t", toy_info(), resume=True).complete
    (tmp_path / "t/frames/000064.npz").unlink()
    assert not TakeWriter.open(tmp_path / "t", toy_info(), resume=True).complete


def test_a_finished_take_of_an_earlier_version_is_done_and_an_unfinished_one_is_refused(tmp_path):
    old, new = {"networks": "a", "evidence": 1}, {"networks": "b", "evidence": 2}
    write_take(tmp_path / "t", settings=old)
    before = (tmp_path / "t/take.json").read_bytes()
    assert TakeWriter.open(tmp_path / "t", toy_info(), new, resume=True).complete
    assert (tmp_path / "t/take.json").read_bytes() == before
    assert "focal was None, is 2" in complaint(TakeWriter.open, tmp_path / "t", toy_info(), new | {"focal": 2}, True)
    TakeWriter.open(tmp_path / "u", toy_info(), old)
    assert "networks was a, is b" in complaint(TakeWriter.open, tmp_path / "u", toy_info(), new, True)


def test_a_full_disk_is_told_and_leaves_no_half_file(tmp_path, monkeypatch):
    writer = TakeWriter.open(tmp_path / "t", toy_info())

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "disk is full" in complaint(writer.add_evidence, evidence(64))
    assert not list((tmp_path / "t/evidence").iterdir())


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in complaint(TakeWriter.open, tmp_path / "file" / "t", toy_info())


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_rights_is_told(tmp_path):
    tmp_path.chmod(0o500)
    assert "may not be written" in complaint(TakeWriter.open, tmp_path / "t", toy_info())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_the_real_error_of_a_full_device_is_recognised(tmp_path):
    writer = TakeWriter.open(tmp_path / "t", toy_info())
    (tmp_path / "t/evidence/000000.npz.partial").symlink_to("/dev/full")
    assert "disk is full" in complaint(writer.add_evidence, evidence(64))


def test_a_take_of_before_time_codes_is_read(tmp_path):
    write_take(tmp_path / "t")
    header = json.loads((tmp_path / "t/take.json").read_text())
    del header["info"]["timecode"]
    (tmp_path / "t/take.json").write_text(json.dumps(header))
    assert read_take(tmp_path / "t").info.timecode == ""


def test_a_disk_that_is_full_at_the_start_leaves_a_place_where_the_take_can_be_begun_again(tmp_path, monkeypatch):
    def full(_handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert "disk is full" in complaint(TakeWriter.open, tmp_path / "t", toy_info(3))
    write_take(tmp_path / "t", 3)
    assert len(read_take(tmp_path / "t").frames) == 3


def test_a_start_that_was_cut_off_leaves_a_place_where_the_take_can_be_begun_again(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "take.json.partial").write_text("{")
    write_take(tmp_path / "t", 3)
    assert len(read_take(tmp_path / "t").frames) == 3


def test_a_folder_with_someone_elses_unfinished_download_is_not_taken_for_empty(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "film.mp4.partial").write_text("half")
    assert "other files than a take" in complaint(TakeWriter.open, tmp_path / "t", toy_info(3))
    assert (tmp_path / "t" / "film.mp4.partial").read_text() == "half"


def test_a_file_system_whose_folders_cannot_be_synced_holds_takes(tmp_path, monkeypatch):
    sync = os.fsync

    def files_only(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        sync(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    write_take(tmp_path / "t", 3)
    assert len(read_take(tmp_path / "t").frames) == 3
