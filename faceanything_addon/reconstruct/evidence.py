"""What one frame says about the face, in a few arrays of fixed shape.

The maps of a frame are large and live only as long as the frame; evidence is small enough to be stacked, written to
disk and read again, so that a long clip never has to be in memory. Keys of `observe`, per frame:

=============  ============  ===============================================================
found          () bool       False: everything else is zero
triangle       (N,) i4       surface triangle (`surface.template_surface`) of each chosen pixel
bary           (N, 2) f4     barycentric weights of the triangle's second and third vertex
xy             (N, 2) f4     frame pixels
depth          (N,) f4       metres along the line of sight to the head, minus its origin's own; NaN where it is a
                             guess that is worth nothing
weight         (N,) f4       confidence 0..1; 0 in unused rows
spacing        () f4         frame pixels per map pixel
points         (P, 2) f4     frame pixels of template.points
point_sigma    (P,) f4       frame pixels, one standard deviation
arkit          (52,) f4      coefficients predicted by the network, NaN where it predicts none
gaze           (2, 3) f4     unit vectors, axes of a camera turned to the eye, NaN where it predicts none
gaze_sigma     (2,) f4       radians, NaN where it predicts none
focal          () f4         frame pixels, NaN where it predicts none
inside_xy      (I, 2) f4     frame pixels between the lips
inside_kind    (I,) u1       what they show (`maps.Inside`); OTHER in unused rows
inside_spacing () f4         frame pixels from one to the next
=============  ============  ===============================================================
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ..model.maps import FaceMaps, Inside
from ..template import Part, Template
from .surface import template_surface

# Of what the arrays mean: 1 had depth along the optical axis, 2 no NaN in it, 3 no pixels inside, 4 their parts alone.
EVIDENCE_VERSION = 5
PIXELS = 1500
FINE_PIXELS = 900  # of them at most for eyes and mouth
MIN_CONFIDENCE = 0.2
MAX_DISTANCE = 0.015  # metres from the mean surface: identity moves the canonical map by less than that
INSIDE = 384  # pixels between the lips
INSIDE_KINDS = {Part.TEETH: Inside.TEETH, Part.TONGUE: Inside.BEHIND, Part.MOUTH: Inside.BEHIND}
SEEN_PARTS = (Part.SKIN, Part.EYE_LEFT, Part.EYE_RIGHT, Part.TEETH)
LIDS_END = -0.03  # metres, canonical y: what is of the mouth and lies higher is the inside of lids
EYE_HALF_SIZE = np.array([0.026, 0.015], np.float32)  # metres around an eye's centre, kept at full density
MOUTH_HALF_SIZE = np.array([0.036, 0.022], np.float32)


def observe(maps: FaceMaps, template: Template) -> dict[str, np.ndarray]:
    """Condense one frame; see the module's table for the arrays."""
    evidence = _empty(template, maps)
    if not maps.found:
        return evidence
    rows = _choose_pixels(maps, template)
    canonical = maps.canonical.reshape(-1, 3)[rows]
    triangle, bary, distance = template_surface(template).closest(canonical, maps.part.ravel()[rows])
    near = distance < MAX_DISTANCE
    rows, count = rows[near], int(near.sum())
    values = {
        "triangle": triangle[near],
        "bary": bary[near, 1:],
        "xy": _frame_pixels(maps.to_frame, maps.part.shape[1], rows),
        "depth": maps.depth.ravel()[rows] if maps.depth_known else np.float32(np.nan),
        "weight": maps.confidence.ravel()[rows],
    }
    for key, value in values.items():
        evidence[key][:count] = value
    return evidence | _between_lips(maps)


