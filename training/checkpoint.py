"""The state of a run on disk: always whole, loadable with weights_only."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .muon import Joined
from .network import Config, FaceNetwork


@dataclass
class Progress:
    """Where a run stands. All randomness is a function of these numbers and the seed."""

    step: int = 0  # optimiser steps so far
    chunk: int = 0  # chunk being trained on
    batch: int = 0  # batches of that chunk already done
    seconds: float = 0.0  # spent, over all resumptions
    images: int = 0  # shown so far


class Average:
    """Exponential moving average of weights and norm statistics."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.state = {k: v.detach().clone().float() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Follow the model; faster at first."""
        keep = min(self.decay, (1 + step) / (10 + step))
        mine, theirs = [], []
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                mine.append(self.state[name])
                theirs.append(value.detach())
        torch._foreach_lerp_(mine, theirs, 1 - keep)  # pyright: ignore[reportPrivateImportUsage]

    def model(self, config: Config, device: torch.device | str = "cpu") -> FaceNetwork:
        """A network with the averaged weights, in evaluation mode."""
        model = FaceNetwork(config).to(device)
        model.load_state_dict(self.state)
        return model.eval()


def save_whole(path: Path, content: Any) -> None:
    """Write beside, flush, replace: a kill at any moment leaves the old file or the new one."""
    part = path.with_suffix(path.suffix + ".part")
    with part.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def save_run(path: Path, model: FaceNetwork, average: Average, optimizer: Joined, progress: Progress) -> None:
    """Everything needed to go on exactly."""
    content = {
        "config": model.config.to_dict(),
        "model": model.state_dict(),
        "average": average.state,
        "optimizer": optimizer.state_dict(),
        "progress": vars(progress),
    }
    save_whole(path, content)


def load_run(path: Path, model: FaceNetwork, average: Average, optimizer: Joined, device: torch.device) -> Progress:
    """Inverse of `save_run`."""
    content = torch.load(path, map_location=device, weights_only=True)
    model.load_state_dict(content["model"])
    average.state = content["average"]
    try:
        optimizer.load_state_dict(content["optimizer"])
    except (KeyError, ValueError) as error:
        raise SystemExit(f"{path}: was made with another --optimizer; give that one, or another --run") from error
    return Progress(**content["progress"])


def read_average(path: Path) -> tuple[Config, dict[str, Tensor]]:
    """Averaged weights of a run's checkpoint or of a weights-only file, in single precision."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    return Config.from_dict(content["config"]), singled(content["average"])


def halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights to keep: matrices and convolutions in half precision, which changes no score."""
    return {name: value.half() if value.ndim >= 2 else value for name, value in state.items()}


def singled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of `halved`."""
    return {name: value.float() if value.dtype == torch.half else value for name, value in state.items()}


class Log:
    """One JSON object a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, kind: str, fields: dict[str, Any]) -> None:
        """Append and show."""
        rounded = {k: round(v, 5) if isinstance(v, float) else v for k, v in fields.items()}
        line = json.dumps({"kind": kind, **rounded})
        with self.path.open("a") as file:
            file.write(line + "\n")
        print(line, flush=True)
