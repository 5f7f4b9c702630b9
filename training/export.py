"""Averaged weights of a run -> the ONNX file that the extension ships.

`python -m training.export RUN/last.pt` writes faceanything_addon/data/embedded.onnx, compares it with PyTorch and
prints its speed. `--weights FILE` also keeps the weights alone, to train on from or to export again; `--single` keeps
the network in single precision, to compare with.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from faceanything_addon.model.embedded import EMBEDDED_FILE, OUTPUTS, EmbeddedNetwork, Look
from faceanything_addon.template import PART_NAMES, Template, load_template

from .checkpoint import halved, read_average, save_whole
from .network import FaceNetwork
from .quantize import calibration_pictures, network_input, to_integers
from .source import Generator

OPSET = 17
# Not in integers: pixels in, numbers out, and the last stage before the maps, whose grain shows in the normals.
FINE = ("/stem2/", "/to2/", "/skip2/", "/mix2/", "/dense/", "/coarse/", "/points/", "/scalars/")


class Deployed(nn.Module):
    """The network with probabilities instead of logits, outputs in a fixed order."""

    def __init__(self, network: FaceNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, S, S) RGB 0..1 -> the outputs named in `embedded.OUTPUTS`."""
        out = self.network(image)
        out["part"] = out["part"].softmax(1)
        out["face"] = torch.sigmoid(out["face"])
        out["arkit"] = torch.sigmoid(out["arkit"])
        return tuple(out[name] for name in OUTPUTS)


def template_digest(template: Template) -> str:
    """Short fingerprint of what the network's canonical space and points mean."""
    content = np.round(template.vertices * 1e5).astype(np.int32).tobytes() + template.points.tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


def fuse_norms(model: nn.Module) -> None:
    """Fold every batch norm into the convolution before it."""
    for child in model.children():
        fuse_norms(child)
    if isinstance(model, nn.Sequential) and len(model) == 2 and isinstance(model[1], nn.BatchNorm2d):
        model[0] = torch.nn.utils.fuse_conv_bn_eval(model[0], model[1])  # pyright: ignore[reportArgumentType]
        model[1] = nn.Identity()


def export(network: FaceNetwork, path: Path, metadata: dict[str, str], pictures: np.ndarray | None = None) -> None:
    """Write the ONNX file; computed in integers where pictures (N, S, S, 3) are given to learn scales from."""
    size = network.config.size
    part = path.with_suffix(".onnx.part")
    fuse_norms(network)
    image = torch.zeros(1, 3, size, size)
    torch.onnx.export(
        Deployed(network).eval(),
        (image,),
        str(part),
        input_names=["image"],
        output_names=list(OUTPUTS),
        opset_version=OPSET,
        dynamo=False,
    )
    finish(part, path, metadata, pictures, FINE)


def finish(
    part: Path, path: Path, metadata: dict[str, str], pictures: np.ndarray | None, fine: tuple[str, ...]
) -> None:
    """The exported file to its place, made small: integers where pictures are given, other weights in half precision.

    Args:
        fine: parts of the names of nodes that are computed in single precision all the same.
    """
    import onnx

    model = onnx.load(str(part))
    if pictures is not None:
        model = to_integers(part, pictures, fine)
    store_half(model)
    onnx.helper.set_model_props(model, metadata)
    onnx.checker.check_model(model)
    onnx.save(model, str(part))
    os.replace(part, path)


def store_half(model) -> None:
    """Large initialisers to float16, each behind a Cast that the runtime folds once at load."""
    import onnx
    from onnx import helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < 1024:
            continue
        values = numpy_helper.to_array(tensor)
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=onnx.TensorProto.FLOAT))
    for i, node in enumerate(casts):
        model.graph.node.insert(i, node)


def describe(network: FaceNetwork, template: Template, images: int) -> dict[str, str]:
    """What the reader of the file must know, as ONNX metadata."""
    return {
        "size": str(network.config.size),
        "input": "RGB, 0..1, (1, 3, size, size)",
        "parts": json.dumps(PART_NAMES),
        "points": str(network.config.points),
        "coefficients": json.dumps(template.expression_names),
        "template": template_digest(template),
        "images": str(images),
        "license": "GPL-3.0-or-later",
    }


@torch.no_grad()
def compare(
    network: FaceNetwork, session: EmbeddedNetwork, pictures: np.ndarray, measure: Callable[..., Any] = np.mean
) -> dict[str, float]:
    """Mean (or another measure's) difference between PyTorch and the file on pictures (N, S, S, 3), per output."""
    gaps: dict[str, list[float]] = {name: [] for name in OUTPUTS}
    deployed = Deployed(network).eval()
    for image in pictures:
        look: Look = session.look(image)
        for name, value in zip(OUTPUTS, deployed(torch.from_numpy(network_input(image[None]))), strict=True):
            gaps[name].append(float(measure(np.abs(value[0].numpy() - getattr(look, name)))))
    return {name: float(measure(values)) for name, values in gaps.items()}


def speed(session: EmbeddedNetwork, runs: int = 40) -> float:
    """Median milliseconds of one look."""
    image = np.zeros((session.size, session.size, 3), np.uint8)
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        session.look(image)
        times.append(time.perf_counter() - began)
    return 1000 * float(np.median(times))


def main(arguments: list[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--out", type=Path, default=EMBEDDED_FILE)
    parser.add_argument("--weights", type=Path, help="also write the weights alone")
    parser.add_argument("--single", action="store_true", help="computed in single precision")
    parser.add_argument("--generator", default=Generator.module, help="module that renders the pictures for the scales")
    given = parser.parse_args(arguments)
    config, state = read_average(given.checkpoint)
    progress = torch.load(given.checkpoint, map_location="cpu", weights_only=True).get("progress", {})
    network = FaceNetwork(config)
    network.load_state_dict(state)
    network.eval()
    if given.weights:
        save_whole(given.weights, {"config": config.to_dict(), "average": halved(state), "progress": progress})
    metadata = describe(network, load_template(), progress.get("images", 0))
    pictures = calibration_pictures(Generator(given.generator, config.size))
    export(network, given.out, metadata, None if given.single else pictures)
    session = EmbeddedNetwork(given.out, threads=2)
    gaps = compare(network, session, pictures[:16])
    print(json.dumps({"file_mb": given.out.stat().st_size / 1e6, "mean_difference": gaps}))
    for threads in (1, 2):
        print(json.dumps({"threads": threads, "milliseconds": speed(EmbeddedNetwork(given.out, threads=threads))}))


if __name__ == "__main__":
    main()
