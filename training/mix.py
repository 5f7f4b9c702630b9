"""Weights between those of several runs: `python -m training.mix OUT FILE=SHARE FILE=SHARE ...`

Runs that began at the same weights, or one at the other's end, err each in its own way: their mean is better than any
(M. Wortsman et al., Model soups, ICML 2022). The result is a checkpoint to export or to train on from.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .checkpoint import save_whole, singled

LEFT_OUT = ("model", "optimizer")
GIVEN = "map."  # weights of the head that the mouth's network has been given since


def mixed(files: dict[Path, float]) -> dict[str, Any]:
    """Weights-only checkpoint with the weighted mean of others' averaged weights; shares on any scale.

    What else it says of itself (how far it was trained) is the last one's.

    Raises SystemExit: the networks have different sizes.
    """
    contents = [torch.load(file, map_location="cpu", weights_only=True) for file in files]
    if not all(alike(content, contents[0]) for content in contents):
        raise SystemExit(f"{', '.join(map(str, files))}: are not of one size; mix runs of the same network")
    shares = [share / sum(files.values()) for share in files.values()]
    states = [singled(content["average"]) for content in contents]
    average = {name: mean_of(name, states, shares) for state in states for name in state}
    kept = {name: value for name, value in contents[-1].items() if name not in LEFT_OUT}
    return {**kept, "average": average}


def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two checkpoints are of the same network, but for a head that one of them has been given since.

    An older one may not name sizes that are told apart since, either.
    """
    shapes = [{name: value.shape for name, value in each["average"].items()} for each in (one, other)]
    apart = shapes[0].keys() ^ shapes[1].keys()
    same = all(shapes[0][name] == shapes[1][name] for name in shapes[0].keys() & shapes[1].keys())
    named = one["config"].keys() & other["config"].keys()
    return (
        same
        and all(name.startswith(GIVEN) for name in apart)
        and all(one["config"][name] == other["config"][name] for name in named)
    )


def mean_of(name: str, states: list[dict[str, Tensor]], shares: list[float]) -> Tensor:
    """A weight's mean over those that have it."""
    having = [number for number, state in enumerate(states) if name in state]
    total = sum(shares[number] for number in having)
    return weighted([states[number][name] for number in having], [shares[number] / total for number in having])


def weighted(values: list[Tensor], shares: list[float]) -> Tensor:
    """Mean in double precision, in the first one's type."""
    total = torch.zeros_like(values[0], dtype=torch.double)
    for value, share in zip(values, shares, strict=True):
        total += value.double() * share
    return total.to(values[0].dtype)


def share_of(text: str) -> tuple[Path, float]:
    """`FILE=SHARE`."""
    file, _, share = text.rpartition("=")
    if not file or float(share) <= 0:
        raise argparse.ArgumentTypeError(f"{text}: write FILE=SHARE, a share above 0")
    return Path(file), float(share)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("files", type=share_of, nargs="+", metavar="FILE=SHARE")
    given = parser.parse_args()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    save_whole(given.out, mixed(dict(given.files)))


if __name__ == "__main__":
    main()
