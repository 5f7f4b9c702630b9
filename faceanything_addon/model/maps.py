"""What a face network says about one frame."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Inside(IntEnum):
    """What a pixel around the mouth shows."""

    OTHER = 0  # lips, skin, what hides them
    UPPER_TEETH = 1
    LOWER_TEETH = 2
    BEHIND = 3  # tongue, cheeks, dark
    TEETH = 4  # of one of the jaws: parts of a face tell no more


@dataclass(frozen=True)
class MouthMap:
    """What shows between the lips, from near."""

    shares: np.ndarray  # (4, h, w) f4 of the first four of `Inside`, 1 together
    to_frame: np.ndarray  # (2, 3) affine: map pixel (x, y, 1) -> frame pixel


@dataclass(frozen=True)
class FaceMaps:
    """One frame's maps, on a grid of h x w map pixels laid over part of the frame.

    Pixel coordinates everywhere: (x, y), x right, y down, (0, 0) is the centre of the first pixel.
    """

    found: bool  # False: no face; the arrays then hold zeros
    canonical: np.ndarray  # (h, w, 3) f4 metres, canonical space
    depth: np.ndarray  # (h, w) f4 metres along the line of sight to the head (`sight`), minus its origin's own
    part: np.ndarray  # (h, w) u1, see template.Part
    confidence: np.ndarray  # (h, w) f4 0..1
    to_frame: np.ndarray  # (2, 3) f4 affine: map pixel (x, y, 1) -> frame pixel
    points: np.ndarray  # (P, 2) f4 frame pixels of template.points, hidden ones too
    point_sigma: np.ndarray  # (P,) f4 frame pixels, one standard deviation
    intrinsics: np.ndarray | None = None  # (3, 3) where a network predicts them
    extrinsics: np.ndarray | None = None  # (4, 4) world-to-camera, OpenCV
    arkit: np.ndarray | None = None  # (52,) f4 0..1, the network's direct guess: soft evidence
    # (2, 3) f4 unit vectors, subject's left eye first, in the axes of a camera turned, without roll, towards the eye
    gaze: np.ndarray | None = None
    gaze_sigma: np.ndarray | None = None  # (2,) f4 radians
    mouth: MouthMap | None = None
    depth_known: bool = True  # False: a guess, which tells no more about a face than its points do, and errs more
