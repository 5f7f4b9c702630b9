"""Make faceanything_addon/data/template.npz.

python -m training.template.make --face-data FOLDER
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from faceanything_addon.template.template import TEMPLATE_FILE, Part, load_template

from . import topology as topo
from .embed import embed_inside, embed_skin
from .even import evening
from .headmodel import CENTER, HeadModel
from .identity import learn, load_second
from .names import ARKIT_NAMES
from .parts import PartMesh, make_eye, make_teeth, make_tongue
from .pick import kept_points, regions_of, sparse_points
from .shut import close_lips, on_midline, shut_jaw, shut_lids, shut_pucker
from .surface import Points, locate
from .touching import seal_file
from .unwrap import unwrap_skin


@dataclass
class Build:
    """The mesh under construction: all parts of both sides."""

    vertices: list[np.ndarray] = field(default_factory=list)  # cm
    quads: list[np.ndarray] = field(default_factory=list)
    part: list[np.ndarray] = field(default_factory=list)
    index: list[np.ndarray] = field(default_factory=list)
    weight: list[np.ndarray] = field(default_factory=list)
    charts: list[np.ndarray] = field(default_factory=list)
    mirror: list[np.ndarray] = field(default_factory=list)
    size: int = 0

    def add(self, vertices, quads, part, source, chart, mirror) -> int:
        """Append a piece; `mirror` indexes into it. Returns its first vertex."""
        first = self.size
        self.vertices.append(vertices)
        self.quads.append(quads + first)
        self.part.append(np.broadcast_to(np.uint8(part), len(vertices)))
        self.index.append(source.index)
        self.weight.append(source.weight)
        self.charts.append(chart)
        self.mirror.append(mirror + first)
        self.size += len(vertices)
        return first


def half_skin(head: HeadModel) -> tuple[list[topo.Key], np.ndarray, Points, np.ndarray]:
    """Skin and inside of the left half: keys, quads, places, part per key."""
    keys, quads, places = embed_skin(head)
    spots = places.of(head.vertices)
    inner_keys, inner_quads, inner = embed_inside(head, dict(zip(keys, spots, strict=True)))
    number = {k: i for i, k in enumerate(keys)}
    fresh = [i for i, k in enumerate(inner_keys) if k not in number]
    for i in fresh:
        number[inner_keys[i]] = len(number)
    quads = np.concatenate([quads, np.array([[number[inner_keys[j]] for j in q] for q in inner_quads])])
    index = np.concatenate([places.index, inner.index[fresh]])
    weight = np.concatenate([places.weight, inner.weight[fresh]])
    part = np.r_[np.full(len(keys), Part.SKIN), np.full(len(fresh), Part.MOUTH)]
    return list(number), quads, Points(index, weight), part


def both_halves(head: HeadModel, keys: list[topo.Key], quads: np.ndarray, places: Points, part: np.ndarray):
    """Mirror the left half; midline points are shared. Right-hand keys end in 'R'."""
    v = places.of(head.vertices)
    middle = np.array([on_midline(k) for k in keys])
    v[middle, 0] = 0
    n = len(keys)
    twin = np.arange(n)
    twin[~middle] = n + np.arange((~middle).sum())
    mirror = np.r_[twin, np.flatnonzero(~middle)]
    vertices = np.concatenate([v, v[~middle] * [-1, 1, 1]])
    source = Points(
        np.concatenate([places.index, head.mirror[places.index[~middle]]]),
        np.concatenate([places.weight, places.weight[~middle]]),
    )
    all_keys = keys + [(*k, "R") for k, m in zip(keys, middle, strict=True) if not m]
    return all_keys, vertices, np.concatenate([quads, twin[quads][:, ::-1]]), source, np.r_[part, part[~middle]], mirror


def add_pair(build: Build, head: HeadModel, mesh: PartMesh, parts: tuple[Part, Part]) -> None:
    """A part and its mirror image, the subject's left first."""
    n = len(mesh.vertices)
    build.add(mesh.vertices, mesh.quads, parts[0], mesh.source, mesh.uvs, np.arange(n) + n)
    source = Points(head.mirror[mesh.source.index], mesh.source.weight)
    flipped = mesh.uvs * [-1, 1] + [1, 0]
    build.add(mesh.vertices * [-1, 1, 1], mesh.quads[:, ::-1], parts[1], source, flipped, np.arange(n) - n)


