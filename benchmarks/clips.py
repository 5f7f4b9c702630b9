"""Real clips: this product beside the peer, on the same frames."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from faceanything_addon.footage import open_footage

from . import measures as m

SUFFIXES = (".mp4", ".mov", ".jpg", ".png")


@dataclass
class Row:
    """One clip's figures; NaN where the clip has no such motion."""

    clip: str
    frames: int
    found: float
    disagreement: float
    centred: float
    mouth: str
    lid: str
    gaze: str
    jitter: float
    peer_jitter: float
    milliseconds: float
    peer_milliseconds: float


def capture(clip: Path, folder: Path) -> tuple[dict[str, np.ndarray], float]:
    """Arrays of a capture through the command line, and milliseconds per frame of all of it."""
    take, arrays = folder / "take", folder / "take.npz"
    tool = [sys.executable, "-m", "faceanything_addon.cli"]
    began = time.perf_counter()
    subprocess.run([*tool, "reconstruct", str(clip), "--out", str(take), "--json"], check=True, stdout=subprocess.PIPE)
    seconds = time.perf_counter() - began
    subprocess.run([*tool, "export", str(take), "--format", "npz", "--out", str(arrays)], check=True)
    with np.load(arrays) as data:
        out = {k: data[k] for k in data.files}
    return out, 1000 * seconds / len(out["time"])


def ask_peer(python: str, images: np.ndarray, folder: Path, still: bool = False) -> tuple[np.ndarray, float]:
    """Points (F, 478, 3) and median milliseconds of the peer; `still`: each picture on its own."""
    frames, answer = folder / "frames.npz", folder / "peer.npz"
    np.savez(frames, images=images)
    script = Path(__file__).parent / "peer.py"
    mode = ["--still"] if still else []
    subprocess.run([python, str(script), str(frames), str(answer), *mode], check=True, stderr=subprocess.DEVNULL)
    with np.load(answer) as data:
        return data["points"], float(np.median(data["milliseconds"]))


def compare(clip: Path, python: str) -> Row:
    """One clip."""
    folder = Path(tempfile.mkdtemp())
    try:
        take, ms = capture(clip, folder)
        images = np.stack([f.image for f in open_footage(clip).frames()])
        points, peer_ms = ask_peer(python, images, folder)
    finally:
        shutil.rmtree(folder)
    both = take["found"] & np.isfinite(points[:, 0, 0])
    own, peer = m.ours20(take["landmarks"])[both], m.peers20(points)[both]
    row = row_of(clip.name, both, take["found"], own, peer, ms, peer_ms)
    yaw = m.gaze_yaw(take["gaze"][both], take["head_pose"][both])
    return replace(row, gaze=correlated(yaw, m.iris_offset(points[both]), m.MOTION["gaze"]))


def row_of(
    name: str, both: np.ndarray, found: np.ndarray, own: np.ndarray, peer: np.ndarray, ms: float, peer_ms: float
) -> Row:
    """Figures of one clip from the 20 points of both."""
    if not len(own):
        nan = float("nan")
        return Row(name, len(both), float(found.mean()), nan, nan, "-", "-", "-", nan, nan, ms, peer_ms)
    mouth, lid = (m.mouth_opening(own), m.mouth_opening(peer)), (m.lid_aperture(own), m.lid_aperture(peer))
    still = m.still_frames(peer) if len(own) > 4 else np.zeros(0, bool)
    return Row(
        clip=name,
        frames=len(both),
        found=float(found.mean()),
        disagreement=m.disagreement(own, peer),
        centred=m.disagreement(own, peer, centred=True) if len(own) > 1 else float("nan"),
        mouth=told(*mouth, m.MOTION["mouth"]),
        lid=told(*lid, m.MOTION["lid"]),
        gaze="-",
        jitter=m.jitter(own, still) if len(still) else float("nan"),
        peer_jitter=m.jitter(peer, still) if len(still) else float("nan"),
        milliseconds=ms,
        peer_milliseconds=peer_ms,
    )


def told(own: np.ndarray, peer: np.ndarray, moves: float) -> str:
    """'correlation (slope)', or '-' in a clip without such motion."""
    if len(peer) < 10 or peer.std() < moves:
        return "-"
    follow = m.follow(own, peer)
    return f"{follow.correlation:.2f} ({follow.slope:.2f})"


def correlated(own: np.ndarray, peer: np.ndarray, moves: float) -> str:
    """Correlation of curves in different units, or '-' in a clip without such motion."""
    return f"{m.follow(own, peer).correlation:.2f}" if len(peer) >= 10 and peer.std() >= moves else "-"


def compare_all(folder: Path, python: str, only: list[str]) -> list[Row]:
    """Every clip of a folder."""
    rows = []
    for clip in sorted(folder.iterdir()):
        if clip.suffix.lower() in SUFFIXES and (not only or clip.name in only):
            rows.append(compare(clip, python))
            print(json.dumps(asdict(rows[-1])), flush=True)
    return rows


def table(rows: list[Row]) -> str:
    """Markdown."""
    columns = ["clip", "frames", "found", "disagreement %", "centred %", "mouth r (slope)", "lid r (slope)", "gaze r"]
    columns += ["jitter %", "peer's", "ms/frame, all", "peer's ms"]
    head = f"| {' | '.join(columns)} |\n" + "|---" * len(columns) + "|\n"
    lines = [
        f"| {r.clip} | {r.frames} | {r.found:.2f} | {r.disagreement:.2f} | {r.centred:.2f} | {r.mouth} | {r.lid} "
        f"| {r.gaze} | {r.jitter:.2f} | {r.peer_jitter:.2f} | {r.milliseconds:.0f} | {r.peer_milliseconds:.1f} |"
        for r in rows
    ]
    median = np.nanmedian([r.disagreement for r in rows])
    return head + "\n".join(lines) + f"\n\nMedian disagreement {median:.2f} %.\n"
