"""Averaged weights of a run of second looks -> the ONNX file that the extension ships."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from faceanything_addon.model.embedded import open_session
from faceanything_addon.template import load_template

from .checkpoint import save_whole
from .closeup_network import NearNetwork
from .closeup_tasks import Task
from .export import OPSET, finish, fuse_norms, template_digest
from .quantize import calibration_pictures, network_input
from .source import Generator


class Deployed(nn.Module):
    """Outputs in a fixed order."""

    def __init__(self, network: NearNetwork, outputs: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.outputs = network, outputs

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, height, width) RGB 0..1 -> the outputs."""
        out = self.network(image)
        return tuple(out[name] for name in self.outputs)


def load_network(path: Path, task: Task) -> NearNetwork:
    """Averaged weights of a run's checkpoint or of a weights-only file."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    network = task.network(task.config, task.middle)
    network.load_state_dict(content["average"])
    return network.eval()


def write_onnx(network: NearNetwork, task: Task) -> None:
    """The file, in single precision: in integers curves would lose more than the milliseconds are worth."""
    fuse_norms(network)
    part = task.file.with_suffix(".onnx.part")
    torch.onnx.export(
        Deployed(network, task.outputs).eval(),
        (torch.zeros(2, 3, task.config.height, task.config.width),),
        str(part),
        input_names=["image"],
        output_names=list(task.outputs),
        dynamic_axes={name: {0: "looks"} for name in ("image", *task.outputs)},
        opset_version=OPSET,
        dynamo=False,
    )
    metadata = {"template": template_digest(load_template()), "license": "GPL-3.0-or-later"}
    finish(part, task.file, metadata, None, ())


def mean_difference(network: NearNetwork, task: Task, pictures: np.ndarray) -> dict[str, float]:
    """Mean difference between PyTorch and the file on pictures (N, h, w, 3), per output."""
    image = network_input(pictures)
    with torch.no_grad():
        out = network(torch.from_numpy(image))
    values = open_session(task.file, 1).run(None, {"image": image})
    pairs = zip(task.outputs, values, strict=True)
    return {name: float(np.abs(out[name].numpy() - value).mean()) for name, value in pairs}


def export_run(checkpoint: Path, task: Task) -> None:
    """Write the ONNX file and the weights, and say how well they agree."""
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    save_whole(task.weights, {name: content[name] for name in ("config", "average", "step", "chunk")})
    network = load_network(checkpoint, task)
    pictures = calibration_pictures(Generator(task.module))
    write_onnx(network, task)
    size = task.file.stat().st_size / 1e6
    print(json.dumps({"file_mb": size, "mean_difference": mean_difference(network, task, pictures)}))
