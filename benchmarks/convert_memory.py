"""How much memory the conversion of a checkpoint takes: `python -m benchmarks.convert_memory [--blocks N]`.

Makes a checkpoint of the released network's widths with fewer blocks and with an optimiser's two moments beside the
weights, converts it in a process of its own, and prints that process's peak. Three times the weights go on the disk.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=4, help="of 40; each is 0.34 GB on the disk")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--step", choices=["write", "convert"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if parsed.step:
        {"write": write, "convert": convert}[parsed.step](parsed)
        return
    with tempfile.TemporaryDirectory() as folder:
        for step in ("write", "convert"):
            subprocess.run(
                [sys.executable, "-m", "benchmarks.convert_memory", *sys.argv[1:], "--step", step, "--folder", folder],
                check=True,
            )


def small(blocks: int):
    from faceanything_addon.model.full.config import GIANT

    return replace(GIANT, depth=blocks)


def write(parsed: argparse.Namespace) -> None:
    import torch

    from faceanything_addon.model.full.network import empty_network, released_name

    shapes = {released_name(n): t.shape for n, t in empty_network(small(parsed.blocks)).state_dict().items()}

    def numbers() -> dict[str, torch.Tensor]:
        return {name: torch.full(shape, 0.5) for name, shape in shapes.items()}

    data = {"model": numbers(), "optimizer": {"exp_avg": numbers(), "exp_avg_sq": numbers()}}
    torch.save(data, parsed.folder / "checkpoint.pt")


def convert(parsed: argparse.Namespace) -> None:
    import resource

    import torch  # noqa: F401  its own memory is no part of the conversion's

    from faceanything_addon.model.full.convert import convert

    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    source, out = parsed.folder / "checkpoint.pt", parsed.folder / "weights.safetensors"
    convert(source, out, parsed.dtype == "bfloat16", small(parsed.blocks))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes = f"checkpoint {source.stat().st_size / 1e9:.2f} GB, output {out.stat().st_size / 1e9:.2f} GB"
    print(f"{sizes}, {time.perf_counter() - start:.1f} s")
    print(f"peak {peak * 1024 / 1e9:.2f} GB, of which {before * 1024 / 1e9:.2f} GB before the conversion")


if __name__ == "__main__":
    main()
