"""A larger network that answers as a smaller one does: `python -m training.grow FILE OUT --blocks 12 --mixes 2`.

Blocks are copied in between the others, with nothing that they add (C. Wu et al., LLaMA Pro, ACL 2024), residual
stages are put behind the decoder's at stride 8; training goes on from there (`training.train --init OUT`).
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from .checkpoint import read_average, save_whole
from .network import Config, FaceNetwork

BLOCK = "blocks."
ADDS = ("out.weight", "out.bias", "down.weight", "down.bias")  # what a block adds to its tokens goes through these


def grown(config: Config, state: dict[str, Tensor], larger: Config) -> dict[str, Tensor]:
    """Weights of the larger network with the smaller one's answers.

    Raises SystemExit: `larger` is not larger, or differs in more than blocks and mixes.
    """
    if replace(larger, blocks=config.blocks, mixes=config.mixes) != config:
        raise SystemExit("only the numbers of blocks and of mixes can grow")
    if larger.blocks < config.blocks or larger.mixes < max(config.mixes, 1):
        raise SystemExit(f"has {config.blocks} blocks and {config.mixes} mixes already: give no fewer")
    torch.manual_seed(0)
    out = FaceNetwork(larger).state_dict()
    out.update({name: value for name, value in state.items() if not name.startswith(BLOCK)})
    for number in range(larger.blocks):
        source = number * config.blocks // larger.blocks
        added = number > 0 and source == (number - 1) * config.blocks // larger.blocks
        out.update(block_from(state, source, number, added))
    return out


def block_from(state: dict[str, Tensor], source: int, number: int, added: bool) -> dict[str, Tensor]:
    """One block's weights under another number; a block that is added adds nothing yet."""
    start = f"{BLOCK}{source}."
    names = [name.removeprefix(start) for name in state if name.startswith(start)]
    return {
        f"{BLOCK}{number}.{name}": torch.zeros_like(state[start + name])
        if added and name in ADDS
        else state[start + name]
        for name in names
    }


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--blocks", type=int, default=Config.blocks)
    parser.add_argument("--mixes", type=int, default=Config.mixes)
    args = parser.parse_args()
    config, state = read_average(args.file)
    larger = replace(config, blocks=args.blocks, mixes=args.mixes)
    save_whole(args.out, {"config": larger.to_dict(), "average": grown(config, state, larger)})


if __name__ == "__main__":
    main()
