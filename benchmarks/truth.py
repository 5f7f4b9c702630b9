"""Rendered sequences with known truth: this product beside the peer, on the same frames."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceanything_addon.footage import open_footage
from faceanything_addon.template import load_template

from . import measures as m
from .clips import ask_peer, capture
from .keep import kept_in
from .surface import compare, face_skin

MM = 1000.0
FRAMES = 90
KINDS = {"seed": (), "still": ("--still",), "turned": ("--yaw", "42")}  # of sequences, and what they are drawn with
Pair = tuple[np.ndarray, np.ndarray]


@dataclass
class Row:
    """One sequence; millimetres and degrees, NaN for what a system does not give."""

    name: str
    system: str
    found: float = 0.0
    dense: float = np.nan  # visible skin of the face, similarity-aligned per frame
    depth: float = np.nan  # RMSE of the face's depth at its pixels, scale and shift fitted
    normals: float = np.nan  # mean angle at these pixels
    points: float = np.nan  # 20 points, similarity-aligned per frame
    points_depth: float = np.nan  # RMSE of the aligned 20 points along the line of sight
    lateral: float = np.nan  # 20 points across the line of sight, not aligned
    mouth: str = "-"
    lid: str = "-"
    brow: str = "-"
    shut_lips: str = "-"  # closures seen / that there are / seen where there are none
    blinks: str = "-"
    gaze: float = np.nan


def truth_size(truth: dict) -> int:
    """Side of the sequence's pictures: the principal point is in their middle."""
    return round(2 * float(truth["intrinsics"][0, 2]) + 1)


def render(face_data: Path, folder: Path, seed: int, kind: str = "seed") -> Path:
    """A clip of a held-out person, one of KINDS, with its truth beside it; made once."""
    clip = kept_in(folder) / f"{kind}{seed}.mp4"
    if not clip.with_suffix(".npz").exists():
        module = [sys.executable, "-m", "training.generator.sequence", "--face-data", str(face_data)]
        options = ["--seed", str(seed), "--frames", str(FRAMES), "--out", str(clip)]
        subprocess.run([*module, *options, *KINDS[kind]], check=True)
    return clip


def read_truth(clip: Path) -> dict[str, np.ndarray]:
    """What `render` has laid beside a clip, as `training.generator.sequence` writes it."""
    with np.load(clip.with_suffix(".npz")) as data:
        return {k: data[k] for k in data.files}


def dense_errors(own: np.ndarray, truth: np.ndarray, seen: np.ndarray) -> float:
    """Mean distance in mm of (F, V, 3) from truth over seen (F, V), each frame aligned by a similarity."""
    errors = []
    for a, b, s in zip(own, truth, seen, strict=True):
        errors.append(np.linalg.norm(m.similarity_align(a[s], b[s]) - b[s], axis=1))
    return float(MM * np.concatenate(errors).mean())


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
    truth = read_truth(clip)
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
        own = take["vertices"][f], take["intrinsics"][f]
        row.depth, row.normals = compare(*own, truth["vertices"][f], truth["intrinsics"], truth_size(truth))
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
    follow_curves(row, own[0], truth[0])


def follow_curves(row: Row, own: np.ndarray, truth: np.ndarray) -> None:
    """Mouth opening, lid aperture and brow height of (F, 20, 2) pixels against truth; the closures that are seen."""
    mouth, lid, brow = ((curve(own), curve(truth)) for curve in (m.mouth_opening, m.lid_aperture, m.brow_height))
    row.mouth, row.lid, row.brow = told(*mouth), told(*lid), told(*brow)
    row.shut_lips, row.blinks = ("/".join(map(str, m.closures(*pair))) for pair in (mouth, lid))


def told(own: np.ndarray, truth: np.ndarray) -> str:
    """'correlation (slope)' of a curve."""
    follow = m.follow(own, truth)
    return f"{follow.correlation:.2f} ({follow.slope:.2f})"


def still_jitter(face_data: Path, folder: Path, python: str, seed: int) -> dict[str, float]:
    """Both systems on a face that does not move, filmed with noise: RMS acceleration of the 20 points in mm/s^2."""
    clip = render(face_data, folder, seed, "still")
    with np.load(clip.with_suffix(".npz")) as data:
        fps, scale = float(data["fps"]), MM * data["vertices"][0, :, 2].mean() / data["intrinsics"][0, 0]
    with tempfile.TemporaryDirectory() as place:
        take, _ = capture(clip, Path(place))
        peer, _ = ask_peer(python, np.stack([f.image for f in open_footage(clip).frames()]), Path(place))
    systems = {"this": m.ours20(take["landmarks"]), "MediaPipe": m.peers20(peer)}
    return {k: scale * fps**2 * float(np.sqrt((np.diff(p, 2, axis=0) ** 2).sum(2).mean())) for k, p in systems.items()}


def judge_all(face_data: Path, folder: Path, python: str, seeds: list[int]) -> list[Row]:
    """Every sequence, both systems."""
    rows = []
    for seed in seeds:
        rows += judge(f"seed {seed}", render(face_data, folder, seed), python)
        print(*rows[-2:], sep="\n", flush=True)
    return rows


HEADS = {
    "name": "sequence",
    "system": "system",
    "found": "found",
    "dense": "dense mm",
    "depth": "depth RMSE mm",
    "normals": "normals °",
    "points": "20 points mm",
    "points_depth": "20 points depth RMSE mm",
    "lateral": "lateral mm",
    "mouth": "mouth r (slope)",
    "lid": "lid r (slope)",
    "brow": "brow r (slope)",
    "shut_lips": "shut lips: seen/all/false",
    "blinks": "blinks",
    "gaze": "gaze °",
}
COUNTED = ("shut_lips", "blinks")


def table(rows: list[Row]) -> str:
    """Markdown, with the mean of each system below."""
    lines = ["| " + " | ".join(HEADS.values()) + " |", "|---" * len(HEADS) + "|"]
    lines += ["| " + " | ".join(text(getattr(r, name)) for name in HEADS) + " |" for r in rows]
    for system in ("this", "MediaPipe"):
        lines.append("| " + " | ".join(summary(name, [r for r in rows if r.system == system]) for name in HEADS) + " |")
    return "\n".join(lines) + "\n"


def summary(name: str, rows: list[Row]) -> str:
    """The last line's cell: a mean, a sum of closures, or nothing."""
    values = [getattr(r, name) for r in rows]
    if name in COUNTED:
        return "/".join(str(sum(int(v.split("/")[k]) for v in values)) for k in range(3))
    if name == "name":
        return "**mean**"
    if name == "system":
        return rows[0].system
    return text(float(np.mean(values))) if isinstance(values[0], float) else ""


def text(value: object) -> str:
    """A cell; '-' for what was not measured."""
    if isinstance(value, float):
        return "-" if np.isnan(value) else f"{value:.2f}"
    return str(value)
