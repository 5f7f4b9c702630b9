"""A network file's convolutions and matrix products in 8-bit integers: twice as fast on a processor, half the size.

Weights get a scale for each output channel, activations one scale each, from what they are on rendered pictures.
Weights use 7 of the 8 bits: processors without VNNI add pairs of products in 16 bits, which 8 would overflow.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .source import Generator, render_piece, start_worker

PICTURES, SEED = 128, 40_000_003  # what the scales are learned from; people of the training's part
PRODUCTS = ("Conv", "Gemm", "MatMul")


def calibration_pictures(generator: Generator, count: int = PICTURES) -> np.ndarray:
    """(N, h, w, 3) RGB uint8 rendered pictures."""
    start_worker(generator, 0)
    return render_piece((SEED, count, generator.size))["image"]


def to_integers(file: Path, pictures: np.ndarray, keep: tuple[str, ...]) -> Any:
    """The model of an ONNX file, those products quantised whose one side are weights.

    Args:
        pictures: (N, h, w, 3) RGB uint8.
        keep: parts of the names of nodes that stay as they are: what numbers are read from needs them fine.
    """
    import onnx
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        plain, done = Path(folder) / "plain.onnx", Path(folder) / "done.onnx"
        quant_pre_process(str(file), str(plain), skip_symbolic_shape=True)
        nodes = weighted_products(onnx.load(str(plain)), keep)
        quantize_static(
            str(plain),
            str(done),
            pictures_reader(pictures),
            quant_format=QuantFormat.QDQ,
            nodes_to_quantize=nodes,
            op_types_to_quantize=list(PRODUCTS),
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return onnx.load(str(done))


def weighted_products(model: Any, keep: tuple[str, ...]) -> list[str]:
    """Names of the nodes that multiply by stored weights and are not kept as they are."""
    stored = {tensor.name for tensor in model.graph.initializer}
    products = [node for node in model.graph.node if node.op_type in PRODUCTS and stored & set(node.input[:2])]
    return [node.name for node in products if not any(part in node.name for part in keep)]


def pictures_reader(pictures: np.ndarray) -> Any:
    """Hands the pictures to the runtime's calibration one by one."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self.left: Iterator[np.ndarray] = iter(pictures)

        def get_next(self) -> Any:
            picture = next(self.left, None)
            return None if picture is None else {"image": network_input(picture[None])}

    return Reader()


def network_input(pictures: np.ndarray) -> np.ndarray:
    """(N, h, w, 3) RGB uint8 -> (N, 3, h, w) float32, 0..1."""
    return np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
