"""What the bridge costs: `python -m benchmarks.bridge [--seeds N ...] [--sequences FOLDER] [--frames N]`.

Maps of a full-size network are simulated, true but for small errors: once in the template's own space ("known")
and once in another one, of unknown unit, axes and shape, through the bridge ("bridged"). The difference is what not
knowing the space costs. The embedded network beside it is simulated too, or, on rendered sequences, the real one.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceanything_addon.footage import open_footage
from faceanything_addon.model.bridge import Bridge
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.merge import merge_maps
from faceanything_addon.model.tracker import FaceTracker
from faceanything_addon.take.take import camera_vertices
from faceanything_addon.template import Template, load_template
from tests.reconstruct.full_size import FullSizeSimulator, Space, compare, identity_bridge, teach
from tests.reconstruct.performance import fit_maps, talking
from tests.reconstruct.simulate import Noise, Simulator

from .truth import dense_errors, face_skin

MM = 1000.0
FRAMES = 60
SPACES = (
    ("mean shape", Space(0, own_shape=False), 0.0),
    ("own shape", Space(0), 0.0),
    ("own shape, mirrored", Space(0, mirrored=True), 0.0),
    ("own shape, embedded network errs 1 mm alike everywhere", Space(0), 0.001),
)
HEAD = "| {} | embedded mm | known mm | bridged mm | growth mm | residual mm |\n|---|---|---|---|---|---|"


@dataclass
class Sequence:
    """A rendered clip with its truth, as the simulators want it."""

    template: Template
    space: np.ndarray  # (F, V, 3) camera space
    neutral: np.ndarray  # (V, 3)
    visible: np.ndarray  # (F, V)
    intrinsics: np.ndarray  # (3, 3)
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.space)

    def camera_vertices(self, frame: int) -> np.ndarray:
        return self.space[frame]

    def project(self, camera: np.ndarray) -> np.ndarray:
        pixels = camera @ self.intrinsics.T
        return pixels[:, :2] / pixels[:, 2:]


def simulated_rows(seeds: list[int], frames: int) -> list[str]:
    """A line for each seed and kind of space."""
    template, rows = load_template(), []
    for name, space, bias in SPACES:
        for seed in seeds:
            truth = talking(template, frames, seed=seed)
            made = Space(seed, space.own_shape, mirrored=space.mirrored)
            result = compare(truth, made, bias=bias)
            rows.append(row(f"{name}, seed {seed}", *result.errors(), result.bridge))
            print(rows[-1], flush=True)
    return rows


def row(name: str, embedded: float, known: float, bridged: float, bridge: Bridge) -> str:
    """Errors in metres."""
    values = (embedded, known, bridged, bridged - known, bridge.residual)
    return f"| {name} | " + " | ".join(f"{v * MM:.2f}" for v in values) + " |"


def rendered_row(clip: Path, frames: int) -> str:
    """The real embedded network on a rendered clip, the full-size one simulated from its truth."""
    footage = open_footage(clip, 0, frames)
    truth = read_sequence(clip, footage.width, footage.height, frames)
    tracker = FaceTracker(truth.template, threads=1)
    embedded = [tracker.next(frame.image) for frame in footage.frames()]
    simulator = Simulator(truth, Noise(), spacing=0.0005)
    full = [FullSizeSimulator(simulator, Space(3)).maps(number) for number in range(len(truth))]
    bridge = teach(embedded, [own for _, own in full])
    known = [
        merge_maps(e, f, identity_bridge(), camera=truth.intrinsics) for e, (f, _) in zip(embedded, full, strict=True)
    ]
    bridged = [merge_maps(e, f, bridge, camera=truth.intrinsics) for e, (_, f) in zip(embedded, full, strict=True)]
    errors = [dense_error(truth, maps) for maps in (embedded, known, bridged)]
    return row(clip.stem, *errors, bridge)


def read_sequence(clip: Path, width: int, height: int, frames: int) -> Any:
    """Truth of a clip that `benchmarks.truth.render` made: a Sequence, which does for a simulated Performance."""
    with np.load(clip.with_suffix(".npz"), allow_pickle=False) as data:
        part = {name: data[name][:frames] for name in ("vertices", "visible")}
        neutral, intrinsics = data["neutral"], data["intrinsics"]
    return Sequence(load_template(), part["vertices"], neutral, part["visible"], intrinsics, width, height)


def dense_error(truth: Any, maps: list[FaceMaps]) -> float:
    """Metres: visible skin of the face, every frame aligned by a similarity, as in `benchmarks.truth`."""
    fitted = fit_maps(truth, maps)
    own = camera_vertices(fitted.frames)
    return dense_errors(own, truth.space, truth.visible & face_skin(truth.template)) / MM


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--sequences", type=Path, help="folder of rendered sequences, see benchmarks.truth")
    parser.add_argument(
        "--frames", type=int, default=FRAMES, help="of each clip; below five the warp is chosen by patches"
    )
    given = parser.parse_args()
    print(HEAD.format("simulated"))
    simulated_rows(given.seeds, given.frames)
    if given.sequences:
        print("\n" + HEAD.format("rendered, real embedded network"))
        for clip in sorted(given.sequences.glob("seed*.mp4")):
            print(rendered_row(clip, given.frames), flush=True)


if __name__ == "__main__":
    main()
