"""Known ARKit curves through render, capture and retarget: `python -m benchmarks.recovery --face-data FOLDER`.

People who were never trained on act known curves; they are rendered, captured by the command line, and retargeted by
the command line onto two characters. What their keys then do is read out of the saved scenes and compared with the
known curves; lips and lids are judged on the character's own mesh.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceanything_addon.retarget import recognise
from faceanything_addon.retarget.create import Piece, lay_template
from faceanything_addon.solve.gaze import angles, look_coefficients
from faceanything_addon.template import load_template
from faceanything_addon.template.names import arkit_names

from . import measures as m
from .keep import kept_in

SEEDS = (2000000003, 2000000011, 2000000019, 2000000027)
FRAMES, RATE, YAW = 150, 30.0, 12.0
STRONG = 0.08  # standard deviation of a true curve that is judged
LARGE = 1.0  # mm: standard deviation of the motion that a curve makes at the place that it moves most
EYES = ("eyeLeft", "eyeRight")
TOOL = (sys.executable, "-m", "faceanything_addon.cli")


@dataclass(frozen=True)
class Character:
    """A character's own face: how far lips and lids are apart for any values of its keys."""

    name: str
    file: Path
    names: tuple[str, ...]
    reach: np.ndarray  # (K,) mm: what each key moves at most
    rates: dict[str, np.ndarray]  # opening -> (K,) mm for each key at 1

    def opening(self, name: str, values: np.ndarray) -> np.ndarray:
        """(F,) mm beyond what is shut: for the mouth its rest, for an eye the key that shuts it most."""
        shut = 0.0 if name == "mouth" else float(self.rates[name].min())
        return values @ self.rates[name] - shut


@dataclass(frozen=True)
class Curve:
    """One key in one clip."""

    key: str
    clip: int
    correlation: float
    slope: float
    motion: float  # mm


def render(face_data: Path, folder: Path, seed: int) -> Path:
    """The clip of one person with its truth beside it; made once."""
    from training.generator.acting import acted_motion
    from training.generator.assets import load_assets
    from training.generator.sequence import render_sequence, write_video

    clip = kept_in(folder) / f"act{seed}.mp4"
    if not clip.with_suffix(".npz").exists():
        assets = load_assets(face_data)
        rng = np.random.default_rng(seed + 1)
        motion = acted_motion(rng, assets.template.expression_names, FRAMES, RATE, YAW)
        data = render_sequence(assets, seed, FRAMES, motion=motion)
        write_video(clip, data.pop("image"), RATE)
        np.savez_compressed(clip.with_suffix(".npz"), **data)
    return clip


def run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


def read_back(scene: Path, frames: int) -> dict[str, np.ndarray]:
    """What plays in a scene, see `readback`."""
    out = scene.with_suffix(".npz")
    run(sys.executable, "-m", "benchmarks.readback", scene, out, str(frames))
    with np.load(out) as data:
        return {key: data[key] for key in data.files}


def make_characters(face_data: Path, folder: Path) -> list[Character]:
    """A head with its own ARKit keys, and one whose keys are made."""
    own, bare, made = folder / "own.blend", folder / "bare.glb", folder / "made.blend"
    run(sys.executable, "-m", "benchmarks.characters", "ict_keys_11", face_data, own)
    run(sys.executable, "-m", "benchmarks.characters", "makehuman", face_data, bare)
    run(*TOOL, "make-shapes", bare, "--out", made)
    return [measured("ICT person, own keys", own), measured("MakeHuman, keys made", made)]


def measured(name: str, file: Path) -> Character:
    """Find lips and lids on a character, as make-shapes does."""
    data = read_back(file, 1)
    numbers = range(sum(key.startswith("starts") for key in data))
    pieces = [Piece(f"{k}", data[f"v{k}"].astype(float), data[f"starts{k}"], data[f"corners{k}"]) for k in numbers]
    deltas = np.concatenate([data[f"deltas{k}"] for k in numbers], axis=1).astype(float)
    laid = lay_template(pieces, load_template(), lambda done, total: None, threads=1)
    moved = np.zeros((len(deltas), len(laid.local), 3))
    moved[:, laid.body.nodes] = deltas @ laid.placing.rotation / laid.placing.scale
    rates = {}
    for place, opening in laid.target.openings.items():
        rows = opening.upper.rows - opening.lower.rows
        rates[place] = np.array([1000 * float((rows @ motion)[:, 1].mean()) for motion in moved])
    reach = 1000 * np.linalg.norm(moved, axis=2).max(axis=1)
    return Character(name, file, tuple(map(str, data["names"])), reach, rates)


def played(character: Character, take: Path, folder: Path, frames: int) -> np.ndarray:
    """(F, K) values of the character's keys in the scene that `retarget` saves."""
    scene = folder / f"{take.name}_{character.file.stem}.blend"
    run(*TOOL, "retarget", take, "--character", character.file, "--out", scene, "--adopt-rate", "--no-sound")
    return read_back(scene, frames)["values"]


