"""Files that are either whole or absent, and arrays that are never trusted before their headers are checked."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import io
import json
import math
import os
import stat
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import UserError

TEMPORARY = ".partial"
MAX_JSON_BYTES = 1 << 20
FULL = {errno.ENOSPC, errno.EDQUOT}
NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}  # of file systems whose folders cannot be synced
FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
# What zipfile and numpy raise on damaged archives and headers; a RuntimeError asks for a password.
DAMAGE = (OSError, ValueError, TypeError, EOFError, KeyError, OverflowError, RuntimeError, SyntaxError)
DAMAGE += (zipfile.BadZipFile, zlib.error, tokenize.TokenError)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write `path` into a UserError."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise UserError(
                f"{path}: the disk is full; free some space and run again (a capture goes on with --resume)"
            ) from error
        if error.errno in FORBIDDEN:
            raise UserError(f"{path}: may not be written; choose another place or change the rights") from error
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); choose another place") from error


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to look at `path` into a UserError: is_file and its kin raise them too."""
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise UserError(f"{path}: cannot be read ({why}); check the path and its rights") from error


def target_file(out: str | Path) -> Path:
    """The file to write.

    Raises:
        UserError: it is a folder, or lies in one that is not there or may not be looked into.
    """
    out = Path(out).expanduser()
    with write_errors(out):
        if out.is_dir() or not out.parent.is_dir():
            raise UserError(f"{out}: give the name of a file in a folder that exists")
    return out


@contextmanager
def workshop(file: Path) -> Iterator[Path]:
    """A temporary folder beside a file that is to be written, so that moving is renaming."""
    with tempfile.TemporaryDirectory(prefix=f".{file.stem}-", dir=file.parent) as folder:
        yield Path(folder)


def write_atomic(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file so that it is seen whole or not at all, even after a crash or a power cut.

    Raises:
        UserError: disk full, no right to write.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    with write_errors(path):
        try:
            with open(temporary, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # folders cannot be opened there, and the rename is journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:  # shared folders of virtual machines, some network mounts
            raise
    finally:
        os.close(handle)


def write_json(path: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data, indent=1, allow_nan=False) + "\n"
    write_atomic(path, lambda file: file.write(text.encode()))


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    if any(a.dtype.hasobject for a in arrays.values()):
        raise TypeError("a take holds plain arrays only")
    # Packed in memory first: on a full disk numpy would leave its archive open, and its end would complain.
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    write_atomic(path, lambda file: file.write(packed.getbuffer()))


def read_json(path: Path) -> dict[str, Any]:
    """Raises OSError where the file cannot be opened, ValueError where it is not a JSON object."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_JSON_BYTES:
        raise ValueError("not a file, or too large")
    data = parse_json(path.read_text("utf-8"))
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    return data


def parse_json(text: str | bytes) -> Any:
    """Raises ValueError, and nothing else, where it is no JSON."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def is_finite(value: Any) -> bool:
    """Whether it is a number that a float can hold: JSON has integers of any length, and Python reads NaN in it."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


def read_npz(path: Path, check: Callable[[str, tuple[int, ...], np.dtype], bool]) -> dict[str, np.ndarray]:
    """All arrays of a file. `check` sees name, shape and type before anything is read, so that no header can ask for
    memory that a sound file would not need.

    Raises:
        UserError: damaged, truncated, or `check` refuses.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for
            raise ValueError("not a file")
        with zipfile.ZipFile(path) as archive:
            return {n.removesuffix(".npy"): _read_member(archive, n, check) for n in archive.namelist()}
    except DAMAGE as error:
        raise damaged(path, str(error)) from error


def _read_member(archive: zipfile.ZipFile, name: str, check: Callable[..., bool]) -> np.ndarray:
    with archive.open(name) as member:
        version = np.lib.format.read_magic(member)  # type: ignore[arg-type]
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read_header(member)  # type: ignore[arg-type]
        if dtype.hasobject or not check(name.removesuffix(".npy"), shape, dtype):
            raise ValueError(f"{name}: unexpected shape {shape} or type {dtype}")
    with archive.open(name) as member:
        return np.lib.format.read_array(member, allow_pickle=False)  # type: ignore[arg-type]


def damaged(path: Path, why: str) -> UserError:
    return UserError(f"{path}: is damaged ({' '.join(why.split())[:120]}); run reconstruct again with --resume")
