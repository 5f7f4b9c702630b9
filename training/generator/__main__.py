"""Write shards of synthetic pictures.

python -m training.generator --face-data PATH --out DIR --shards 4 --per-shard 512
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np

from . import TEST_SEED, load_assets, render_batch
from .sheet import save_sheet


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m training.generator", description=__doc__)
    parser.add_argument("--face-data", type=Path, default=os.environ.get("FACE_DATA"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--per-shard", type=int, default=512)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("--sheet", action="store_true", help="also write a contact sheet of the first 24 pictures")
    args = parser.parse_args()
    assets = load_assets(args.face_data)
    args.out.mkdir(parents=True, exist_ok=True)
    for k in range(args.shards):
        seed = args.first_seed + k + (TEST_SEED if args.split == "test" else 0)
        started = time.perf_counter()
        batch = render_batch(seed, args.per_shard, assets, args.size)
        np.savez(args.out / f"shard_{seed:010d}.npz", **batch)
        print(f"shard {seed}: {args.per_shard / (time.perf_counter() - started):.1f} pictures/s")
        if args.sheet:
            save_sheet({n: a[:24] for n, a in batch.items()}, str(args.out / f"shard_{seed:010d}.png"))


if __name__ == "__main__":
    main()
