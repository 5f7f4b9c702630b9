"""Both networks on one frame: pairs for the bridge, and maps that join what each does best."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ..template import Part
from .bridge import Bridge
from .crop import apply
from .maps import FaceMaps
from .sight import rays

PAIRS = 600  # of one frame, at most: neighbours err together, and more tell no more
SURE = 0.3  # least confidence of a pixel that teaches the bridge
JUMP = 6.0  # times the usual difference of neighbours: an edge, across which nothing may be averaged
DISAGREE = 0.015  # metres between the two networks at which a pixel's confidence is halved
LEAST_DEPTH_PIXELS = 50
DEPTH_ROUNDS = 6


@dataclass(frozen=True)
class FullMaps:
    """What the full-size network says of one frame, on a grid of h x w map pixels; all lengths in units of its own."""

    canonical: np.ndarray  # (h, w, 3) f4
    depth: np.ndarray  # (h, w) f4 along the optical axis as it comes, along the line of sight once `sighted`
    weight: np.ndarray  # (h, w) f4 0..1 how far to trust each pixel; 0: not at all
    to_frame: np.ndarray  # (2, 3) affine: map pixel (x, y, 1) -> frame pixel

    def sample(self, to_frame: np.ndarray, shape: tuple[int, ...]) -> FullMaps:
        """The same on another grid, that of the embedded network's map: between its pixels, but never across edges."""
        position = _grid(to_frame, shape, self.to_frame)
        near = np.rint(position).astype(np.int64)
        inside = self._inside(near)
        low = np.floor(position).astype(np.int64)
        corners = [low + [x, y] for y in (0, 1) for x in (0, 1)]
        stack = np.concatenate([self.canonical, self.depth[..., None], self.weight[..., None]], axis=2)
        values = np.stack([self._take(stack, c) for c in corners])  # (4, ..., 5)
        part = position - low
        x, y = part[..., 0], part[..., 1]
        shares = np.stack([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y])[..., None]
        smooth = self._smooth(values, inside) & np.all([self._inside(c) for c in corners], axis=0)
        sampled = np.where(smooth[..., None], (values * shares).sum(axis=0), self._take(stack, near))
        sampled = np.where(inside[..., None] & np.isfinite(sampled).all(axis=-1, keepdims=True), sampled, 0)
        sampled = sampled.astype(np.float32)
        return FullMaps(sampled[..., :3], sampled[..., 3], sampled[..., 4], to_frame)

    def _inside(self, pixel: np.ndarray) -> np.ndarray:
        return ((pixel >= 0) & (pixel < np.array(self.depth.shape[::-1]))).all(axis=-1)

    def _take(self, stack: np.ndarray, pixel: np.ndarray) -> np.ndarray:
        height, width = self.depth.shape
        return stack[pixel[..., 1].clip(0, height - 1), pixel[..., 0].clip(0, width - 1)]

    @staticmethod
    def _smooth(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """(...,) bool: the four pixels (4, ..., 5) around a place are of one surface and all of use."""
        with np.errstate(invalid="ignore"):
            jump = np.ptp(values[..., :3], axis=0).max(axis=-1)
        usable = (values[..., 4] > 0).all(axis=0) & np.isfinite(jump)
        usual = np.median(jump[usable & inside]) if (usable & inside).any() else 0.0
        return usable & (jump <= JUMP * usual)


def _grid(to_frame: np.ndarray, shape: tuple[int, ...], other_to_frame: np.ndarray) -> np.ndarray:
    """(h, w, 2): pixels of one map as positions (x, y) in another; both (2, 3) lead to the frame."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    frame = apply(np.asarray(to_frame, np.float64), np.stack([x, y], axis=-1))
    return (frame - other_to_frame[:, 2]) @ np.linalg.inv(other_to_frame[:, :2]).T


@dataclass(frozen=True)
class Pairs:
    """Coordinates of the same pixels in both spaces, for `bridge.fit_bridge`. N pairs."""

    source: np.ndarray  # (N, 3) f4 full-size network
    target: np.ndarray  # (N, 3) f4 metres, embedded network
    weight: np.ndarray  # (N,) f4
    frame: np.ndarray  # (N,) i8


def collect_pairs(frames: Iterable[tuple[FaceMaps, FullMaps]]) -> Pairs:
    """From frames that both networks saw.

    Only skin counts, a pixel away from other parts: eyeballs turn and teeth and tongue move, and whether the full-size
    network's coordinate goes with them is not known.
    """
    parts = [_pairs_of(number, *maps) for number, maps in enumerate(frames) if maps[0].found]
    parts = parts or [(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32), np.zeros(0, np.float32), 0)]
    source, target, weight = (np.concatenate([p[i] for p in parts]) for i in range(3))
    return Pairs(source, target, weight, np.repeat([p[3] for p in parts], [len(p[2]) for p in parts]))


def _pairs_of(number: int, embedded: FaceMaps, full: FullMaps) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    from scipy.ndimage import binary_erosion

    sampled = full.sample(embedded.to_frame, embedded.depth.shape)
    skin: np.ndarray = np.asarray(binary_erosion(embedded.part == Part.SKIN, np.ones((3, 3))), bool)
    rows = np.flatnonzero(skin & (embedded.confidence > SURE) & (sampled.weight > 0))
    if len(rows) > PAIRS:
        rows = rows[np.linspace(0, len(rows) - 1, PAIRS).astype(int)]
    weight = (embedded.confidence * sampled.weight).ravel()[rows]
    return sampled.canonical.reshape(-1, 3)[rows], embedded.canonical.reshape(-1, 3)[rows], weight, number


def sighted(full: FullMaps, embedded: FaceMaps, camera: np.ndarray | None) -> FullMaps:
    """Depth along the optical axis -> along the line of sight to the head, both from the camera.

    Args:
        full: on the embedded network's grid.
        camera: (3, 3) intrinsics of the frame; None: not known, the face is taken to be in its middle.
    """
    skin = embedded.part == Part.SKIN
    if camera is None or skin.sum() < LEAST_DEPTH_PIXELS:
        return full
    y, x = np.mgrid[: skin.shape[0], : skin.shape[1]]
    pixel = apply(np.asarray(embedded.to_frame, np.float64), np.stack([x, y], axis=-1))
    design = np.column_stack([embedded.canonical[skin], np.ones(skin.sum())]).astype(np.float64)
    origin = np.linalg.lstsq(design, pixel[skin], rcond=None)[0][3]  # where coordinate 0 would be
    sight = rays(origin, camera)
    slant = rays(pixel, camera) @ (sight / np.linalg.norm(sight))
    return replace(full, depth=(full.depth * slant).astype(np.float32))


def merge_maps(
    embedded: FaceMaps, full: FullMaps, bridge: Bridge, scale: float | None = None, camera: np.ndarray | None = None
) -> FaceMaps:
    """The embedded network's maps with the full-size network's word on skin.

    Everything else stays the embedded network's: which pixel is of which part, eyeballs, teeth and tongue, the sparse
    points, gaze. Depth of skin is the full-size network's, put to metres by the embedded one's.

    Args:
        scale: metres per unit of `full.depth`, where it is known from many frames.
        camera: (3, 3) intrinsics, where `full.depth` is along its optical axis and not yet `sighted`.
    """
    if not embedded.found:
        return embedded
    sampled = sighted(full.sample(embedded.to_frame, embedded.depth.shape), embedded, camera)
    skin = (embedded.part == Part.SKIN) & (sampled.weight > 0)
    canonical, confidence = embedded.canonical.copy(), embedded.confidence.copy()
    canonical[skin] = bridge.apply(sampled.canonical[skin])
    apart = np.linalg.norm(canonical[skin] - embedded.canonical[skin], axis=1)
    confidence[skin] *= sampled.weight[skin] / (1 + (apart / DISAGREE) ** 2)
    depth = embedded.depth.copy()
    depth[skin] = metric_depth(sampled.depth[skin], depth[skin], confidence[skin], scale)
    return replace(embedded, canonical=canonical, depth=depth, confidence=confidence, depth_known=bool(skin.any()))


def metric_depth(depth: np.ndarray, embedded: np.ndarray, weight: np.ndarray, scale: float | None = None) -> np.ndarray:
    """Depth of unknown scale -> metres from the head's origin, both along the line of sight to it.

    The embedded network's depth is in these very terms, and comparing them needs no distance. Scale and shift
    are found for each frame on its own: the released tool's scale changes from frame to frame where frames are taken
    one by one.

    Args:
        depth: (N,) full-size network.
        embedded: (N,) metres.
        weight: (N,).
        scale: metres per unit where it is known; only the shift is found then.

    Returns:
        (N,) f4; the embedded network's own where the two have nothing in common.
    """
    line = fit_depth(depth, embedded, weight, scale)
    return embedded if line is None else (line[0] * depth + line[1]).astype(np.float32)


def fit_depth(
    depth: np.ndarray, embedded: np.ndarray, weight: np.ndarray, known: float | None = None
) -> tuple[float, float] | None:
    """Robust scale and shift from one frame's depth to metres; None where the two have nothing in common.

    Args:
        known: the scale, where only the shift is wanted.
    """
    use = weight > 0
    if use.sum() < LEAST_DEPTH_PIXELS or np.ptp(depth[use]) <= 0:
        return None
    # Wrong depths are far off and would sway a straight fit from the start: medians and quartiles do not mind them.
    center, shift = (float(np.median(a[use])) for a in (depth, embedded))
    spread, wanted = (float(np.subtract(*np.percentile(a[use], [75, 25]))) for a in (depth, embedded))
    scale = known or wanted / max(spread, 1e-12)
    for _ in range(DEPTH_ROUNDS):
        off = np.abs(embedded - scale * (depth - center) - shift)
        sigma = max(1.4826 * float(np.median(off[use])), 1e-6)
        trusted = weight / (1 + (off / (2 * sigma)) ** 2) ** 2
        if known is None:
            design = np.column_stack([depth - center, np.ones(len(depth))])
            weighted = design * trusted[:, None]
            scale, shift = np.linalg.lstsq(weighted.T @ design, weighted.T @ embedded, rcond=None)[0]
        else:
            shift = float(np.average(embedded - scale * (depth - center), weights=trusted))
    return (float(scale), float(shift - scale * center)) if scale > 0 else None