def stack(frames: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Single frames -> arrays with a leading frame axis."""
    return {key: np.stack([frame[key] for frame in frames]) for key in frames[0]}


def frame_of(chunk: dict[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    """One frame of stacked evidence."""
    return {key: value[number] for key, value in chunk.items()}


def _empty(template: Template, maps: FaceMaps) -> dict[str, np.ndarray]:
    count = len(template.points)
    arkit, gaze = maps.arkit, maps.gaze
    f4, names = np.float32, len(template.expression_names)
    return {
        "found": np.array(bool(maps.found)),
        "triangle": np.zeros(PIXELS, np.int32),
        "bary": np.zeros((PIXELS, 2), f4),
        "xy": np.zeros((PIXELS, 2), f4),
        "depth": np.zeros(PIXELS, f4),
        "weight": np.zeros(PIXELS, f4),
        "spacing": np.array(_spacing(maps.to_frame), f4),
        "points": np.asarray(maps.points, f4) if maps.found else np.zeros((count, 2), f4),
        "point_sigma": np.asarray(maps.point_sigma, f4) if maps.found else np.zeros(count, f4),
        "arkit": np.full(names, np.nan, f4) if arkit is None else np.asarray(arkit, f4),
        "gaze": np.full((2, 3), np.nan, f4) if gaze is None else np.asarray(gaze, f4),
        "gaze_sigma": np.full(2, np.nan, f4) if maps.gaze_sigma is None else np.asarray(maps.gaze_sigma, f4),
        "focal": np.array(np.nan if maps.intrinsics is None else maps.intrinsics[0, 0], f4),
        "inside_xy": np.zeros((INSIDE, 2), f4),
        "inside_kind": np.zeros(INSIDE, np.uint8),
        "inside_spacing": np.array(0, f4),
    }


def _between_lips(maps: FaceMaps) -> dict[str, np.ndarray]:
    """What shows in the mouth: evenly spread pixels, from near where that is known."""
    if maps.mouth is None:
        kinds, to_frame = _kinds_of_parts(maps), maps.to_frame
    else:
        kinds, to_frame = maps.mouth.shares.argmax(axis=0).astype(np.uint8), maps.mouth.to_frame
    rows = np.flatnonzero(kinds)
    rows = rows[np.argsort(_spread_order(*kinds.shape)[rows], kind="stable")][:INSIDE]
    xy, kept = np.zeros((INSIDE, 2), np.float32), np.zeros(INSIDE, np.uint8)
    xy[: len(rows)], kept[: len(rows)] = _frame_pixels(to_frame, kinds.shape[1], rows), kinds.ravel()[rows]
    return {"inside_xy": xy, "inside_kind": kept, "inside_spacing": np.array(_spacing(to_frame), np.float32)}


def _kinds_of_parts(maps: FaceMaps) -> np.ndarray:
    """(h, w) u1 `Inside` of a face's parts."""
    kinds, low = np.zeros(maps.part.shape, np.uint8), maps.canonical[..., 1] < LIDS_END
    for part, kind in INSIDE_KINDS.items():
        kinds[(maps.part == part) & low] = kind
    return kinds


def _spacing(to_frame: np.ndarray) -> float:
    """Frame pixels per map pixel."""
    return float(np.sqrt(abs(np.linalg.det(to_frame[:, :2]))))


def _frame_pixels(to_frame: np.ndarray, width: int, rows: np.ndarray) -> np.ndarray:
    """(N,) numbers of map pixels -> (N, 2) f4 where in the frame they are."""
    at = np.stack([rows % width, rows // width, np.ones(len(rows))], axis=1)
    return at.astype(np.float32) @ to_frame.T


def _choose_pixels(maps: FaceMaps, template: Template) -> np.ndarray:
    """Numbers of up to PIXELS pixels: eyes and mouth first, the rest evenly spread."""
    part = maps.part.ravel()
    usable = np.flatnonzero(np.isin(part, SEEN_PARTS) & (maps.confidence.ravel() > MIN_CONFIDENCE))
    usable = usable[np.argsort(_spread_order(*maps.part.shape)[usable], kind="stable")]
    fine = _is_fine(maps.canonical.reshape(-1, 3)[usable], part[usable], template)
    first = usable[fine][:FINE_PIXELS]
    return np.concatenate([first, usable[~fine][: PIXELS - len(first)]])


def _is_fine(canonical: np.ndarray, part: np.ndarray, template: Template) -> np.ndarray:
    """(N,) bool: on eyes, lids or lips."""
    mouth = template.landmarks(template.vertices)[60:68].mean(axis=0)
    fine = part != Part.SKIN
    for center, half in (*((c, EYE_HALF_SIZE) for c in template.eye_centers), (mouth, MOUTH_HALF_SIZE)):
        fine |= (np.abs(canonical[:, :2] - center[:2]) < half).all(axis=1)
    return fine


@lru_cache(maxsize=8)
def _spread_order(height: int, width: int) -> np.ndarray:
    """(h*w,) rank of each pixel; the lowest ranks of any region lie evenly spread (Bayer's ordered dither)."""
    pattern = np.zeros((1, 1), np.int64)
    while pattern.shape[0] < max(height, width):
        pattern = np.block([[4 * pattern, 4 * pattern + 2], [4 * pattern + 3, 4 * pattern + 1]])
    return pattern[:height, :width].ravel()