def acted(arkit: np.ndarray, gaze: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """(F, 52) true coefficients, eyeLook as ARKit has it: the sequence's own are what the lids do.

    Args:
        gaze: (F, 2, 3) camera axes. pose: (F, 4, 4) camera from head.
    """
    out = arkit.copy()
    for name, curve in look_coefficients(angles(np.einsum("fji,fej->fei", pose[:, :3, :3], gaze))).items():
        out[:, arkit_names().index(name)] = curve
    return out


def wanted(character: Character, arkit: np.ndarray) -> np.ndarray:
    """(F, K) values that the true coefficients give the character's keys; NaN for keys that nothing drives."""
    mapping = recognise(character.names).mapping()
    values = np.full((len(arkit), len(character.names)), np.nan)
    for key, column in zip(mapping.targets, mapping.evaluate(arkit_names(), arkit).T, strict=True):
        values[:, character.names.index(key)] = column
    return values


def judge(character: Character, own: np.ndarray, truth: np.ndarray, clip: int) -> list[Curve]:
    """Every key whose true curve moves."""
    out = []
    for k, key in enumerate(character.names):
        deviation = float(truth[:, k].std())
        if deviation >= STRONG:
            follow = m.follow(own[:, k].astype(float), truth[:, k])
            out.append(Curve(key, clip, follow.correlation, follow.slope, deviation * character.reach[k]))
    return out


def closures(character: Character, own: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Closures seen, there, and seen where there are none, of lips and of lids, on the character's own mesh."""
    truth = np.nan_to_num(truth)
    counts = {}
    for name, places in (("lips", ("mouth",)), ("lids", EYES)):
        pairs = [m.closures(character.opening(p, own), character.opening(p, truth)) for p in places]
        counts[name] = np.sum(pairs, axis=0)
    return counts


def summary(curves: Sequence[Curve]) -> str:
    """Median and share of the good ones."""
    r, slope = (np.array([getattr(c, field) for c in curves]) for field in ("correlation", "slope"))
    good = 100 * (r >= 0.9).mean()
    return (
        f"{len(curves)} curves, median r {np.median(r):.2f}, {good:.0f} % at least 0.9, "
        f"median slope {np.median(slope):.2f}"
    )


def table(curves: Sequence[Curve], clips: int) -> str:
    """A line for each key, a column for each clip: correlation (slope)."""
    lines = [
        "| key | moves mm | " + " | ".join(f"person {k + 1}" for k in range(clips)) + " |",
        "|---" * (clips + 2) + "|",
    ]
    motion = {key: np.median([c.motion for c in curves if c.key == key]) for key in {c.key for c in curves}}
    for key in sorted(motion, key=lambda key: -motion[key]):
        own = {c.clip: f"{c.correlation:.2f} ({c.slope:.2f})" for c in curves if c.key == key}
        lines.append(f"| {key} | {motion[key]:.1f} | " + " | ".join(own.get(k, "-") for k in range(clips)) + " |")
    return "\n".join(lines) + "\n"


def report(character: Character, curves: list[Curve], counts: dict[str, np.ndarray], clips: int) -> str:
    large = [c for c in curves if c.motion >= LARGE]
    shut = ", ".join(
        f"{name} {seen}/{all_} ({100 * seen / max(all_, 1):.0f} %, {false} false)"
        for name, (seen, all_, false) in counts.items()
    )
    return (
        f"### {character.name}\n\nAll: {summary(curves)}.\nMoving {LARGE:g} mm or more: {summary(large)}.\n"
        f"Closures seen: {shut}.\n\n{table(curves, clips)}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--face-data", type=Path, required=True, help="folder of the head models")
    parser.add_argument("--sequences", type=Path, help="folder that keeps the rendered clips")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="of people")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        keep = parsed.sequences or folder
        keep.mkdir(parents=True, exist_ok=True)
        clips = [render(parsed.face_data, keep, seed) for seed in parsed.seeds]
        for clip in clips:
            run(*TOOL, "reconstruct", clip, "--out", folder / clip.stem, "--json")
        for character in make_characters(parsed.face_data, folder):
            print(whole(character, clips, folder), flush=True)


def whole(character: Character, clips: Sequence[Path], folder: Path) -> str:
    """All clips on one character."""
    curves, counts = [], {"lips": np.zeros(3, int), "lids": np.zeros(3, int)}
    for number, clip in enumerate(clips):
        with np.load(clip.with_suffix(".npz")) as data:
            truth = wanted(character, acted(data["arkit"], data["gaze"], data["pose"]))
        own = played(character, folder / clip.stem, folder, len(truth))
        curves += judge(character, own, truth, number)
        for name, count in closures(character, own, truth).items():
            counts[name] = counts[name] + count
    return report(character, curves, counts, len(clips))


if __name__ == "__main__":
    main()
