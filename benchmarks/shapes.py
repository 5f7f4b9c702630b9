"""Shape keys made for heads that have true ones: `python -m benchmarks.shapes --face-data FOLDER`."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceanything_addon.retarget.create import Carrier, Piece, lay_template
from faceanything_addon.retarget.create.make import Laid, shutting
from faceanything_addon.retarget.create.openings import template_openings
from faceanything_addon.retarget.create.raster import View, shoot
from faceanything_addon.template import Template, load_template

MM = 10.0  # of the heads' centimetres
MOVES = 0.05  # cm: where the true shape moves less, nothing is judged
PEOPLE = (11, 12)  # seeds of people of the ICT model
EYE_VIEW = 0.06  # metres


@dataclass(frozen=True)
class Head:
    """A head in pieces, with true shapes for some of its vertices."""

    name: str
    pieces: list[Piece]
    index: np.ndarray  # (J,) vertices of the first piece that are judged
    truth: dict[str, np.ndarray]  # ARKit name -> (J, 3) cm


@dataclass(frozen=True)
class Row:
    """One shape of one head."""

    name: str
    cosine: float
    size: float  # of the made shape over the true one's
    error: float  # mm, mean where the true shape moves
    motion: float  # mm, mean there


def polygons(name: str, vertices: np.ndarray, faces: np.ndarray, chosen: np.ndarray) -> tuple[Piece, np.ndarray]:
    """The piece of chosen vertices (V,) bool, and their numbers. faces: (F, 4), -1 for triangles."""
    inside = chosen[np.where(faces >= 0, faces, faces[:, :1])].all(axis=1)
    faces = faces[inside]
    used = np.unique(faces[faces >= 0])
    place = np.full(len(vertices), -1)
    place[used] = np.arange(len(used))
    sizes = (faces >= 0).sum(axis=1)
    return Piece(name, vertices[used].astype(float), np.cumsum(sizes) - sizes, place[faces[faces >= 0]]), used


def ict_model(folder: Path) -> dict[str, np.ndarray]:
    """Arrays of the ICT model."""
    with np.load(folder / "ict_facekit.npz") as data:
        return {k: data[k] for k in data.files}


def makehuman_model(folder: Path) -> dict[str, np.ndarray]:
    """Arrays of MakeHuman's head."""
    with np.load(folder / "makehuman_head.npz") as data:
        return {k: data[k] for k in data.files}


def ict_heads(folder: Path) -> Iterator[Head]:
    """The ICT model's mean and some of its people."""
    model = ict_model(folder)
    ranges = dict(zip(map(str, model["region_names"]), model["region_ranges"], strict=True))
    names = [str(n) for n in model["expression_names"]]
    truth = {}
    for arkit in load_template().expression_names:
        base = arkit.replace("Left", "_L").replace("Right", "_R") if arkit not in names else arkit
        parts = [names.index(n) for n in (base, f"{base}_L", f"{base}_R") if n in names]
        if parts:
            truth[arkit] = model["expressions"][parts].astype(np.float32).sum(axis=0)
    weights = [("ICT mean", np.zeros(100))]
    weights += [(f"ICT person {s}", np.random.default_rng(s).normal(size=100).clip(-2, 2)) for s in PEOPLE]
    for title, weight in weights:
        vertices = model["vertices"] + np.tensordot(weight, model["identity"].astype(np.float32), axes=1)
        pieces = []
        for name in ("head", "sclera_left", "sclera_right", "gums_tongue", "teeth_upper", "teeth_lower"):
            begin, end = (0, 14062) if name == "head" else ranges[name][:2]
            chosen = np.zeros(len(vertices), bool)
            chosen[begin:end] = True
            pieces.append(polygons(name, vertices, model["faces"], chosen)[0])
        face = np.arange(*ranges["narrow_face"][:2])
        yield Head(title, pieces, face, {n: t[face] for n, t in truth.items()})


def makehuman_heads(folder: Path) -> Iterator[Head]:
    """MakeHuman's neutral head; its shapes are near ARKit's in meaning only."""
    model = makehuman_model(folder)
    table = json.loads((folder / "makehuman_arkit_map.json").read_text("utf-8"))["map"]
    vertices, group = model["vertices"], model["vertex_group"]
    pieces = []
    for number in range(6):
        piece, used = polygons(str(model["group_names"][number]), vertices, model["faces"], group == number)
        pieces.append(piece)
        if number == 0:
            head = used
    names = [str(n) for n in model["expression_names"]]
    truth = {}
    for arkit, entry in table.items():
        if entry["source"] == "expression":
            truth[arkit] = makehuman_shape(model["expressions"], names, entry, vertices)[head]
    face = np.flatnonzero((vertices[head][:, 2] > 4) & (np.abs(vertices[head][:, 1]) < 14))
    yield Head("MakeHuman", pieces, face, {n: t[face] for n, t in truth.items()})


