"""From the released checkpoint to a file with only what the network needs.

The output is in the safetensors format with the released names. It is written tensor by tensor, so that memory stays
far below the size of either file.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import json
import os
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor, nn

from ...errors import UserError
from ...take.storage import write_errors
from .checkpoint import check_file, check_values, read_state, shortened
from .config import GIANT, NetworkConfig, to_json
from .network import RELEASED_PREFIX, FaceNetwork, empty_network, released_name

FORMAT = "face-anything-full-1"
SOURCE_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
DTYPE_NAMES = {torch.float32: "F32", torch.bfloat16: "BF16"}
# Touched pages of a mapped file count as memory until the mapping is closed: it is opened anew after this many bytes.
BATCH_BYTES = 256 << 20
ALIGNMENT = 8
# In the checkpoint but not needed: cameras as input, Gaussian splats, the coarser ray outputs.
NOT_NEEDED = re.compile(r"model\.(cam_enc|gs_head|gs_adapter)\..*|model\.head\.scratch\.output_conv[12]_aux\.[012]\..*")
# One LayerNorm under several names; some exports keep only the first.
SHARED = re.compile(r"(model\.head\.scratch\.output_conv2_aux\.)3(\.2\..*)")


@dataclass(frozen=True)
class Item:
    """One tensor on its way."""

    name: str  # in the output: the released one
    key: str  # in the checkpoint
    shape: tuple[int, ...]
    dtype: torch.dtype  # in the output

    @property
    def bytes(self) -> int:
        return int(torch.Size(self.shape).numel()) * self.dtype.itemsize


@dataclass(frozen=True)
class Plan:
    """What goes from a checkpoint into the output, and what was found besides."""

    items: list[Item]
    missing: list[str]
    misshapen: list[str]  # "name: shape, not shape"
    unexpected: list[str]
    left_out: int  # tensors that are known but not needed

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


def convert(
    checkpoint: Path,
    out: Path,
    bfloat16: bool = False,
    config: NetworkConfig | None = None,
    say: Callable[[str], None] = print,
) -> Plan:
    """Write the needed tensors of a checkpoint as a safetensors file; an existing one is replaced once it is whole.

    Args:
        bfloat16: the backbone's products in bfloat16, everything else in float32, which is what the released tool
            computes on a GPU. False: all in float32.
        config: of the network; None for the released one.
        say: told of missing and unexpected tensors, one a line.

    Raises:
        UserError: the checkpoint is damaged, unsafe or of another network; the output cannot be written.
    """
    config = config or GIANT
    check_file(checkpoint)
    plan = make_plan(read_state(checkpoint), empty_network(config), bfloat16)
    _report(checkpoint, plan, say)
    _check_space(checkpoint, out, plan)
    part = out.with_name(out.name + ".part")
    try:
        with part.open("wb") as file:
            _write(file, checkpoint, plan, config)
        os.replace(part, out)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror or error}); choose another place") from error
    finally:
        part.unlink(missing_ok=True)
    return plan


def make_plan(state: dict[str, Any], network: FaceNetwork, bfloat16: bool) -> Plan:
    """Find the network's tensors in a state dict."""
    keys = {_plain(key): key for key in state}
    halved = product_tensors(network.backbone, "backbone.") if bfloat16 else set()
    items, missing, misshapen = [], [], []
    for own, wanted in network.state_dict().items():
        name = released_name(own)
        key = keys.get(name) or keys.get(SHARED.sub(r"\g<1>0\2", name))
        if key is None:
            missing.append(name)
        elif not usable(state[key]) or state[key].shape != wanted.shape:
            misshapen.append(f"{name}: {describe(state[key])}, not {tuple(wanted.shape)}")
        else:
            dtype = torch.bfloat16 if own in halved else torch.float32
            items.append(Item(name, key, tuple(wanted.shape), dtype))
    needed = {released_name(own) for own in network.state_dict()}
    other = [name for name in keys if name not in needed]
    unexpected = [name for name in other if not NOT_NEEDED.fullmatch(name)]
    return Plan(items, missing, misshapen, unexpected, len(other) - len(unexpected))


