"""The take's folder: write, resume, read. docs/take-format.md describes it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UserError
from . import evidence as ev
from .anew import ANEW, discard, in_the_making, is_moving, put_in_place, remove_chunks, remove_results
from .claim import Claim
from .codec import encode_actor, encode_frames, read_actor, read_frames
from .moved import with_footage
from .place import FORMAT, check_target, looks_like_take
from .storage import TEMPORARY, damaged, read_json, write_errors, write_json, write_npz
from .take import Actor, Frames, Take, TakeInfo

VERSION = 1
STAGES = ("observing", "fitting", "complete")
CHUNK = ev.CHUNK
FOUND_OUT = ("timecode",)  # of the first frame that can be read
MADE_BY = ("evidence", "networks")  # settings that tell the version, not the input: a finished take stays one
LATE = 100  # times as late as frames of an even rate would be: whatever is resampled to one must have an end
MOST = {"fps": 10_000, "width": 1 << 16, "height": 1 << 16}  # beyond any camera's


@dataclass(frozen=True)
class Header:
    """take.json."""

    info: TakeInfo
    settings: dict[str, Any]  # what else the result depends on; a resumed run must have the same
    stage: str  # see STAGES
    frames: int | None = None  # of the take, known once observing is over
    broken: int = 0  # frames of the footage left out because they could not be decoded

    def write(self, folder: Path) -> None:
        write_json(folder / "take.json", {"format": FORMAT, "version": VERSION, **asdict(self)})


def read_header(folder: Path) -> Header:
    """Read take.json.

    Raises:
        UserError: not a take, damaged, or of a later version.
    """
    path = folder / "take.json"
    try:
        data = read_json(path)
    except FileNotFoundError as error:
        raise UserError(f"{folder}: is not a take (no take.json in it); give a folder made by reconstruct") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path and its rights") from error
    except ValueError as error:
        raise _bad_header(path, str(error)) from error
    if data.get("format") != FORMAT:
        raise UserError(f"{path}: does not describe a take; give a folder made by reconstruct")
    if data.get("version") != VERSION:
        raise UserError(
            f"{path}: is a take of version {data.get('version')!r}, this program reads {VERSION}; use the newer program"
        )
    return _parse_header(path, data)


def _parse_header(path: Path, data: dict[str, Any]) -> Header:
    info, frames, broken = data.get("info"), data.get("frames"), data.get("broken")
    if isinstance(info, dict):
        info = {"timecode": "", **info}  # takes of earlier versions lack it
    types = {"int": int, "str": str, "float": (int, float)}
    if not isinstance(info, dict) or not isinstance(data.get("settings"), dict) or data.get("stage") not in STAGES:
        raise _bad_header(path, "entries are missing")
    for field in fields(TakeInfo):
        value = info.get(field.name)
        if isinstance(value, bool) or not isinstance(value, types[str(field.type)]):
            raise _bad_header(path, f"info.{field.name} is {value!r}")
    if wrong := _wrong_number(info):
        raise _bad_header(path, f"info.{wrong}")
    known = type(frames) is int and 0 < frames <= info["end"] - info["start"]
    if not known and (frames is not None or data["stage"] != "observing") or type(broken) is not int:
        raise _bad_header(path, f"frames is {frames!r}")
    return Header(
        TakeInfo(**{f.name: info[f.name] for f in fields(TakeInfo)}), data["settings"], data["stage"], frames, broken
    )


def _wrong_number(info: dict[str, Any]) -> str | None:
    """Which entry makes no sense, and what it is; None where all do."""
    for name, most in MOST.items():
        if not 0 < info[name] <= most:  # nor NaN
            return f"{name} is {info[name]!r}"
    return None if 0 <= info["start"] < info["end"] else f"start is {info['start']!r}, end {info['end']!r}"


def _bad_header(path: Path, why: str) -> UserError:
    return UserError(f"{path}: is damaged ({' '.join(why.split())[:120]}); make the take again with --overwrite")


class TakeReader:
    """A finished take, read chunk by chunk."""

    def __init__(self, folder: str | Path) -> None:
        """Raises UserError: not a take, not finished, or damaged."""
        self.folder = Path(folder).expanduser()
        self.header = read_header(self.folder)
        if self.header.stage != "complete" or self.header.frames is None:
            raise UserError(f"{self.folder}: the take is not finished; run the same reconstruct again with --resume")
        self.info, self.length = with_footage(self.header.info, self.folder), self.header.frames
        self.actor = read_actor(self.folder / "actor.npz")
        for number in range(self.chunk_count):
            if not ev.chunk_path(self.folder / "frames", number).is_file():
                raise damaged(ev.chunk_path(self.folder / "frames", number), "the file is missing")

    def __len__(self) -> int:
        return self.length

    @property
    def chunk_count(self) -> int:
        return -(-self.length // CHUNK)

    def chunk(self, number: int) -> Frames:
        """Frames number * CHUNK and following, at most CHUNK.

        Raises:
            UserError: damaged.
        """
        length, file = min(CHUNK, self.length - number * CHUNK), ev.chunk_path(self.folder / "frames", number)
        frames = read_frames(file, length, self.actor.neutral)
        if np.abs(frames.time).max() > LATE * (1 + self.info.end / self.info.fps):
            raise damaged(file, "its times lie far beyond the footage's end")
        return frames

    def chunks(self) -> Iterator[Frames]:
        """All frames in order, one chunk in memory at a time."""
        return (self.chunk(number) for number in range(self.chunk_count))


def read_take(folder: str | Path) -> Take:
    """The whole take in memory.

    Raises:
        UserError: not a take, not finished, or damaged.
    """
    reader = TakeReader(folder)
    return Take(reader.info, reader.actor, _all_frames(reader))


def _all_frames(reader: TakeReader) -> Frames:
    """One chunk at a time into arrays of the take's length, so that memory never holds the take twice."""
    arrays: dict[str, np.ndarray] = {}
    for number in range(reader.chunk_count):
        for name, part in vars(reader.chunk(number)).items():
            if name not in arrays:
                arrays[name] = np.empty((len(reader), *part.shape[1:]), part.dtype)
            arrays[name][number * CHUNK : number * CHUNK + len(part)] = part
    return Frames(**arrays)


