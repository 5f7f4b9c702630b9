"""A finished take that is made anew: it stays what it was until the new one is finished."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from .storage import TEMPORARY

ANEW = "anew"  # folder within the take's, a take of its own
MOVING = (
    "moving" + TEMPORARY
)  # empty file in it: all of the old take is gone, and some of the new one may be in its place
HEADER_FILE = "take.json"
BRIDGE_FILE = "bridge.npz"  # how the full-size network's coordinates were read, where it was used
SKIN_FILE = "texture.png"  # the skin's picture, made from the footage when it is first needed
RESULTS = ("actor.npz", BRIDGE_FILE, SKIN_FILE)
PARTS = ("evidence", "frames")
MADE_FROM_IT = ("face.pc2", "preview.mp4")  # what scenes and the panel's preview leave in its folder
OWN = {HEADER_FILE, HEADER_FILE + TEMPORARY, *RESULTS, *PARTS, ANEW, *MADE_FROM_IT}  # all that is in a take's folder


def in_the_making(folder: Path) -> Path:
    """The folder of the take that a resumed run goes on with: that of the new one where a take is made anew."""
    return folder / ANEW if (folder / ANEW / HEADER_FILE).is_file() else folder


def is_moving(folder: Path) -> bool:
    """Whether the new take within a folder was stopped on its way to its place."""
    return (folder / ANEW / MOVING).is_file()


def put_in_place(folder: Path) -> None:
    """Replace the take in a folder by the finished new one within it.

    All that is old goes first, take.json comes last: stopped half way, it can be gone on with.

    Raises:
        OSError: it cannot be written.
    """
    new = folder / ANEW
    if not is_moving(folder):
        remove_results(folder)
        (new / MOVING).touch()
    for part in PARTS:
        for file in chunk_files(new / part):
            (folder / part).mkdir(exist_ok=True)
            file.replace(folder / part / file.name)
    for name in (*RESULTS, HEADER_FILE):
        if (new / name).is_file():
            (new / name).replace(folder / name)
    (new / MOVING).unlink()
    _remove_folders(new)


def discard(folder: Path) -> None:
    """Remove the new take within a folder, and nothing else.

    Raises:
        OSError: it cannot be written.
    """
    remove_results(folder / ANEW)
    (folder / ANEW / HEADER_FILE).unlink(missing_ok=True)
    _remove_folders(folder / ANEW)


def remove_results(folder: Path) -> None:
    """Remove the files of a take and nothing else; not take.json, so that the folder stays a take if interrupted."""
    for name in (*RESULTS, MOVING):
        (folder / name).unlink(missing_ok=True)
    for part in PARTS:
        remove_chunks(folder / part)


def remove_chunks(folder: Path) -> None:
    """Remove the stored chunks in a folder, and the folder if nothing else is in it."""
    for file in (*chunk_files(folder), *folder.glob("[0-9]*.npz" + TEMPORARY)):
        file.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def chunk_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[0-9]*.npz"))


def _remove_folders(folder: Path) -> None:
    """What the user put there stays."""
    for empty in (*(folder / part for part in PARTS), folder):
        with suppress(OSError):
            empty.rmdir()
