"""Rendered sequences with known truth: this product beside the peer, on the same frames."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from scipy.interpolate import LinearNDInterpolator

from faceanything_addon.footage import open_footage
from faceanything_addon.template import Part, Template, load_template

from . import measures as m
from .clips import ask_peer, capture

MM = 1000.0
FRAMES = 60
Pair = tuple[np.ndarray, np.ndarray]


@dataclass
class Row:
    """One sequence; millimetres and degrees, NaN for what a system does not give."""

    name: str
    system: str
    found: float = 0.0
    dense: float = np.nan  # visible skin of the face, similarity-aligned per frame
    depth: float = np.nan  # RMSE of the face's depth, scale and shift fitted
    points: float = np.nan  # 20 points, similarity-aligned per frame
    points_depth: float = np.nan  # RMSE of the aligned 20 points along the line of sight
    lateral: float = np.nan  # 20 points across the line of sight, not aligned
    mouth: str = "-"
    lid: str = "-"
    gaze: float = np.nan


def render(face_data: Path, folder: Path, seed: int) -> Path:
    """A clip of a held-out person with its truth beside it; made once."""
    clip = folder / f"seed{seed}.mp4"
    if not clip.with_suffix(".npz").exists():
        folder.mkdir(parents=True, exist_ok=True)
        module = [sys.executable, "-m", "training.generator.sequence", "--face-data", str(face_data)]
        options = ["--seed", str(seed), "--frames", str(FRAMES), "--out", str(clip)]
        subprocess.run([*module, *options], check=True)
    return clip


def face_skin(template: Template) -> np.ndarray:
    """(V,) bool: skin of the face, where correspondence is judged."""
    return (template.part == Part.SKIN) & (template.regions["face"] > 0.5)


def dense_errors(own: np.ndarray, truth: np.ndarray, seen: np.ndarray) -> float:
    """Mean distance in mm of (F, V, 3) from truth over seen (F, V), each frame aligned by a similarity."""
    errors = []
    for a, b, s in zip(own, truth, seen, strict=True):
        errors.append(np.linalg.norm(m.similarity_align(a[s], b[s]) - b[s], axis=1))
    return float(MM * np.concatenate(errors).mean())


def depth_rmse(own: np.ndarray, truth: np.ndarray, seen: np.ndarray) -> float:
    """RMSE in mm of the depth at the pixels of true vertices: one scale per sequence, one shift per frame fitted."""
    guesses, truths = [], []
    for a, b, s in zip(own, truth, seen, strict=True):
        surface = LinearNDInterpolator(a[s, :2] / a[s, 2:], a[s, 2])
        guess = surface(b[s, :2] / b[s, 2:])
        ok = np.isfinite(guess)
        guesses.append(guess[ok] - guess[ok].mean())
        truths.append(b[s, 2][ok] - b[s, 2][ok].mean())
    guess, true = np.concatenate(guesses), np.concatenate(truths)
    scale = (guess @ true) / (guess @ guess)
    return float(MM * np.sqrt(((scale * guess - true) ** 2).mean()))


def point_errors(own: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Mean distance and depth RMSE in mm of (F, 20, 3), each frame aligned by a similarity."""
    aligned = np.stack([m.similarity_align(a, b) for a, b in zip(own, truth, strict=True)]) - truth
    return float(MM * np.linalg.norm(aligned, axis=2).mean()), float(MM * np.sqrt((aligned[..., 2] ** 2).mean()))


def lateral_error(pixels: np.ndarray, truth: np.ndarray, depth: np.ndarray, focal: float) -> float:
    """Mean distance of (F, 20, 2) from the true pixels, in mm at the true depth."""
    return float(MM * (np.linalg.norm(pixels - truth, axis=2) * depth / focal).mean())


def gaze_degrees(own: np.ndarray, truth: np.ndarray) -> float:
    """Mean angle between (F, 2, 3) unit vectors."""
    return float(np.degrees(np.arccos((own * truth).sum(-1).clip(-1, 1))).mean())


