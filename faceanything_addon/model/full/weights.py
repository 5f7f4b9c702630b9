"""The converted weights in a network that is ready to run."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...errors import UserError
from . import require
from .config import NetworkConfig, from_json
from .convert import FORMAT
from .network import FaceNetwork, empty_network, released_name


def load_network(path: Path, device: str = "cpu", float32: bool = False) -> FaceNetwork:
    """A network with the weights that `faceanything convert` wrote.

    Args:
        device: of PyTorch, such as "cpu", "cuda" or "mps".
        float32: turn bfloat16 weights into float32, which many processors compute faster.

    Raises:
        UserError: the file is missing, damaged or of another kind; the device cannot hold it; safetensors is missing.
    """
    require("safetensors")
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device=device) as file:
            config = _config(path, file.metadata() or {})
            network = empty_network(config)
            network.load_state_dict(_state(file, network), assign=True)
    except UserError:
        raise
    except (SafetensorError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0][:120]
        raise UserError(
            f"{path}: the network's weights cannot be loaded ({reason}); make the file with faceanything convert"
        ) from error
    if float32:
        network.float()
    return network.eval().requires_grad_(False)


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