def makehuman_shape(shapes: np.ndarray, names: list[str], entry: dict, vertices: np.ndarray) -> np.ndarray:
    total = np.zeros(vertices.shape)
    for unit, weight in entry["terms"]:
        for race in ("caucasian", "african", "asian"):
            total += weight / 3 * shapes[names.index(f"{race}/{unit}")].astype(np.float32)
    if entry["split"]:
        side = 1 if entry["split"] == "left" else -1
        share = np.clip((side * vertices[:, 0] + 1.5) / 3, 0, 1)
        total *= (share * share * (3 - 2 * share))[:, None]
    return total


def compare(made: np.ndarray, head: Head, template: Template) -> list[Row]:
    """made: (52, J, 3) cm."""
    rows = []
    for name, true in head.truth.items():
        own = made[template.expression_names.index(name)]
        moves = np.linalg.norm(true, axis=1) > MOVES
        if moves.sum() < 20:
            continue
        sizes = np.linalg.norm(own), np.linalg.norm(true)
        error = np.linalg.norm(own - true, axis=1)[moves].mean()
        motion = np.linalg.norm(true, axis=1)[moves].mean()
        rows.append(
            Row(name, float((own * true).sum() / (sizes[0] * sizes[1])), sizes[0] / sizes[1], MM * error, MM * motion)
        )
    return rows


def seen_eye(laid: Laid, moved: np.ndarray, eye: int) -> int:
    """Pixels of an eyeball that show from the front. moved: (N, 3) world displacements."""
    ball = laid.parts.eyes[eye]
    if ball is None:
        return 0
    local = laid.local + moved @ laid.placing.rotation / laid.placing.scale
    shot = shoot(View(np.eye(3), ball.center, EYE_VIEW, 400), local, laid.body.triangles)
    island = laid.body.island[laid.body.triangles[shot.triangle[shot.triangle >= 0], 0]]
    return int(np.isin(island, ball.islands).sum())


def lip_gap(laid: Laid, moved: np.ndarray) -> float:
    """Mean mm between the rims of the mouth, at a human's size. moved: (N, 3) world displacements."""
    mouth = laid.target.openings.get("mouth")
    if mouth is None:
        return np.nan
    local = laid.local + moved @ laid.placing.rotation / laid.placing.scale
    return 1000 * float(np.linalg.norm((mouth.upper.rows - mouth.lower.rows) @ local, axis=1).mean())


def judge(head: Head, template: Template) -> str:
    """Lines of one head."""
    begin = time.process_time()
    laid = lay_template(head.pieces, template, lambda done, total: None, threads=1)
    shapes = Carrier(template, laid, template.vertices).carry(template.expressions, shutting(template))
    seconds = time.process_time() - begin
    rows = compare(shapes[:, laid.body.nodes[head.index]], head, template)
    number = template.expression_names.index
    still = np.zeros_like(shapes[0])
    shut = [
        seen_eye(laid, shapes[number(f"eyeBlink{s}")], k) / max(seen_eye(laid, still, k), 1)
        for k, s in enumerate(("Left", "Right"))
    ]
    jaw = shapes[number("jawOpen")]
    gaps = [lip_gap(laid, m) for m in (still, jaw, jaw + shapes[number("mouthClose")])]
    cosines = np.array([r.cosine for r in rows])
    lines = [
        f"### {head.name}",
        "",
        f"{sum(len(p.vertices) for p in head.pieces)} vertices, {seconds:.0f} s of processor time; "
        f"{len(rows)} shapes: cosine mean {cosines.mean():.3f}, least {cosines.min():.2f}; "
        f"error {np.mean([r.error for r in rows]):.2f} mm of {np.mean([r.motion for r in rows]):.2f} mm moved.",
        f"Eye still seen in a blink: {100 * shut[0]:.1f} % left, {100 * shut[1]:.1f} % right. "
        f"Lips apart: {gaps[0]:.2f} mm at rest, {gaps[1]:.1f} with jawOpen, {gaps[2]:.2f} with jawOpen and mouthClose.",
        "",
        "| shape | cosine | size | error mm | moved mm |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| {r.name} | {r.cosine:.2f} | {r.size:.2f} | {r.error:.2f} | {r.motion:.2f} |" for r in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--face-data", type=Path, required=True, help="folder of the head models")
    parser.add_argument("--summary", action="store_true", help="without the tables of single shapes")
    options = parser.parse_args()
    template = load_template()
    template_openings(template)
    for head in (*ict_heads(options.face_data), *makehuman_heads(options.face_data)):
        text = judge(head, template)
        print(text.split("| shape")[0] if options.summary else text, flush=True)


if __name__ == "__main__":
    main()