def join_frames(parts: list[Frames]) -> Frames:
    return Frames(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Frames)})


class TakeWriter:
    """A take in the making: evidence chunks first, then the actor, then the frames.

    Every file is whole or absent. Killed at any moment, TakeWriter.open(..., resume=True) goes on from the last whole
    evidence chunk. A finished take is replaced once the new one is finished, see `anew.py`.
    """

    def __init__(self, folder: Path, header: Header) -> None:
        self._settle(folder)
        self.header = header
        self.evidence_chunks = 0  # whole ones on disk
        self._claim: Claim | None = None
        self._waiting: list[Frames] = []
        self._frame_chunks = 0
        self._actor: Actor | None = None

    @classmethod
    def open(
        cls,
        folder: str | Path,
        info: TakeInfo,
        settings: dict[str, Any] | None = None,
        resume: bool = False,
        overwrite: bool = False,
    ) -> TakeWriter:
        """Begin a take, or go on with one.

        Args:
            folder: made if missing. A folder that is not a take and not empty is never touched.
            settings: JSON-able; what the result depends on besides info.
            resume: go on with the take in the folder; begin one if there is none.
            overwrite: replace the take in the folder, a finished one by `finish`; not together with resume.

        Raises:
            UserError: the folder holds other things, or a take and neither resume nor overwrite, or a take that was
                made from something else; or it cannot be written.
        """
        folder, settings = Path(folder).expanduser(), settings or {}
        if wrong := _wrong_number(asdict(info)):
            raise UserError(f"{info.footage}: its {wrong}, which no take can hold; convert it to a usual size and rate")
        exists, header = check_target(folder, resume, overwrite), Header(info, settings, STAGES[0])
        if _is_finished(folder / ANEW) and (is_moving(folder) or _has_all(folder / ANEW)):
            with write_errors(folder):
                put_in_place(folder)
        if exists and resume:
            return cls._resume(_to_resume(folder, header), info, settings)
        if exists and _is_finished(folder):
            folder = folder / ANEW
        writer = cls(folder, header)
        with write_errors(folder):
            remove_results(folder)
            folder.mkdir(parents=True, exist_ok=True)
        writer._set_header(header)  # first: without it, whatever else there is would not be known as a take's
        writer._make_folders()
        return writer

    @classmethod
    def _resume(cls, folder: Path, info: TakeInfo, settings: dict[str, Any]) -> TakeWriter:
        header = read_header(folder)
        done = header.stage == "complete" and _is_whole(folder)
        if changed := _differences(header, Header(info, settings, STAGES[0]), MADE_BY if done else ()):
            raise UserError(
                f"{folder}: was begun with other input ({changed}); resume with the same, or use --overwrite"
            )
        if header.stage == "complete" and not done:
            header = Header(info, settings, STAGES[0])
        writer = cls(folder, header)
        writer._make_folders()
        with write_errors(folder):
            for leftover in (*folder.glob("*" + TEMPORARY), *folder.glob("*/*" + TEMPORARY)):
                leftover.unlink()
        if not done:
            writer._set_header(header)
        return writer

    def _settle(self, folder: Path) -> None:
        self.folder = folder
        self.evidence_folder, self.frames_folder = folder / "evidence", folder / "frames"

    def _make_folders(self) -> None:
        with write_errors(self.folder):
            for part in (self.evidence_folder, self.frames_folder):
                part.mkdir(exist_ok=True)

    @property
    def complete(self) -> bool:
        return self.header.stage == "complete"

    def sound_evidence(self) -> ev.EvidenceChunk | None:
        """Look for whole evidence chunks and keep them; the last one, or None where observing starts afresh.

        A short chunk is the last of the footage; if frames follow it after all, it is observed again.
        """
        last = None
        self.evidence_chunks = 0
        for chunk in ev.sound_chunks(self.evidence_folder):
            if len(chunk) == CHUNK or self.header.frames == self.evidence_chunks * CHUNK + len(chunk):
                last, self.evidence_chunks = chunk, self.evidence_chunks + 1
        return last

    def add_evidence(self, chunk: ev.EvidenceChunk) -> None:
        """Store the next chunk; all but the last hold CHUNK frames."""
        self._check_claim()
        ev.write_evidence(self.evidence_folder, self.evidence_chunks, chunk)
        self.evidence_chunks += 1

    def end_evidence(self, frames: int, broken: int, timecode: str | None = None) -> None:
        """The number of frames is known, and the time code of the first, where there is one."""
        info = self.header.info if timecode is None else replace(self.header.info, timecode=timecode)
        self._check_claim()
        self._set_header(Header(info, self.header.settings, "fitting", frames, broken))

    def evidence(self) -> Iterator[ev.EvidenceChunk]:
        """All stored chunks in order, one in memory at a time. Raises UserError: damaged."""
        return (ev.read_evidence(self.evidence_folder, number) for number in range(self.evidence_chunks))

    def set_actor(self, actor: Actor) -> None:
        self._check_claim()
        write_npz(self.folder / "actor.npz", encode_actor(actor))
        self._actor = read_actor(self.folder / "actor.npz")
        self._waiting, self._frame_chunks = [], 0

    def add_frames(self, frames: Frames) -> None:
        """Store the next frames, any number of them."""
        self._waiting.append(frames)
        if sum(map(len, self._waiting)) < CHUNK:
            return
        joined = join_frames(self._waiting)
        whole = len(joined) // CHUNK * CHUNK
        for begin in range(0, whole, CHUNK):
            self._write_frames(joined[begin : begin + CHUNK])
        self._waiting = [joined[whole:]] if whole < len(joined) else []

    def finish(self, keep_evidence: bool = False) -> None:
        """Mark the take complete; the evidence is no longer needed then."""
        if self._waiting:
            self._write_frames(join_frames(self._waiting))
            self._waiting = []
        header = self.header
        self._check_claim()
        self._set_header(Header(header.info, header.settings, "complete", header.frames, header.broken))
        with write_errors(self.folder):
            if not keep_evidence:
                remove_chunks(self.evidence_folder)
            if self._is_anew:
                put_in_place(self.folder.parent)
                self._settle(self.folder.parent)

    def give_up(self) -> None:
        """Leave the finished take that was to be replaced as it is; a first one stays unfinished."""
        if self._is_anew:
            with write_errors(self.folder):
                discard(self.folder.parent)

    @property
    def _is_anew(self) -> bool:
        return self.folder.name == ANEW and looks_like_take(self.folder.parent)

    def _write_frames(self, frames: Frames) -> None:
        if self._actor is None:
            raise RuntimeError("set_actor comes before add_frames")
        self._check_claim()
        arrays = encode_frames(frames, self._actor.neutral)
        write_npz(ev.chunk_path(self.frames_folder, self._frame_chunks), arrays)
        self._frame_chunks += 1

    def _set_header(self, header: Header) -> None:
        header.write(self.folder)
        self.header, self._claim = header, Claim(self.folder)

    def _check_claim(self) -> None:
        if self._claim is not None:
            self._claim.check()


def _is_whole(folder: Path) -> bool:
    try:
        return sum(map(len, TakeReader(folder).chunks())) > 0
    except UserError:
        return False


def _has_all(folder: Path) -> bool:
    """Whether no file of a finished take is missing."""
    try:
        return len(TakeReader(folder)) > 0
    except UserError:
        return False


def _is_finished(folder: Path) -> bool:
    try:
        return read_header(folder).stage == "complete"
    except UserError:
        return False


def _to_resume(folder: Path, wanted: Header) -> Path:
    """The new take where one is in the making, unless it is the finished one that was asked for."""
    new = in_the_making(folder)
    if new == folder or _differences(read_header(folder), wanted, MADE_BY) or not _is_finished(folder):
        return new
    return folder if _differences(read_header(new), wanted, ()) else new


def _differences(before: Header, now: Header, but: Iterable[str]) -> str:
    old, new = ({**asdict(h.info), **h.settings} for h in (before, now))
    keys = [k for k in {**old, **new} if old.get(k) != new.get(k) and k not in (*FOUND_OUT, *but)]
    changed = [f"{k} was {old.get(k)}, is {new.get(k)}" for k in keys]
    return "; ".join(changed)