def _plain(key: str) -> str:
    """A key as released: without the wrapper of distributed training, with the outer model's name."""
    return RELEASED_PREFIX + key.removeprefix("module.").removeprefix(RELEASED_PREFIX)


def usable(value: Any) -> bool:
    """Whether an entry is an ordinary tensor of floating point numbers, with its values in the file."""
    if not isinstance(value, Tensor) or value.dtype not in SOURCE_DTYPES:
        return False
    return value.layout == torch.strided and value.device.type == "cpu"


def describe(value: Any) -> str:
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def product_tensors(module: nn.Module, prefix: str) -> set[str]:
    """Names of the weights and biases of linear layers and convolutions."""
    layers = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    return {f"{prefix}{name}.{kind}" for name, layer in layers for kind, _ in layer.named_parameters()}


def _report(checkpoint: Path, plan: Plan, say: Callable[[str], None]) -> None:
    if not plan.items:
        raise UserError(f"{checkpoint}: has none of the network's tensors; give the authors' checkpoint file")
    for title in ("missing", "misshapen", "unexpected"):
        for line in getattr(plan, title):
            say(f"{title} {line}")
    say(f"{len(plan.items)} tensors needed, {plan.left_out} known but not needed, {len(plan.unexpected)} unexpected")
    if wrong := plan.missing + plan.misshapen:
        raise UserError(
            f"{checkpoint}: {len(wrong)} needed tensors are missing or of another shape ({shortened(wrong)}); "
            "it is not the released network: give the authors' checkpoint file"
        )


def _check_space(checkpoint: Path, out: Path, plan: Plan) -> None:
    with write_errors(out):
        if not out.parent.is_dir():
            raise UserError(f"{out.parent}: is no folder; make it first")
        if out.is_dir() or (out.exists() and out.samefile(checkpoint)):
            raise UserError(f"{out}: is a folder or the checkpoint itself; choose another --out")
    free = shutil.disk_usage(out.parent).free
    if free < plan.bytes:
        raise UserError(
            f"{out}: needs {plan.bytes / 1e9:.2f} GB but {free / 1e9:.2f} GB are free; "
            "make room or choose another --out"
        )


def _write(file: BinaryIO, checkpoint: Path, plan: Plan, config: NetworkConfig) -> None:
    # The format wants every tensor aligned to its type: wider types first.
    items = sorted(plan.items, key=lambda item: -item.dtype.itemsize)
    file.write(header(items, config))
    for batch in batches(items):
        _write_batch(file, checkpoint, batch)


def _write_batch(file: BinaryIO, checkpoint: Path, batch: list[Item]) -> None:
    """The mapping ends with this function."""
    state = read_state(checkpoint)
    for item in batch:
        tensor = state[item.key].detach()
        check_values(checkpoint, item.name, tensor)
        file.write(raw_bytes(tensor.to(item.dtype)))


def header(items: list[Item], config: NetworkConfig) -> bytes:
    """The start of a safetensors file: length, then JSON with the place of every tensor."""
    metadata = {"format": "pt", "kind": FORMAT, "config": json.dumps(to_json(config)), "license": "CC BY-NC 4.0"}
    table: dict[str, Any] = {"__metadata__": metadata}
    start = 0
    for item in items:
        end = start + item.bytes
        table[item.name] = {"dtype": DTYPE_NAMES[item.dtype], "shape": item.shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return struct.pack("<Q", len(text)) + text


def batches(items: list[Item]) -> Iterator[list[Item]]:
    """Items in groups of about `BATCH_BYTES`, as float32."""
    batch, size = [], 0
    for item in items:
        batch.append(item)
        size += 4 * int(torch.Size(item.shape).numel())
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def raw_bytes(tensor: Tensor) -> memoryview:
    """A tensor's values in C order, little-endian on every machine that PyTorch runs on."""
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data
