"""Speed and memory of the full-size network with random weights: `python -m benchmarks.full_speed`.

On a graphics card: the released size in bfloat16 at 504 pixels, one frame a call and windows of frames. Without one: a
small relative in float32 on the processor, so that the script itself is tried; its table says so. Each row stands
beside the arithmetic of its calls, at the rate at which the same device multiplies matrices.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from faceanything_addon.model.full.capacity import choose_device
from faceanything_addon.model.full.config import GIANT, SMALL, NetworkConfig
from faceanything_addon.model.full.convert import product_tensors
from faceanything_addon.model.full.network import FaceNetwork, empty_network

SIDE = 504
WINDOWS = (1, 2, 4, 8, 16, 32)
MATRIX = 4096  # rows and columns of the matrices whose product gives the rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="auto", choices=["auto", "cuda", "mps", "cpu"])
    parser.add_argument("--windows", type=int, nargs="+", help="frames a call")
    parser.add_argument("--rounds", type=int, default=3, help="timed calls of each kind; the median counts")
    parser.add_argument("--side", type=int, help="pixels, a multiple of 14")
    parsed = parser.parse_args()
    device = choose_device(parsed.device)
    small = device == "cpu"
    config, side = SMALL if small else GIANT, parsed.side or (252 if small else SIDE)
    network = random_network(config, device, torch.float32 if small else torch.bfloat16)
    rate = matrix_rate(device, torch.float32 if small else torch.bfloat16)
    print(heading(device, config, side, rate))
    for views in parsed.windows or (WINDOWS[:3] if small else WINDOWS):
        print(row(network, device, views, side, rate, parsed.rounds), flush=True)


def random_network(config: NetworkConfig, device: str, products: torch.dtype) -> FaceNetwork:
    """Weights of the size that keeps a signal alive; the backbone's products in the given precision."""
    network = empty_network(config).to_empty(device=device)
    halved = product_tensors(network.backbone, "")
    torch.manual_seed(0)
    for name, parameter in network.named_parameters():
        fan_in = max(1, parameter[0].numel()) if parameter.ndim > 1 else 1
        norm = parameter.ndim == 1 and name.endswith(("weight", "gamma"))
        torch.nn.init.normal_(parameter, 1.0 if norm else 0.0, 0.1 if parameter.ndim == 1 else fan_in**-0.5)
        if name.removeprefix("backbone.") in halved and name.startswith("backbone."):
            parameter.data = parameter.data.to(products)
    return network.eval().requires_grad_(False)


def matrix_rate(device: str, kind: torch.dtype) -> float:
    """Operations a second in products of large matrices, 2 a multiplication."""
    size = MATRIX if device != "cpu" else MATRIX // 4
    a, b = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
    return 2 * size**3 / timed(lambda: a @ b, device, 5)


def timed(work: Callable[[], Any], device: str, rounds: int) -> float:
    """Median seconds of a call, after one that does not count."""
    seconds = []
    for _ in range(rounds + 1):
        synchronize(device)
        begin = time.perf_counter()
        work()
        synchronize(device)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds[1:])


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def operations(config: NetworkConfig, views: int, side: int) -> float:
    """Of one call, as PyTorch counts them without computing anything.

    A frame's share grows evenly with the number of frames: only attention over all of them knows of the others.
    """
    one, two = (counted(config, n, side) / n for n in (1, 2))
    return views * (one + (views - 1) * (two - one))


def counted(config: NetworkConfig, views: int, side: int) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    network = empty_network(config)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(views, 3, side, side, device="meta"))
    return float(counter.get_total_flops())


def row(network: FaceNetwork, device: str, views: int, side: int, rate: float, rounds: int) -> str:
    images = torch.randn(views, 3, side, side, device=device)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    try:
        with torch.inference_mode():
            seconds = timed(lambda: network(images), device, rounds)
    except torch.OutOfMemoryError:
        return f"| {views} | out of memory | | | | |"
    work = operations(network.config, views, side)
    floor = work / rate
    peak = f"{torch.cuda.max_memory_allocated() / 1e9:.2f}" if device == "cuda" else "-"
    cells = (
        views,
        f"{seconds / views * 1e3:.0f}",
        f"{work / views / 1e12:.3f}",
        f"{floor / views * 1e3:.0f}",
        f"{seconds / floor:.2f}",
        peak,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def heading(device: str, config: NetworkConfig, side: int, rate: float) -> str:
    name = torch.cuda.get_device_name() if device == "cuda" else f"{device}, {torch.get_num_threads()} threads"
    size = "released size, bfloat16" if config is GIANT else "SMALL RELATIVE, not the released size, float32"
    return "\n".join(
        [
            f"{name}; {size}; random weights; {side} x {side} pixels; PyTorch {torch.__version__}; "
            f"matrix products at {rate / 1e12:.2f} TFLOP/s",
            "",
            "| frames a call | ms a frame | TFLOP a frame | ms at the matrix rate | times that | peak GB |",
            "|---|---|---|---|---|---|",
        ]
    )


if __name__ == "__main__":
    main()
