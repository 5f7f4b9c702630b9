"""Reading a PyTorch checkpoint without running anything in it and without loading it whole."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import UserError

INERT_FILE = Path(__file__).resolve().parents[2] / "data" / "full" / "inert_globals.json"
STATE_ENTRIES = ("model", "state_dict")  # where training scripts keep the weights
CURE = "download it again and compare its size with the one on the authors' page"
PROBE = 1 << 16  # bytes looked at on either end of a damaged file
# A trained matrix with this many zeros in a row (1 MiB of float32) was never written.
ZERO_RUN = 1 << 18
MAX_NAMES = 4  # in one line


class Inert:
    """Stands for an object of the training script, such as its options, that the weights do not need."""

    def __new__(cls, *_args: Any, **_named: Any) -> Inert:
        return super().__new__(cls)

    def __init__(self, *_args: Any, **_named: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


def check_file(path: Path) -> None:
    """See that the file is a complete archive.

    Raises:
        UserError: missing, cut off, filled with zeros, or something else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}); give the checkpoint's file") from error
    except zipfile.BadZipFile as error:
        raise UserError(f"{path}: {_damage(path)}") from error
    if not any(name.endswith("/data.pkl") for name in names):
        raise UserError(f"{path}: is an archive but no PyTorch checkpoint; give the authors' checkpoint file")


def _damage(path: Path) -> str:
    """What is wrong with a file that is no archive, and the cure."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(PROBE)
        file.seek(max(0, size - PROBE))
        tail = file.read(PROBE)
    if not any(tail):  # an empty file too
        where = "is filled with zeros" if not any(head) else "ends in zeros"
        return f"{where if size else 'is empty'}: the download did not finish ({size:,} bytes); {CURE}"
    if head.startswith(b"PK"):
        return f"is cut off: the download did not finish ({size:,} bytes); {CURE}"
    return "is no checkpoint of PyTorch's present format; give the authors' checkpoint file"


def read_state(path: Path) -> dict[str, Any]:
    """The checkpoint's state dict, its tensors mapped from the file and read only where they are used.

    Nothing in the file is run: PyTorch's restricted unpickler builds tensors and plain values, and a short list of
    harmless classes that training scripts leave behind becomes `Inert`.

    Raises:
        UserError: it asks for anything else, or is damaged.
    """
    try:
        with torch.serialization.safe_globals(_inert_globals()):
            _refuse_unknown(path)
            data = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except UserError:
        raise
    except Exception as error:  # a damaged file can raise nearly anything
        reason = str(error).strip().splitlines()[0][:100] if str(error).strip() else type(error).__name__
        raise UserError(f"{path}: cannot be read as a checkpoint ({reason}); {CURE}") from error
    for entry in STATE_ENTRIES:
        if isinstance(data, dict) and isinstance(data.get(entry), dict):
            data = data[entry]
    if not isinstance(data, dict):
        raise UserError(f"{path}: holds no weights; give the authors' checkpoint file")
    return {key: value for key, value in data.items() if isinstance(key, str)}


def _inert_globals() -> list[Any]:
    return [(Inert, name) for name in json.loads(INERT_FILE.read_text(encoding="utf-8"))]


def _refuse_unknown(path: Path) -> None:
    unknown = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(os.fspath(path)))
    if unknown:
        raise UserError(
            f"{path}: refused, as it asks to run code while it is read ({shortened(unknown)}); "
            "use only the authors' own checkpoint file"
        )


def check_values(path: Path, name: str, tensor: Tensor) -> None:
    """See that a tensor was written.

    Raises:
        UserError: a stretch of a matrix holds only zeros, or a value is not finite.
    """
    flat = tensor.reshape(-1)
    if not bool(torch.isfinite(flat).all()):
        raise UserError(f"{path}: {name} holds values that are no numbers; {CURE}")
    if tensor.ndim < 2:
        return  # a bias may be zero
    whole = flat.numel() // ZERO_RUN * ZERO_RUN
    runs = flat[:whole].view(-1, ZERO_RUN) if whole else flat[None]
    if not bool(runs.any(dim=1).all()):
        raise UserError(f"{path}: {name} is filled with zeros: the download did not finish; {CURE}")


def shortened(names: list[str]) -> str:
    """The first few names, and how many more."""
    rest = len(names) - MAX_NAMES
    return ", ".join(names[:MAX_NAMES]) + (f" and {rest} more" if rest > 0 else "")
