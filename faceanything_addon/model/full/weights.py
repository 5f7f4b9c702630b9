"""The converted weights in a network that is ready to run."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import UserError
from . import require
from .capacity import is_out_of_memory
from .config import NetworkConfig, from_json
from .convert import FORMAT
from .network import FaceNetwork, empty_network, released_name

CHECKPOINT_SUFFIXES = (".pt", ".pth", ".ckpt")
MARKS, MARK_BYTES = 64, 1 << 16  # places of a file that it is told by


@dataclass(frozen=True)
class WeightsFile:
    """What a file of weights tells before it is loaded."""

    config: NetworkConfig
    bytes: int
    product_bytes: int  # of one number in the backbone's products
    mark: str  # other weights have another


def inspect_weights(path: Path) -> WeightsFile:
    """See that a file holds a whole network, without loading it.

    Raises:
        UserError: the file is missing, damaged or of another kind, or safetensors is missing.
    """
    with _opened(path, "cpu") as file:
        config = _config(path, file.metadata() or {})
        names = set(file.keys())
        missing = [name for name in empty_network(config).state_dict() if released_name(name) not in names]
        if missing:
            raise RuntimeError(f"{released_name(missing[0])} is missing")
        product = file.get_slice(released_name("backbone.blocks.0.attn.qkv.weight")).get_dtype()
    return WeightsFile(config, path.stat().st_size, 2 if product == "BF16" else 4, _mark(path))


def load_network(path: Path, device: str = "cpu", float32: bool = False) -> FaceNetwork:
    """A network with the weights that `faceanything convert` wrote.

    Args:
        device: of PyTorch, such as "cpu", "cuda" or "mps".
        float32: turn bfloat16 weights into float32, which many processors compute faster.

    Raises:
        UserError: the file is missing, damaged or of another kind, or safetensors is missing.
        RuntimeError, MemoryError: the device cannot hold it; see `capacity.is_out_of_memory`.
    """
    with _opened(path, device) as file:
        network = empty_network(_config(path, file.metadata() or {}))
        network.load_state_dict(_state(file, network), assign=True)
    if float32:
        network.float()
    return network.eval().requires_grad_(False)


@contextmanager
def _opened(path: Path, device: str) -> Iterator[Any]:
    """The open file; what goes wrong with it as a line for the user."""
    require("safetensors")
    from safetensors import SafetensorError, safe_open

    if path.suffix in CHECKPOINT_SUFFIXES:
        raise UserError(
            f"{path}: is the released checkpoint; turn it into weights once: faceanything convert {path.name} "
            f"--out {path.stem}.safetensors"
        )
    try:
        with safe_open(path, framework="pt", device=device) as file:
            yield file
    except UserError:
        raise
    except (SafetensorError, OSError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        reason = str(error).strip().splitlines()[0][:120]
        raise UserError(
            f"{path}: the network's weights cannot be loaded ({reason}); make the file with faceanything convert"
        ) from error


def _mark(path: Path) -> str:
    """Hash of places all over the file; the whole of it would take long to read."""
    digest, size = hashlib.blake2b(digest_size=8), path.stat().st_size
    with open(path, "rb") as file:
        for number in range(MARKS):
            file.seek(max(0, (size - MARK_BYTES) * number // (MARKS - 1)))
            digest.update(file.read(MARK_BYTES))
    return digest.hexdigest()


def _config(path: Path, metadata: dict[str, str]) -> NetworkConfig:
    try:
        if metadata["kind"] != FORMAT:
            raise ValueError(metadata["kind"])
        return from_json(json.loads(metadata["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: holds no face network; make the file with faceanything convert") from error


def _state(file: Any, network: FaceNetwork) -> dict[str, Tensor]:
    state: dict[str, Tensor] = {name: file.get_tensor(released_name(name)) for name in network.state_dict()}
    if not all(tensor.dtype in (torch.float32, torch.bfloat16) for tensor in state.values()):
        raise RuntimeError("a tensor of another type")
    return state
