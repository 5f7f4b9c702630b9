"""Rendered pictures of held-out people with known truth, and what the network and the peer say about them."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceanything_addon.model.framing import affine_camera
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.tracker import FaceTracker
from faceanything_addon.template import Template

from .clips import ask_peer
from .keep import kept_in

SIZE = 384
PIECE = 50
FIRST_SEED = 2_000_500_000  # far from the seeds that training tests on
LEAST_SHARE = 0.03  # of the picture that a face must cover
AGES = ("young", "middleage", "old")


@dataclass(frozen=True)
class Truth:
    """One picture; h = w = SIZE / 2, map pixel (i, j) is centred at picture pixel (2j + .5, 2i + .5)."""

    image: np.ndarray  # (SIZE, SIZE, 3) u1
    canonical: np.ndarray  # (h, w, 3) metres
    depth: np.ndarray  # (h, w) metres from the head's origin
    part: np.ndarray  # (h, w)
    points: np.ndarray  # (P, 2) pixels
    gaze: np.ndarray  # (2, 3) camera axes
    pose: np.ndarray  # (4, 4) camera from head
    focal: float
    principal: np.ndarray  # (2,)
    covered: float  # share of the face behind other things
    tone: float  # luminance of the cheeks, linear
    age: str  # of the skin map


def draw(face_data: Path, cache: Path, count: int) -> list[Truth]:
    """`count` faces, always the same; rendered once and kept in a folder.

    Faces so small or so far outside of the picture that they cover less than LEAST_SHARE of it are left out.
    """
    from training.generator import load_assets, render_batch
    from training.generator.assets import UNUSED_SKINS

    cache, assets = kept_in(cache), load_assets(face_data)
    names = [p.stem for p in sorted((face_data / "skins").glob("*.jpg")) if p.stem not in UNUSED_SKINS]
    out: list[Truth] = []
    for seed in range(FIRST_SEED, FIRST_SEED + count, PIECE):
        file = cache / f"pictures{seed}.npz"
        if not file.exists():
            np.savez_compressed(file, **render_batch(seed, PIECE, assets, SIZE))
        with np.load(file) as data:
            rows = {k: data[k] for k in data.files}
        out += [truth_of(rows, i, names) for i in range(PIECE) if (rows["part"][i] > 0).mean() > LEAST_SHARE]
    return out


def truth_of(rows: dict[str, np.ndarray], i: int, skins: list[str]) -> Truth:
    """Row i of a rendered batch."""
    names = ("image", "canonical", "depth", "part", "points", "gaze", "pose", "focal", "principal", "covered")
    fields = {k: rows[k][i].astype(np.float32) if rows[k].dtype == np.float16 else rows[k][i] for k in names}
    tone = float(rows["tone"][i] @ (0.2126, 0.7152, 0.0722))
    skin = skins[int(rows["skin"][i])]
    age = next((a for a in AGES if skin.startswith(a)), AGES[0])
    return Truth(**{**fields, "focal": float(fields["focal"]), "covered": float(fields["covered"])}, tone=tone, age=age)


def look(template: Template, truths: list[Truth]) -> list[FaceMaps]:
    """The tracker on each picture as on a clip of one frame."""
    first = FaceTracker(template)
    return [FaceTracker(template, network=first.network, closeups=first.closeups).next(t.image) for t in truths]


def ask(python: str, truths: list[Truth]) -> np.ndarray:
    """(N, 478, 3) points of the peer, NaN where it finds nothing; each picture on its own."""
    with tempfile.TemporaryDirectory() as folder:
        return ask_peer(python, np.stack([t.image for t in truths]), Path(folder), still=True)[0]


def to_truth(values: np.ndarray, maps: FaceMaps, nearest: bool = False) -> np.ndarray:
    """A map of the network's, (h, w) or (h, w, C), on the truth's grid; 0 outside of the look."""
    side = SIZE // 2
    grid = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
    frame = np.vstack([maps.to_frame, (0, 0, 1)])
    back = (np.linalg.inv(frame) @ grid)[:2]
    mode = (cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(values, back, (side, side), flags=mode)


def landmarks(template: Template, points: np.ndarray, sigma: np.ndarray | None = None) -> np.ndarray:
    """(P, 2) sparse points -> (68, 2) iBUG landmarks: the nearest point each, moved by the template's small offset."""
    model = template.vertices[template.points].astype(np.float64)
    camera = affine_camera(model, points.astype(np.float64), np.ones(len(points)) if sigma is None else sigma)
    nearest, offset = nearest_points(template)
    return points[nearest] + offset @ camera[:, :3].T


def nearest_points(template: Template) -> tuple[np.ndarray, np.ndarray]:
    """(68,) sparse point that stands for each landmark, and (68, 3) metres from it to the landmark."""
    jaw = template.expressions[template.expression_names.index("jawOpen")]
    open_face = (template.vertices + jaw).astype(
        np.float64
    )  # lips at rest touch: only apart it is plain which is which
    wanted, model = template.landmarks(open_face), open_face[template.points]
    nearest = np.linalg.norm(wanted[:, None] - model, axis=2).argmin(axis=1)
    return nearest, wanted - model[nearest]
