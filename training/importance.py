"""How much each place on the face matters: eyelids and lips carry the performance on few pixels."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from faceanything_addon.reconstruct.observations import point_tables
from faceanything_addon.template import Part, Template

LID_WEIGHT, LIP_WEIGHT = 5.0, 5.0
PART_WEIGHT = {Part.EYE_LEFT: 4.0, Part.EYE_RIGHT: 4.0, Part.TEETH: 4.0, Part.TONGUE: 4.0, Part.MOUTH: 4.0}
LOW, HIGH, STEP = -0.16, 0.16, 0.004  # the lookup grid's extent and cell, metres
REACH = 0.006  # metres; how far around a landmark its region goes where the template has none of that name


@dataclass
class Importance:
    """Weights by place: a grid over canonical space and one weight per sparse point."""

    grid: Tensor  # (N, N, N) x, y, z
    parts: Tensor  # (7,)
    points: Tensor  # (P,)
    gaps: Tensor  # (G, 2) long: sparse points above and below the openings of eyes and mouth

    def to(self, device: torch.device | str) -> Importance:
        """The same on another device."""
        return Importance(*(getattr(self, f.name).to(device) for f in fields(self)))

    def pixels(self, canonical: Tensor, part: Tensor) -> Tensor:
        """(B, 3, h, w) metres, (B, h, w) -> (B, h, w) weights, 1 on plain skin and background."""
        index = ((canonical - LOW) / STEP).long().clamp(0, self.grid.shape[0] - 1)
        skin = self.grid[index[:, 0], index[:, 1], index[:, 2]]
        return torch.where(part == int(Part.SKIN), skin, self.parts[part])


def region_weight(template: Template, word: str, landmarks: range) -> np.ndarray:
    """(V,) 0..1: the template's regions named like `word`, else the neighbourhood of landmarks."""
    named = [w for name, w in template.regions.items() if word in name.lower()]
    if named:
        return np.max(named, axis=0)
    places = template.landmarks(template.vertices)[list(landmarks)]
    distance = np.linalg.norm(template.vertices[:, None] - places[None], axis=-1).min(axis=1)
    return np.exp(-((distance / REACH) ** 2)).astype(np.float32)


def vertex_importance(template: Template) -> tuple[np.ndarray, np.ndarray]:
    """Weights per vertex (V,), and the lids' and lips' share (V, 2)."""
    lids = region_weight(template, "lid", range(36, 48))
    lips = region_weight(template, "lip", range(48, 68))
    share = np.stack([lids, lips], axis=-1)
    return 1 + np.maximum(lids * (LID_WEIGHT - 1), lips * (LIP_WEIGHT - 1)), share


def nearest_skin(template: Template, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the skin vertex nearest to each place and its distance: (..., 3) -> (...), (...)."""
    from scipy.spatial import KDTree

    skin = np.flatnonzero(template.part == Part.SKIN)
    distance, index = KDTree(template.vertices[skin]).query(places, workers=2)
    return skin[index], distance


def build_importance(template: Template) -> Importance:
    """Tabulate the weights of a template."""
    vertex, _ = vertex_importance(template)
    axis = np.arange(LOW, HIGH, STEP) + STEP / 2
    cells = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1)
    index, distance = nearest_skin(template, cells)
    grid = np.where(distance < 0.02, vertex[index], 1.0).astype(np.float32)
    parts = np.array([PART_WEIGHT.get(p, 1.0) for p in Part], dtype=np.float32)
    points = vertex[template.points].astype(np.float32)
    gaps = point_tables(template).gaps.astype(np.int64)
    return Importance(*(torch.from_numpy(a) for a in (grid, parts, points, gaps)))
