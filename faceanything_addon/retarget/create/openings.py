"""Mouth and eyes of the template and of a character, by the same rule."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ...reconstruct.per_template import per_template
from ...template import Part, Template
from .raster import View
from .rims import SIZE, Opening, Surface, find_opening

NAMES = ("mouth", "eyeLeft", "eyeRight")
# iBUG landmarks of the upper and the lower rim, from the subject's right to left.
LINES = {
    "mouth": ((60, 61, 62, 63, 64), (60, 67, 66, 65, 64)),
    "eyeLeft": ((42, 43, 44, 45), (42, 47, 46, 45)),
    "eyeRight": ((36, 37, 38, 39), (36, 41, 40, 39)),
}
BANDS = {"mouth": 0.005, "eyeLeft": 0.004, "eyeRight": 0.004}  # metres
WIDER = 0.25  # of a line's end pieces: how far beyond the corners an opening is looked for
PICTURE = 2.6  # widths of the opening


def find_openings(landmarks: np.ndarray, mouth: Surface, eyes: Surface) -> dict[str, Opening]:
    """Openings by name; those that are not there are left out.

    Args:
        landmarks: (68, 3) of the surface, template space and axes.
        mouth, eyes: what to look at: the mouth without teeth and tongue, the eyes with eyeballs as what lies behind.
    """
    found = {}
    for name in NAMES:
        upper, lower = (widened(landmarks[list(line)]) for line in LINES[name])
        both = np.concatenate([upper, lower])
        side = PICTURE * float(np.ptp(both[:, 0]))
        view = View(np.eye(3), both.mean(axis=0), side, SIZE)
        opening = find_opening(mouth if name == "mouth" else eyes, view, upper, lower, BANDS[name])
        if opening is not None:
            found[name] = opening
    return found


def widened(line: np.ndarray) -> np.ndarray:
    """A line (K, 3) that goes on a little beyond its ends."""
    first, last = line[0] + WIDER * (line[0] - line[1]), line[-1] + WIDER * (line[-1] - line[-2])
    return np.concatenate([[first], line, [last]])


@per_template
def template_openings(template: Template) -> dict[str, Opening]:
    """The template's own openings; made once."""
    triangles, part = template.triangles, template.part[template.triangles[:, 0]]
    skin = np.isin(part, (Part.SKIN, Part.MOUTH))
    eyes = skin | np.isin(part, (Part.EYE_LEFT, Part.EYE_RIGHT))
    vertices = template.vertices.astype(np.float64)

    def surface(mask: np.ndarray) -> Surface:
        return Surface(vertices, triangles[mask], skin[mask])

    return find_openings(template.landmarks(vertices), surface(skin), surface(eyes))
