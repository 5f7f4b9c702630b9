"""One command: tables of benchmarks/RESULTS.md on standard output. See benchmarks/README.md."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from pathlib import Path

from .clips import compare_all, table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--footage", type=Path, required=True)
    parser.add_argument("--peer", required=True, help="Python of the peer's environment")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    print(table(compare_all(options.footage, options.peer, options.only)))


if __name__ == "__main__":
    main()
