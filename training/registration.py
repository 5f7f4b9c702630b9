"""Register the MakeHuman neutral head to the ICT-FaceKit neutral head.

The result tells, for any point of the ICT neutral surface, which MakeHuman skin texel lies there, and carries brows,
lashes and hair over. Centimetres, +X subject's left, +Y up, +Z out of the face.

    python -m training.registration --face-data PATH
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.interpolate import RBFInterpolator
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from training.generator.raster import empty_buffers, rasterize, vertex_normals

OUTPUT = Path(__file__).parent / "work" / "registration.npz"

# Landmark pairs on the subject's left half, (ICT a, b), (MakeHuman a, b): front view a = x, b = y.
FRONT = (
    ((0.0, 0.30), (0.0, 0.15)), ((0.0, 4.1), (0.0, 3.9)), ((0.0, 2.0), (0.0, 1.9)), ((0.0, -1.2), (0.0, -1.1)),
    ((1.8, -0.3), (1.7, -0.3)), ((1.4, -0.95), (1.35, -0.78)), ((0.95, -0.5), (0.95, -0.52)),
    ((0.0, -2.48), (0.0, -2.2)), ((0.72, -2.4), (0.55, -2.1)), ((1.7, -2.78), (1.5, -2.55)),
    ((2.5, -3.47), (2.25, -3.18)), ((0.0, -3.30), (0.0, -3.05)), ((1.1, -3.28), (1.0, -3.0)),
    ((1.8, -3.36), (1.65, -3.08)), ((0.0, -3.42), (0.0, -3.16)), ((1.1, -3.40), (1.0, -3.1)),
    ((1.8, -3.46), (1.65, -3.17)),
    ((0.0, -4.38), (0.0, -4.45)), ((1.03, -4.3), (1.0, -4.3)), ((1.8, -4.05), (1.65, -3.85)),
    ((0.0, -5.0), (0.0, -4.8)), ((0.0, -6.3), (0.0, -5.6)), ((1.8, 3.28), (1.65, 3.22)), ((4.47, 3.47), (4.2, 3.5)),
    ((1.2, 5.35), (1.2, 4.75)), ((3.2, 5.75), (3.1, 5.15)), ((5.3, 5.1), (4.9, 4.65)),
)  # fmt: skip
# Side view from the subject's left: a = z, b = y.
SIDE = (
    ((-0.02, 3.45), (1.0, 3.95)), ((-1.6, 1.72), (-0.45, 2.2)), ((1.3, -1.85), (1.48, -0.95)),
    ((1.85, -1.6), (2.4, -0.85)), ((0.94, 2.87), (2.15, 2.77)), ((1.3, 0.38), (1.9, 0.77)),
    ((-0.5, 0.57), (0.39, 1.34)), ((1.4, -0.29), (1.95, 0.04)),
)  # fmt: skip
# Midline points that no view shows, (ICT y, z), (MakeHuman y, z): menton, throat, crown, back of the skull, nape.
MIDLINE = (
    ((-7.75, 10.2), (-7.15, 9.6)), ((-8.75, 6.0), (-7.9, 5.3)), ((14.5, -0.2), (14.1, 0.5)),
    ((6.0, -9.2), (6.0, -8.2)), ((-4.5, -5.7), (-4.0, -4.7)),
)  # fmt: skip
LID_STATIONS = (0.12, 0.25, 0.4, 0.55, 0.7, 0.85)
LID_WINDOW = (1.5, 4.8, 2.6, 4.6)  # x0, x1, y0, y1 in cm


@dataclass
class Head:
    """A neutral head: outer surface and what fills the eye opening."""

    vertices: np.ndarray  # (N, 3) cm
    skin: np.ndarray  # (T, 3) triangles of the outer surface
    filling: np.ndarray  # (F, 3) triangles seen through the lids


def triangles(quads: np.ndarray) -> np.ndarray:
    """(Q, 4) quads, -1 in the 4th place for triangles -> (T, 3) i4."""
    second = quads[:, [0, 2, 3]][quads[:, 3] >= 0]
    return np.concatenate([quads[:, :3], second]).astype(np.int32)


def load_heads(face_data: Path) -> tuple[Head, Head, dict]:
    """ICT head, MakeHuman head, raw MakeHuman arrays."""
    with np.load(face_data / "ict_facekit.npz") as ict:
        f, v = ict["faces"], ict["vertices"]
    balls = np.r_[13226:14034, 21496:22296, 23094:23894]
    one = Head(v, triangles(f[:11144]), triangles(f[balls]))
    with np.load(face_data / "makehuman_head.npz") as data:
        mh = {k: data[k] for k in data.files if k not in ("identity", "expressions")}
    body = mh["face_group"] == 0
    inside = mouth_and_sockets(mh)
    eyes = np.isin(mh["face_group"], (1, 2))
    two = Head(mh["vertices"], triangles(mh["faces"][body & ~inside]), triangles(mh["faces"][(body & inside) | eyes]))
    return one, two, mh


def mouth_and_sockets(mh: dict) -> np.ndarray:
    """(faces,) bool: body faces whose UV island is the mouth or an eye socket."""
    quads = mh["uv_faces"]
    rows, cols = np.repeat(quads[:, 0], 3), quads[:, 1:].ravel()
    graph = sp.coo_matrix((np.ones(len(rows)), (rows, cols)), (len(mh["skin_uvs"]),) * 2)
    island = sp.csgraph.connected_components(graph, False)[1][quads[:, 0]]
    mean = {i: mh["skin_uvs"][np.unique(quads[island == i])].mean(axis=0) for i in np.unique(island)}
    picked = [i for i, uv in mean.items() if uv[0] > 0.63 and (uv[1] < 0.2 or uv[1] > 0.76)]
    return np.isin(island, picked) & (mh["face_group"] == 0)


def project(head: Head, side: bool, per_cm: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Orthographic id map: ids (H, W) into skin then filling, pixel size, origin. Window 32 x 40 cm."""
    v = head.vertices
    across = v[:, 2] if side else v[:, 0]
    toward = v[:, 0] if side else v[:, 2]
    xy = np.stack([(across + 16) * per_cm, (20 - v[:, 1]) * per_cm], axis=1).astype(np.float32)
    tris = np.concatenate([head.skin, head.filling]).astype(np.int32)
    zbuf, ids, bary = empty_buffers(40 * per_cm, 32 * per_cm)
    card, cull = np.full(len(tris), -1, np.int16), np.zeros(len(tris), np.uint8)
    uv, none = np.zeros((len(tris), 3, 2), np.float32), np.zeros((1, 1, 1, 4), np.uint8)
    rasterize(xy, (1000 - toward).astype(np.float32), tris, card, uv, cull, none, False, zbuf, ids, bary)
    return ids, bary, tris


