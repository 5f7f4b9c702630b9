"""Weights between those of several runs: `python -m training.mix OUT FILE=SHARE FILE=SHARE ...`

Runs that began at the same weights, or one at the other's end, err each in its own way: their mean is better than any
(M. Wortsman et al., Model soups, ICML 2022). The result is a checkpoint to export or to train on from.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from .checkpoint import read_average, save_whole


def mixed(files: dict[Path, float]) -> dict:
    """Checkpoint (`config`, `average`) with the weighted mean of others' averaged weights; shares on any scale.

    Raises SystemExit: the networks have different sizes.
    """
    contents = {file: read_average(file) for file in files}
    configs = [config for config, _ in contents.values()]
    if any(config != configs[0] for config in configs):
        raise SystemExit(f"{', '.join(map(str, files))}: are not of one size; mix runs of the same network")
    total = sum(files.values())
    states = [(state, files[file] / total) for file, (_, state) in contents.items()]
    average = {name: weighted([(state[name], share) for state, share in states]) for name in states[0][0]}
    return {"config": configs[0].to_dict(), "average": average}


def weighted(values: list[tuple[Tensor, float]]) -> Tensor:
    """Mean in double precision, in the first one's type."""
    return sum((v.double() * share for v, share in values), torch.zeros((), dtype=torch.double)).to(values[0][0].dtype)


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
    save_whole(given.out, mixed(dict(given.files)))


if __name__ == "__main__":
    main()
