"""What is exported of the template, and how it looks in formats that know plain colours only."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..template import Part, Template
from ..template.packaged import DATA, packaged_json
from ..template.shape import EYES

HIDDEN = "shoulders"  # region that does not turn with the head


@dataclass(frozen=True)
class Surface:
    """N vertices and Q quads of the template, U texture coordinates."""

    index: np.ndarray  # (N,) vertices of the template, rising
    quads: np.ndarray  # (Q, 4) i4 into `index`
    uvs: np.ndarray  # (U, 2) f4, origin bottom left
    uv_quads: np.ndarray  # (Q, 4) i4 into `uvs`
    part: np.ndarray  # (Q,) Part of each quad


def visible_surface(template: Template) -> Surface:
    """All parts of the head without the shoulders."""
    kept = (template.regions[HIDDEN][template.quads] <= 0.5).all(axis=1)
    quads = template.quads[kept]
    index, uv_index = np.unique(quads), np.unique(template.uv_quads[kept])
    return Surface(
        index=index,
        quads=np.searchsorted(index, quads).astype(np.int32),
        uvs=template.uvs[uv_index],
        uv_quads=np.searchsorted(uv_index, template.uv_quads[kept]).astype(np.int32),
        part=template.part[quads].max(axis=1),
    )


@dataclass(frozen=True)
class Look:
    """data/look.json: plain colours, and where iris and pupil begin.

    The cosines belong to a pupil of 2.1 mm and an iris of 5.9 mm radius on the template's eyeball of 15.8 mm.
    """

    colors: dict[str, tuple[float, float, float]]  # material -> linear RGB
    iris_cosine: float  # of the angle to the eye's axis
    pupil_cosine: float


@lru_cache(maxsize=1)
def load_look() -> Look:
    data = packaged_json(DATA / "look.json")
    colors = {name: tuple(color) for name, color in data["colors"].items()}
    return Look(colors, data["iris_cosine"], data["pupil_cosine"])


def quad_materials(surface: Surface, neutral: np.ndarray) -> np.ndarray:
    """Number of each quad's material in `Look.colors`: (Q,) i4. neutral: (N, 3) head space."""
    look = load_look()
    names = list(look.colors)
    by_part = {Part.SKIN: "skin", Part.TEETH: "teeth", Part.TONGUE: "tongue", Part.MOUTH: "mouth"}
    numbers = np.array([names.index(by_part.get(Part(part), "eye")) for part in surface.part], np.int32)
    for part in EYES:
        ball = surface.part == part
        centers = neutral[surface.quads[ball]].mean(axis=1)
        corners = neutral[np.unique(surface.quads[ball])]
        away = centers - (corners.max(axis=0) + corners.min(axis=0)) / 2
        cosine = away[:, 2] / np.maximum(np.linalg.norm(away, axis=1), 1e-9)
        chosen = np.where(cosine > look.iris_cosine, names.index("iris"), names.index("eye"))
        numbers[ball] = np.where(cosine > look.pupil_cosine, names.index("pupil"), chosen)
    return numbers
