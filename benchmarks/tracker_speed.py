"""What a tracked frame takes: `python -m benchmarks.tracker_speed CLIP --peer PYTHON [--single FILE]`.

Networks, tracker and capture of a clip on one and two threads, beside MediaPipe Face Mesh on the same frames. --single:
the embedded network in single precision, as `python -m training.export WEIGHTS --single --out FILE` writes it.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from faceanything_addon.threads import calm_linear_algebra

calm_linear_algebra()

import numpy as np  # noqa: E402

from faceanything_addon.footage import Footage, open_footage  # noqa: E402
from faceanything_addon.jobs.clip import default_stages  # noqa: E402
from faceanything_addon.model.embedded import EMBEDDED_FILE, EmbeddedNetwork  # noqa: E402
from faceanything_addon.model.follow import EmbeddedFollower  # noqa: E402
from faceanything_addon.model.tracker import FaceTracker  # noqa: E402

from .clips import ask_peer  # noqa: E402

WARM = 20  # frames that are not timed: sessions are opened, the face is searched for
THREADS = (1, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--peer", required=True, help="Python of the peer's environment")
    parser.add_argument("--single", type=Path, help="the network in single precision")
    parsed = parser.parse_args()
    footage = open_footage(parsed.clip)
    images = np.stack([frame.image for frame in footage.frames()])
    print("| milliseconds per frame (median, mean) | " + " | ".join(f"{n} threads" for n in THREADS) + " |")
    print("|---" * (len(THREADS) + 1) + "|")
    for name, file in (("shipped", EMBEDDED_FILE), ("single precision", parsed.single)):
        if file is not None:
            row(f"embedded network, {name}", [look_times(images, file, n) for n in THREADS])
    row("tracker with second looks, frame after frame", [track_times(images, n) for n in THREADS])
    for name, work in (("decoded and tracked", False), ("decoded, tracked and observed", True)):
        row(f"{name}, stages beside each other", [follow_times(footage, n, work) for n in THREADS])
    with tempfile.TemporaryDirectory() as folder:
        print(f"| MediaPipe Face Mesh, frame after frame | {ask_peer(parsed.peer, images, Path(folder))[1]:.1f} | |")


def row(name: str, times: list[list[float]]) -> None:
    cells = [f"{np.median(t[WARM:]):.1f}, {np.mean(t[WARM:]):.1f}" for t in times]
    print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def timed(work: Callable[[Any], Any], items: Iterable[Any]) -> list[float]:
    """Milliseconds that each item takes, from the end of the last one on."""
    times, began = [], time.perf_counter()
    for item in items:
        work(item)
        times.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
    return times


def look_times(images: np.ndarray, file: Path, threads: int) -> list[float]:
    """The embedded network alone, on the middle of each frame."""
    network = EmbeddedNetwork(file, threads)
    picture = np.ascontiguousarray(images[0][: network.size, : network.size])
    return timed(lambda _: network.look(picture), images)


def track_times(images: np.ndarray, threads: int) -> list[float]:
    """One frame after the other, nothing beside it."""
    return timed(FaceTracker(default_stages().template, threads).next, images)


def follow_times(footage: Footage, threads: int, observed: bool) -> list[float]:
    """As a capture does it."""
    stages = default_stages()
    tracker = stages.tracker(stages.template, threads)
    followed = EmbeddedFollower(tracker).follow(footage, footage.start, lambda frames: None)
    return timed(lambda item: observed and stages.observe(item[1], stages.template), followed)


if __name__ == "__main__":
    main()
