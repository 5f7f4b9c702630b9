"""Averaged weights of an eye network's run -> the ONNX file that the extension ships."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from faceanything_addon.model.closeup import EYES_FILE, HEIGHT, OUTPUTS, WIDTH
from faceanything_addon.model.closeup import EyeNetwork as Session
from faceanything_addon.template import load_template

from .checkpoint import save_whole
from .closeup_network import EyeConfig, EyeNetwork
from .export import OPSET, fuse_norms, store_half, template_digest

WEIGHTS = Path(__file__).parent / "weights" / "eyes.pt"


class Deployed(nn.Module):
    """Outputs in a fixed order."""

    def __init__(self, network: EyeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, HEIGHT, WIDTH) RGB 0..1 -> the outputs named in `closeup.OUTPUTS`."""
        out = self.network(image)
        return tuple(out[name] for name in OUTPUTS)


def load_network(path: Path) -> EyeNetwork:
    """Averaged weights of a run's checkpoint or of a weights-only file."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    state = content["average"]
    network = EyeNetwork(EyeConfig.from_dict(content["config"]), state["middle"])
    network.load_state_dict(state)
    return network.eval()


def write_onnx(network: EyeNetwork, path: Path) -> None:
    """The file, weights stored in half precision (computed with in single)."""
    import onnx

    fuse_norms(network)
    part = path.with_suffix(".onnx.part")
    torch.onnx.export(
        Deployed(network).eval(),
        (torch.zeros(2, 3, HEIGHT, WIDTH),),
        str(part),
        input_names=["image"],
        output_names=list(OUTPUTS),
        dynamic_axes={name: {0: "eyes"} for name in ("image", *OUTPUTS)},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(str(part))
    store_half(model)
    onnx.helper.set_model_props(model, {"template": template_digest(load_template()), "license": "GPL-3.0-or-later"})
    onnx.checker.check_model(model)
    onnx.save(model, str(part))
    os.replace(part, path)


def worst_difference(network: EyeNetwork, path: Path) -> dict[str, float]:
    """Largest difference between PyTorch and the file on noise, per output."""
    images = np.random.default_rng(0).integers(0, 256, (4, HEIGHT, WIDTH, 3), dtype=np.uint8)
    with torch.no_grad():
        out = network(torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255)
    looks = Session(path).look(images)
    return {
        name: max(float(np.abs(out[name][i].numpy() - getattr(look, name)).max()) for i, look in enumerate(looks))
        for name in OUTPUTS
    }


def export_run(checkpoint: Path, path: Path = EYES_FILE) -> None:
    """Write the ONNX file and the weights, and say how well they agree."""
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    save_whole(WEIGHTS, {name: content[name] for name in ("config", "average", "step", "chunk")})
    network = load_network(checkpoint)
    write_onnx(network, path)
    print(json.dumps({"file_mb": path.stat().st_size / 1e6, "worst_difference": worst_difference(network, path)}))
