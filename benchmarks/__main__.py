"""One command: tables of benchmarks/RESULTS.md on standard output. See benchmarks/README.md."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from pathlib import Path

from . import clips, truth

SEEDS = [2_000_000_003 + 8 * k for k in range(8)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path, help="folder of real clips")
    parser.add_argument("--face-data", type=Path, help="folder of the head models: measure rendered sequences too")
    parser.add_argument("--sequences", type=Path, default=Path("build/sequences"), help="where these are kept")
    parser.add_argument("--seeds", type=int, nargs="*", default=SEEDS)
    parser.add_argument("--peer", required=True, help="Python of the peer's environment")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    if options.footage:
        print(clips.table(clips.compare_all(options.footage, options.peer, options.only)))
    if options.face_data:
        print(truth.table(truth.judge_all(options.face_data, options.sequences, options.peer, options.seeds)))
        jitter = truth.still_jitter(options.face_data, options.sequences, options.peer, options.seeds[0])
        print("A face that does not move, mm/s^2: " + ", ".join(f"{k} {v:.0f}" for k, v in jitter.items()))


if __name__ == "__main__":
    main()
