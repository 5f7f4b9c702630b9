"""A performance on many characters, in six expressions: `python -m benchmarks.cast --help`.

A row for the footage, a row for each character, a column for each expression. Characters are files (.blend, .glb, .vrm
and others that `retarget` reads), each with `key`, `bone` or `make` before it: it has shape keys, it is moved by bones,
or it gets its shape keys first.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from faceanything_addon.footage import open_footage
from faceanything_addon.take.files import read_take
from faceanything_addon.take.performance import Performance, take_performance
from faceanything_addon.take.take import Take

SIZE, LABEL = 220, 22  # pixels
WIDTH = 0.20  # metres across the face in the footage's row
APART = 4  # frames between two expressions, at least
TOOL = (sys.executable, "-m", "faceanything_addon.cli")
# What an expression has most of, and what it should have little of.
EXPRESSIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "eyes shut": (("eyeBlinkLeft", "eyeBlinkRight"), ()),
    "mouth open": (("jawOpen",), ("eyeBlinkLeft", "eyeBlinkRight")),
    "smile": (("mouthSmileLeft", "mouthSmileRight"), ("jawOpen", "eyeBlinkLeft")),
    "pucker": (("mouthPucker", "mouthFunnel"), ("mouthSmileLeft", "eyeBlinkLeft")),
    "brows up": (("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), ("eyeBlinkLeft", "eyeBlinkRight")),
    "mouth shut": ((), ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight")),
}


def choose_frames(performance: Performance) -> dict[str, int]:
    """A frame for each expression, by the peaks of its coefficients; none twice."""
    column = {name: performance.coefficients[:, k] for k, name in enumerate(performance.names)}
    chosen: dict[str, int] = {}
    for title, (most, least) in EXPRESSIONS.items():
        score = sum((column[n] for n in most), np.zeros(len(performance))) - 0.5 * sum(
            (column[n] for n in least), np.zeros(len(performance))
        )
        for other in chosen.values():
            score[max(0, other - APART) : other + APART + 1] = -np.inf
        chosen[title] = int(score.argmax())
    return chosen


def source_row(take: Take, footage: Path, frames: Sequence[int]) -> list[np.ndarray]:
    """The face in the footage at these frames of the take."""
    wanted, out = set(frames), {}
    for number, frame in enumerate(open_footage(footage).frames()):
        if number in wanted:
            out[number] = face_crop(frame.image, take.frames.head_pose[number], take.frames.intrinsics[number])
    return [out[number] for number in frames]


def face_crop(image: np.ndarray, pose: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE, 3): as much of the frame as a portrait of a character shows."""
    middle = pose[:3, :3] @ np.array([0, -0.035, 0.05]) + pose[:3, 3]
    at = intrinsics @ middle
    half = 0.5 * WIDTH * intrinsics[0, 0] / middle[2]
    scale = SIZE / (2 * half)
    matrix = np.array([[scale, 0, SIZE / 2 - scale * at[0] / at[2]], [0, scale, SIZE / 2 - scale * at[1] / at[2]]])
    return cv2.warpAffine(image, matrix, (SIZE, SIZE), flags=cv2.INTER_AREA, borderValue=(90, 90, 90))


def animate(take: Path, kind: str, character: Path, folder: Path) -> Path:
    """The character's scene with the performance on it, through the command line."""
    source, out = character, folder / f"{kind}_{character.stem}_{take.name}.blend"
    if kind == "make":
        source = folder / f"{character.stem}_keys.blend"
        if not source.exists():
            subprocess.run([*TOOL, "make-shapes", str(character), "--out", str(source)], check=True)
    words = [*TOOL, "retarget", str(take), "--character", str(source), "--out", str(out)]
    words += ["--bones"] if kind == "bone" else ["--adopt-rate"]
    words += ["--head", "head"] if kind != "bone" and character.suffix != ".vrm" else []  # a .vrm says which it is
    print(character.stem, flush=True)
    subprocess.run(words, check=True)
    return out


def character_row(scene: Path, frames: Sequence[int]) -> list[np.ndarray]:
    """Portraits at these frames of the take; the scene begins at frame 1 and runs at the take's rate."""
    stem = scene.with_suffix("")
    module = [sys.executable, "-m", "benchmarks.portrait", str(scene), f"{stem}_", str(SIZE)]
    subprocess.run([*module, *(str(f + 1) for f in frames)], check=True, stdout=subprocess.DEVNULL)
    return [cv2.imread(f"{stem}_{f + 1}.png")[..., ::-1] for f in frames]


def sheet(rows: dict[str, list[np.ndarray]], titles: Sequence[str]) -> np.ndarray:
    """One picture, a title above each column and each row."""
    width = SIZE * len(titles)
    parts = [_bar(titles, width)]
    for name, pictures in rows.items():
        parts += [_bar([name], width), np.concatenate(pictures, axis=1)]
    return np.concatenate(parts)


def _bar(titles: Sequence[str], width: int) -> np.ndarray:
    bar = np.full((LABEL, width, 3), 245, np.uint8)
    for number, title in enumerate(titles):
        cv2.putText(bar, title, (6 + number * SIZE, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (20, 20, 20), 1, cv2.LINE_AA)
    return bar


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("take", type=Path, help="folder of the take")
    parser.add_argument("--out", type=Path, required=True, metavar="SHEET.jpg")
    parser.add_argument("--work", type=Path, required=True, help="folder for scenes and pictures")
    parser.add_argument("characters", nargs="+", metavar="KIND=LABEL=FILE", help="KIND: key, bone or make")
    parsed = parser.parse_args()
    parsed.work.mkdir(parents=True, exist_ok=True)
    take, performance = read_take(parsed.take), take_performance(parsed.take)
    chosen = choose_frames(performance)
    order = sorted(chosen, key=lambda title: chosen[title])
    frames = [chosen[title] for title in order]
    rows = {"footage": source_row(take, Path(take.info.footage), frames)}
    for word in parsed.characters:
        kind, label, file = word.split("=", 2)
        rows[label] = character_row(animate(parsed.take, kind, Path(file), parsed.work), frames)
    picture = sheet(rows, [f"{title} ({chosen[title]})" for title in order])
    cv2.imwrite(str(parsed.out), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])


if __name__ == "__main__":
    main()
