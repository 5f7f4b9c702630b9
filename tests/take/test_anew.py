"""A finished take that is made anew stays what it was until the new one is finished, whatever happens meanwhile."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from support.store import store_take
from support.toy import toy_frames, toy_info, toy_template

from faceanything_addon.errors import UserError
from faceanything_addon.take import Actor, EvidenceChunk, Take, TakeWriter, anew, read_take
from faceanything_addon.take.anew import ANEW, in_the_making
from faceanything_addon.take.files import read_header

NEUTRAL = toy_template().vertices
ACTOR = Actor(NEUTRAL, np.zeros(3, np.float32), 77.7)
OLD, NEW = 70, 100  # frames


@pytest.fixture(name="folder")
def finished_take(tmp_path: Path) -> Path:
    return store_take(Take(toy_info(OLD), ACTOR, toy_frames(OLD, NEUTRAL)), tmp_path / "t")


def begin(folder: Path) -> TakeWriter:
    writer = TakeWriter.open(folder, toy_info(NEW), overwrite=True)
    writer.add_evidence(EvidenceChunk({"found": np.ones(64, bool)}, np.arange(64), np.arange(64) / 25, {}))
    return writer


def end(writer: TakeWriter) -> None:
    writer.end_evidence(NEW, 0)
    writer.set_actor(ACTOR)
    writer.add_frames(toy_frames(NEW, NEUTRAL))
    writer.finish()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_the_old_take_is_read_until_the_new_one_is_finished(folder: Path) -> None:
    before = contents(folder)
    writer = begin(folder)
    assert {name: data for name, data in contents(folder).items() if not name.startswith(ANEW)} == before
    assert len(read_take(folder).frames) == OLD
    end(writer)
    assert writer.folder == folder and len(read_take(folder).frames) == NEW


def test_a_take_made_anew_is_byte_for_byte_a_take_made_at_once(folder: Path, tmp_path: Path) -> None:
    end(begin(folder))
    end(TakeWriter.open(tmp_path / "first", toy_info(NEW)))
    assert contents(folder) == contents(tmp_path / "first")


def test_a_stopped_new_take_is_resumed(folder: Path) -> None:
    begin(folder)
    again = TakeWriter.open(folder, toy_info(NEW), resume=True)
    assert again.sound_evidence() is not None and again.evidence_chunks == 1 and not again.complete
    end(again)
    assert len(read_take(folder).frames) == NEW and in_the_making(folder) == folder


def test_resuming_with_the_settings_of_the_finished_take_leaves_it_finished(folder: Path) -> None:
    begin(folder)
    assert TakeWriter.open(folder, toy_info(OLD), resume=True).complete
    assert len(read_take(folder).frames) == OLD


def test_the_same_take_begun_anew_is_gone_on_with(folder: Path) -> None:
    TakeWriter.open(folder, toy_info(OLD), overwrite=True)
    again = TakeWriter.open(folder, toy_info(OLD), resume=True)
    assert not again.complete and again.folder == folder / ANEW


def test_beginning_anew_once_more_begins_at_the_start(folder: Path) -> None:
    begin(folder)
    assert begin(folder).evidence_chunks == 1
    assert len(list((folder / ANEW / "evidence").iterdir())) == 1 and len(read_take(folder).frames) == OLD


def test_giving_up_leaves_the_old_take_alone(folder: Path) -> None:
    before = contents(folder)
    begin(folder).give_up()
    assert contents(folder) == before and not (folder / ANEW).exists()


def test_giving_up_a_first_take_keeps_what_was_observed(tmp_path: Path) -> None:
    writer = TakeWriter.open(tmp_path / "t", toy_info(NEW))
    writer.give_up()
    assert read_header(tmp_path / "t").stage == "observing"


@pytest.mark.parametrize("moved", range(5))
@pytest.mark.parametrize("how", ["resume", "overwrite"])
def test_a_crash_while_files_are_put_in_place_costs_neither_take(
    folder: Path, moved: int, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(Exception):
        pass

    replace, done = Path.replace, []

    def replace_some(self: Path, target: Path) -> Path:
        if "anew" in self.parts and not self.name.endswith(".partial") and ANEW not in Path(target).parts:
            if len(done) == moved:
                raise Crash
            done.append(self)
        return replace(self, target)

    writer = begin(folder)
    monkeypatch.setattr(anew.Path, "replace", replace_some)
    with suppress(Crash):
        end(writer)
    monkeypatch.undo()
    TakeWriter.open(folder, toy_info(NEW), resume=how == "resume", overwrite=how == "overwrite")
    assert len(read_take(folder).frames) == NEW


@pytest.mark.parametrize("lost", ["actor.npz", "frames/000000.npz", "frames/000064.npz"])
def test_a_finished_new_take_that_lost_a_file_before_it_was_in_its_place_is_never_mixed_with_the_old_one(
    folder: Path, lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, writer = contents(folder), begin(folder)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(anew.Path, "touch", interrupt)
        patch.setattr(anew, "remove_results", lambda _: None)
        end(writer)
    (folder / ANEW / lost).unlink()
    again = TakeWriter.open(folder, toy_info(NEW), resume=True)
    assert not again.complete and again.folder == folder / ANEW
    assert {name: data for name, data in contents(folder).items() if not name.startswith(ANEW)} == before
    end(again)
    assert len(read_take(folder).frames) == NEW and not (folder / ANEW).exists()


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_the_user_put_into_the_new_takes_folder_stays(folder: Path) -> None:
    writer = begin(folder)
    (folder / ANEW / "mine.txt").write_text("a note")
    end(writer)
    assert (folder / ANEW / "mine.txt").read_text() == "a note" and len(read_take(folder).frames) == NEW


def test_a_damaged_new_take_is_named_and_overwritten(folder: Path) -> None:
    begin(folder)
    (folder / ANEW / "take.json").write_text('{"format": "faceanything-take"')
    with pytest.raises(UserError, match="anew.*--overwrite"):
        TakeWriter.open(folder, toy_info(NEW), resume=True)
    end(begin(folder))
    assert len(read_take(folder).frames) == NEW


def test_a_run_whose_folder_another_one_took_stops(folder: Path) -> None:
    earlier, later = begin(folder), begin(folder)
    with pytest.raises(UserError, match="another run"):
        end(earlier)
    end(later)
    assert len(read_take(folder).frames) == NEW


def test_a_run_stops_where_another_one_goes_on_with_its_take(tmp_path: Path) -> None:
    first = TakeWriter.open(tmp_path / "t", toy_info(NEW))
    again = TakeWriter.open(tmp_path / "t", toy_info(NEW), resume=True)
    with pytest.raises(UserError, match="another run"):
        first.add_evidence(EvidenceChunk({"found": np.ones(64, bool)}, np.arange(64), np.arange(64) / 25, {}))
    end(again)
    assert len(read_take(tmp_path / "t").frames) == NEW


@pytest.mark.parametrize("torn", ["", "{", "[]", "\x00\x01"])
def test_a_take_whose_header_is_torn_can_be_made_again_as_its_error_says(folder: Path, torn: str) -> None:
    (folder / "take.json").write_text(torn)
    (folder / "preview.mp4").write_bytes(b"a video")
    with pytest.raises(UserError, match="--overwrite"):
        read_take(folder)
    end(TakeWriter.open(folder, toy_info(NEW), overwrite=True))
    assert len(read_take(folder).frames) == NEW


def test_a_torn_file_of_that_name_among_others_is_not_taken_for_a_take(folder: Path) -> None:
    (folder / "take.json").write_text("{")
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="other files"):
        TakeWriter.open(folder, toy_info(NEW), overwrite=True)