def add_middle(build: Build, mesh: PartMesh, part: Part) -> None:
    """A part that is its own mirror image."""
    flipped = mesh.vertices * [-1, 1, 1]
    distance = np.linalg.norm(flipped[:, None] - mesh.vertices[None], axis=2)
    build.add(mesh.vertices, mesh.quads, part, mesh.source, mesh.uvs, distance.argmin(1))


def fields_of(head: HeadModel, build: Build, keys: list[topo.Key]) -> tuple[np.ndarray, np.ndarray]:
    """Identity (100, V, 3) and expression (52, V, 3) displacements, metres."""
    source = Points(np.concatenate(build.index), np.concatenate(build.weight))
    part = np.concatenate(build.part)
    mirror = np.concatenate(build.mirror)
    identity = source.of(head.data["identity"].astype(np.float32)) / 100
    names = [str(n) for n in head.data["expression_names"]]
    shapes = source.of(head.data["expressions"].astype(np.float32)) / 100
    out = np.zeros((len(ARKIT_NAMES), build.size, 3), np.float32)
    for i, name in enumerate(ARKIT_NAMES):
        for short in sources_of(name, names):
            out[i] += shapes[names.index(short)]
    out[:, np.isin(part, (Part.EYE_LEFT, Part.EYE_RIGHT))] = 0
    out[ARKIT_NAMES.index("tongueOut")] = tongue_out(np.concatenate(build.vertices), part)
    vertices = np.concatenate(build.vertices) / 100
    for side, right in (("Left", False), ("Right", True)):
        shut_lids(out[ARKIT_NAMES.index(f"eyeBlink{side}")], vertices, keys, right)
    pucker, close, jaw = (ARKIT_NAMES.index(name) for name in ("mouthPucker", "mouthClose", "jawOpen"))
    out[pucker] = shut_pucker(out[pucker], vertices, keys)
    out[close] = shut_jaw(out[close], out[jaw], vertices, keys)
    return identity.astype(np.float32), symmetric(out, mirror)


def sources_of(name: str, names: list[str]) -> list[str]:
    """The head model's shapes that make an ARKit shape."""
    short = name.replace("Left", "_L").replace("Right", "_R") if name not in names else name
    if short in names:
        return [short]
    return [n for n in (f"{name}_L", f"{name}_R") if n in names]