def pick(head: Head, maps, a: float, b: float, per_cm: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Visible skin point nearest to view position (a, b): corner vertices (3,), weights (3,)."""
    ids, bary, tris = maps
    x, y, r = int((a + 16) * per_cm), int((20 - b) * per_cm), 30
    window = ids[y - r : y + r + 1, x - r : x + r + 1]
    yy, xx = np.nonzero((window >= 0) & (window < len(head.skin)))
    k = np.argmin((yy - r) ** 2 + (xx - r) ** 2)
    row, col = yy[k] + y - r, xx[k] + x - r
    w = bary[row, col]
    return tris[ids[row, col]], np.array([1 - w.sum(), *w])


def lid_edges(head: Head, maps, per_cm: int = 60) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points just outside the lid opening at LID_STATIONS, upper then lower."""
    ids = maps[0]
    x0, x1, y0, y1 = LID_WINDOW
    box = ids[int((20 - y1) * per_cm) : int((20 - y0) * per_cm), int((x0 + 16) * per_cm) : int((x1 + 16) * per_cm)]
    opening = box >= len(head.skin)
    columns = np.nonzero(opening.any(axis=0))[0]
    out = []
    for station in LID_STATIONS:
        col = int(columns[0] + station * (columns[-1] - columns[0]))
        rows = np.nonzero(opening[:, col])[0]
        for row in (rows[0] - 2, rows[-1] + 2):
            out.append(pick(head, maps, x0 + (col + 0.5) / per_cm, y1 - (row + 0.5) / per_cm))
    return out


def midline_vertex(head: Head, y: float, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Skin vertex of the midline nearest to (y, z)."""
    used = np.unique(head.skin)
    v = head.vertices[used]
    cost = np.hypot(v[:, 1] - y, v[:, 2] - z) + 100 * (np.abs(v[:, 0]) > 0.02)
    return np.full(3, used[np.argmin(cost)]), np.array([1.0, 0, 0])


def landmarks(head: Head, which: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """All landmarks on the left half; `which` 0: ICT, 1: MakeHuman."""
    front, side = project(head, False), project(head, True)
    out = [pick(head, front, *pair[which]) for pair in FRONT]
    out += [pick(head, side, *pair[which]) for pair in SIDE]
    out += [midline_vertex(head, *pair[which]) for pair in MIDLINE]
    return out + lid_edges(head, front)


def both_sides(points: np.ndarray) -> np.ndarray:
    """Append the mirrored points."""
    return np.concatenate([points, points * (-1, 1, 1)])


def laplacian(count: int, tris: np.ndarray) -> sp.csr_matrix:
    """Uniform graph Laplacian, rows of degree one."""
    i = np.concatenate([tris[:, [0, 1]], tris[:, [1, 2]], tris[:, [2, 0]]])
    graph = sp.coo_matrix((np.ones(2 * len(i)), (np.r_[i[:, 0], i[:, 1]], np.r_[i[:, 1], i[:, 0]])), (count, count))
    graph = (graph.tocsr() > 0).astype(float)
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)
    return sp.identity(count) - sp.diags(1 / degree) @ graph


@dataclass
class Surface:
    """Closest points on a triangle mesh."""

    vertices: np.ndarray
    tris: np.ndarray

    def __post_init__(self) -> None:
        corners = self.vertices[self.tris]
        self.tree = cKDTree(corners.mean(axis=1))
        self.normals = np.zeros_like(self.vertices, dtype=np.float32)
        vertex_normals(self.vertices.astype(np.float32), self.tris, self.normals)

    def closest(self, points: np.ndarray, normals: np.ndarray | None = None, k: int = 24):
        """Triangle index (n,), weights (n, 3), position (n, 3); triangles facing away from `normals` are avoided."""
        _, near = self.tree.query(points, k=k)
        corners = self.vertices[self.tris[near]].astype(np.float64)
        weights = closest_weights(points[:, None, :], corners)
        where = (corners * weights[..., None]).sum(axis=2)
        cost = np.linalg.norm(where - points[:, None], axis=-1)
        if normals is not None:
            facing = np.einsum("nkc,nc->nk", self.normals[self.tris[near]].mean(axis=2), normals)
            cost = cost + 2.0 * np.maximum(0.5 - facing, 0)
        best = np.argmin(cost, axis=1)
        rows = np.arange(len(points))
        return near[rows, best], weights[rows, best], where[rows, best]


def closest_weights(point: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric weights of the closest point of triangles (..., 3, 3) to points (..., 3)."""
    a, ab, ac = corners[..., 0, :], corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :]
    ap = point - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    den = np.maximum(d00 * d11 - d01 * d01, 1e-20)
    v, w = (d11 * d20 - d01 * d21) / den, (d00 * d21 - d01 * d20) / den
    inside = (v >= 0) & (w >= 0) & (v + w <= 1)
    best = np.stack([1 - v - w, v, w], axis=-1)
    distance = np.where(inside, 0.0, np.inf)
    for i, j in ((0, 1), (1, 2), (2, 0)):
        p, q = corners[..., i, :], corners[..., j, :]
        edge = q - p
        t = np.clip(((point - p) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-20), 0, 1)
        far = np.linalg.norm(point - p - t[..., None] * edge, axis=-1)
        weights = np.zeros_like(best)
        weights[..., i], weights[..., j] = 1 - t, t
        nearer = far < distance
        best = np.where(nearer[..., None], weights, best)
        distance = np.where(nearer, far, distance)
    return best


@dataclass
class Fit:
    """Linear system of one registration step."""

    rest: np.ndarray  # (N, 3) start of the deformation
    lap: sp.csr_matrix
    marks: sp.csr_matrix  # (M, N) landmark positions from vertices
    targets: np.ndarray  # (M, 3)

    def step(self, current, skin, target, normal, weight, smooth: float, mark: float) -> np.ndarray:
        """Vertices that fit the closest points in the normal direction, smoothly. (N, 3)."""
        n = len(self.rest)
        reg = sp.kron(
            smooth * self.lap.T @ self.lap + mark * self.marks.T @ self.marks + 1e-5 * sp.identity(n), sp.eye(3)
        )
        blocks = weight[:, None, None] * (normal[:, :, None] * normal[:, None, :] + 0.03 * np.eye(3))
        data = sp.bsr_matrix((blocks, skin, np.searchsorted(skin, np.arange(n + 1))), (3 * n, 3 * n))
        rhs = mark * self.marks.T @ (self.targets - self.marks @ self.rest)
        np.add.at(rhs, skin, np.einsum("nij,nj->ni", blocks, target - self.rest[skin]))
        return self.rest + splu((reg + data).tocsc()).solve(rhs.ravel()).reshape(n, 3)


def symmetric(vertices: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Mean with the mirrored shape."""
    return (vertices + vertices[mirror] * (-1, 1, 1)) / 2


def register(ict: Head, mh: Head, body: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """(N, 3) MakeHuman vertices moved onto the ICT neutral; N counts all MakeHuman vertices.

    Args:
        body: (T, 3) all triangles of the body, inside of mouth and sockets too.
    """
    source, target = landmarks(mh, 1), landmarks(ict, 0)
    goal = both_sides(np.array([w @ ict.vertices[i] for i, w in target]))
    start = both_sides(np.array([w @ mh.vertices[i] for i, w in source]))
    start, unique = np.unique(start.round(4), axis=0, return_index=True)
    warp = RBFInterpolator(start, goal[unique] - start, kernel="linear", smoothing=0.02)
    rest = mh.vertices + warp(mh.vertices)
    n = len(rest)
    rows = [(i, w) for i, w in source] + [(mirror[i], w) for i, w in source]
    marks = sp.csr_matrix(
        (
            np.concatenate([w for _, w in rows]),
            np.concatenate([i for i, _ in rows]),
            np.arange(0, 3 * len(rows) + 1, 3),
        ),
        (len(rows), n),
    )
    fit = Fit(rest, laplacian(n, body), marks, goal)
    surface = Surface(ict.vertices, ict.skin)
    skin = np.unique(mh.skin)
    current, normals = rest, np.zeros((n, 3), np.float32)
    for k in range(14):
        vertex_normals(current.astype(np.float32), body, normals)
        tri, w, where = surface.closest(current[skin], normals[skin])
        normal = np.einsum("nc,ncd->nd", w, surface.normals[surface.tris[tri]])
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        far = np.linalg.norm(where - current[skin], axis=1)
        agree = np.clip(2 * (normal * normals[skin]).sum(1) - 0.4, 0, 1)
        weight = agree * np.exp(-((far / (2.5 - 0.13 * k)) ** 2))
        smooth = max(20.0 * 0.6**k, 0.15)
        current = symmetric(fit.step(current, skin, where, normal, weight, smooth, 3.0 * 0.85**k), mirror)
        print(f"step {k}: distance mean {far.mean():.3f} cm, 95 % {np.percentile(far, 95):.3f} cm")
    return current


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--face-data", type=Path, default=os.environ.get("FACE_DATA"))
    parser.add_argument("--out", type=Path, default=OUTPUT)
    args = parser.parse_args()
    ict, mh, raw = load_heads(Path(args.face_data))
    body = triangles(raw["faces"][raw["face_group"] == 0])
    moved = register(ict, mh, body, raw["mirror_index"])
    count = int(np.count_nonzero(raw["vertex_group"] == 0))
    surface = Surface(ict.vertices, ict.skin)
    normals = np.zeros((len(moved), 3), np.float32)
    vertex_normals(moved.astype(np.float32), body, normals)
    tri, weight, where = surface.closest(moved[:count], normals[:count])
    normal = np.einsum("nc,ncd->nd", weight, surface.normals[surface.tris[tri]])
    offset = ((moved[:count] - where) * normal).sum(axis=1)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(
        args.out,
        mh_on_ict=moved[:count].astype(np.float32),
        mh_all_on_ict=moved.astype(np.float32),
        ict_triangle=surface.tris[tri],
        ict_weight=weight.astype(np.float32),
        ict_offset=offset.astype(np.float32),
    )


if __name__ == "__main__":
    main()