def judge(name: str, clip: Path, python: str) -> list[Row]:
    """Both systems on one sequence."""
    with np.load(clip.with_suffix(".npz")) as data:
        truth = {k: data[k] for k in data.files}
    with tempfile.TemporaryDirectory() as folder:
        take, _ = capture(clip, Path(folder))
        images = np.stack([f.image for f in open_footage(clip).frames()])
        peer, _ = ask_peer(python, images, Path(folder))
    template = load_template()
    space = np.stack([template.landmarks(v) for v in truth["vertices"]])  # (F, 68, 3)
    pixels = space @ truth["intrinsics"].T
    truth20 = m.ours20(pixels[..., :2] / pixels[..., 2:]), m.ours20(space)
    seen = truth["visible"] & face_skin(template)
    return [own_row(name, take, truth, truth20, seen), peer_row(name, peer, truth, truth20)]


def own_row(name: str, take: dict, truth: dict, truth20: Pair, seen: np.ndarray) -> Row:
    """This product's figures."""
    f = take["found"]
    row = Row(name, "this", float(f.mean()))
    if f.any():
        row.dense = dense_errors(take["vertices"][f], truth["vertices"][f], seen[f])
        row.depth = depth_rmse(take["vertices"][f], truth["vertices"][f], seen[f])
        row.gaze = gaze_degrees(take["gaze"][f], truth["gaze"][f])
        both = m.ours20(take["landmarks"])[f], m.ours20(take["landmarks3d"])[f]
        judge_points(row, both, (truth20[0][f], truth20[1][f]), truth["intrinsics"])
    return row


def peer_row(name: str, peer: np.ndarray, truth: dict, truth20: Pair) -> Row:
    """The peer's figures; its points have x, y and a depth in pixels."""
    f = np.isfinite(peer[:, 0, 0])
    row = Row(name, "MediaPipe", float(f.mean()))
    if f.any():
        both = m.peers20(peer)[f], m.peers20(peer, 3)[f]
        judge_points(row, both, (truth20[0][f], truth20[1][f]), truth["intrinsics"])
    return row


def judge_points(row: Row, own: Pair, truth: Pair, intrinsics: np.ndarray) -> None:
    """Fill in what both systems give: 20 points as (F, 20, 2) pixels and (F, 20, 3) in space."""
    row.points, row.points_depth = point_errors(own[1], truth[1])
    row.lateral = lateral_error(own[0], truth[0], truth[1][..., 2], float(intrinsics[0, 0]))
    row.mouth, row.lid = followed(own[0], truth[0])


def followed(own: np.ndarray, truth: np.ndarray) -> tuple[str, str]:
    """Mouth opening and lid aperture against truth: 'correlation (slope)'."""
    curves = ((m.mouth_opening(own), m.mouth_opening(truth)), (m.lid_aperture(own), m.lid_aperture(truth)))
    told = [m.follow(a, b) for a, b in curves]
    return f"{told[0].correlation:.2f} ({told[0].slope:.2f})", f"{told[1].correlation:.2f} ({told[1].slope:.2f})"


def judge_all(face_data: Path, folder: Path, python: str, seeds: list[int]) -> list[Row]:
    """Every sequence, both systems."""
    rows = []
    for seed in seeds:
        rows += judge(f"seed {seed}", render(face_data, folder, seed), python)
        print(*rows[-2:], sep="\n", flush=True)
    return rows


def table(rows: list[Row]) -> str:
    """Markdown, with the mean of each system below."""
    head = "| sequence | system | found | dense mm | depth RMSE mm | 20 points mm | 20 points depth RMSE mm | "
    head += "lateral mm | mouth r (slope) | lid r (slope) | gaze ° |\n" + "|---" * 11 + "|\n"
    lines = ["| " + " | ".join(text(getattr(r, f.name)) for f in fields(Row)) + " |" for r in rows]
    for system in ("this", "MediaPipe"):
        ours = [r for r in rows if r.system == system]
        means = [text(float(np.mean([getattr(r, k) for r in ours]))) for k in MEASURED]
        lines.append(f"| **mean** | {system} | " + " | ".join([*means[:6], "", "", means[6]]) + " |")
    return head + "\n".join(lines) + "\n"


MEASURED = ("found", "dense", "depth", "points", "points_depth", "lateral", "gaze")


def text(value: object) -> str:
    """A cell; '-' for what was not measured."""
    if isinstance(value, float):
        return "-" if np.isnan(value) else f"{value:.2f}"
    return str(value)