def symmetric(shapes: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Make left and right shapes exact mirror images of each other."""
    out = shapes.copy()
    for i, name in enumerate(ARKIT_NAMES):
        other = name.replace("Left", "#").replace("Right", "Left").replace("#", "Right")
        out[i] = (shapes[i] + shapes[ARKIT_NAMES.index(other)][mirror] * [-1, 1, 1]) / 2
    return out


def tongue_out(vertices: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(V, 3) metres: the tongue slides over the lower lip of a mouth half open and bends down there; its root stays."""
    share = np.clip((vertices[:, 2] - 4.2) / 5.0, 0, 1.1) * (part == Part.TONGUE)
    up, beyond = np.minimum(share / 0.6, 1.0), np.maximum(share - 0.75, 0.0)
    return np.stack([0 * share, 0.006 * up - 0.16 * beyond**2, 0.034 * share], axis=1)


def landmark_shifts() -> np.ndarray:
    """(68, 3) cm from the head model's landmarks to where such points are customarily marked on a face.

    Measured on rendered people with known truth, against a landmark tracker: brows 4 mm lower and 3.6 mm farther out,
    the nose's tip lower, its base higher, the inner corners of the eyes nearer to the nose.
    """
    shift = np.zeros((68, 3))
    shift[17:22], shift[22:27] = (-0.36, -0.4, 0), (0.36, -0.4, 0)
    shift[30], shift[31:36] = (0, -0.25, 0), (0, 0.14, 0)
    shift[39], shift[42] = (0.16, 0, 0), (-0.16, 0, 0)
    return shift


def landmark_points(head: HeadModel, vertices: np.ndarray, quads: np.ndarray, part: np.ndarray) -> Points:
    """The 68 landmarks as points on the skin, nearest to the head model's."""
    skin = quads[(part[quads] == Part.SKIN).all(1)]
    triangles = np.concatenate([skin[:, [0, 1, 2]], skin[:, [0, 2, 3]]])
    marks = head.landmarks.copy()
    marks[0:8], marks[9:17] = head.data["jaw_right"], head.data["jaw_left"]
    return locate(head.vertices[marks] + landmark_shifts(), vertices, triangles, near=32)


def signs_of(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """(K, 1, 1) 1 or -1: whether each of the new modes (K, V, 3) is as the old one or its opposite, which is chance."""
    return np.where((old * new).sum(axis=(1, 2)) < 0, -1, 1)[:, None, None]


def make(folder: Path, registration: Path, out: Path, keep: Path | None = None) -> None:
    """Everything, into one file; `keep`: a template whose sparse points and signs of modes stay what they are."""
    old = load_template(keep) if keep else None
    head = HeadModel(folder)
    build = Build()
    keys, vertices, quads, source, part, mirror = both_halves(head, *half_skin(head))
    build.add(vertices, quads, Part.SKIN, source, np.zeros((len(vertices), 2)), mirror)
    build.part[0] = part.astype(np.uint8)
    add_pair(build, head, make_eye(head), (Part.EYE_LEFT, Part.EYE_RIGHT))
    add_middle(build, make_teeth(head, "teeth_upper"), Part.TEETH)
    add_middle(build, make_teeth(head, "teeth_lower"), Part.TEETH)
    add_middle(build, make_tongue(head), Part.TONGUE)
    v, q, p = np.concatenate(build.vertices), np.concatenate(build.quads), np.concatenate(build.part)
    full_mirror = np.concatenate(build.mirror)
    v = (v + v[full_mirror] * [-1, 1, 1]) / 2
    identity, expressions = fields_of(head, build, keys)
    marks = landmark_points(head, v, q, p)
    shut = close_lips(v, keys)
    even = evening(shut, keys)
    mean = ((close_lips(even @ shut, keys) - CENTER) / 100).astype(np.float32)
    regions = regions_of(keys, mean, p)
    weight = (
        0.2 + 2 * regions["face"] + regions["lips"] + regions["lids_left"] + regions["lids_right"] + regions["nose"]
    )
    identity = learn(identity * 100, load_second(folder, registration), v, p, full_mirror, weight) / 100
    identity, expressions = (np.stack([even @ field for field in fields]) for fields in (identity, expressions))
    if old:
        identity *= signs_of(old.identity, identity)
    uvs, uv_quads = unwrap_skin(mean, q, p, keys, np.concatenate(build.charts))
    points = kept_points(old, mean, p, full_mirror) if old else sparse_points(keys, mean, p, full_mirror, marks)
    eyes = [mean[p == side] for side in (Part.EYE_LEFT, Part.EYE_RIGHT)]
    np.savez_compressed(
        out,
        vertices=mean,
        quads=q.astype(np.int32),
        uvs=uvs.astype(np.float32),
        uv_quads=uv_quads.astype(np.int32),
        part=p,
        identity=identity.astype(np.float16),
        expressions=expressions.astype(np.float16),
        expression_names=np.array(ARKIT_NAMES),
        mirror=full_mirror.astype(np.int32),
        landmarks_index=marks.index.astype(np.int32),
        landmarks_weight=marks.weight.astype(np.float32),
        points=points.astype(np.int32),
        eye_centers=np.array([(e.max(0) + e.min(0)) / 2 for e in eyes], np.float32),
        region_names=np.array(list(regions)),
        region_weights=np.array(list(regions.values()), np.float16),
    )
    seal_file(out)
    print(f"{out}: {len(mean)} vertices, {len(q)} quads, {os.path.getsize(out) / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--face-data", type=Path, default=os.environ.get("FACE_DATA"))
    parser.add_argument("--registration", type=Path, default=Path("training/work/registration.npz"))
    parser.add_argument("--keep-points", type=Path, help="an older template: trained weights know its sparse points")
    parser.add_argument("--out", type=Path, default=TEMPLATE_FILE)
    options = parser.parse_args()
    if options.face_data is None:
        parser.error("--face-data FOLDER, or FACE_DATA in the environment, names the head models' folder")
    make(Path(options.face_data), options.registration, options.out, options.keep_points)


if __name__ == "__main__":
    main()
