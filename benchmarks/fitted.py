"""Single pictures as a user gets them: a mesh fitted to each, read back as maps."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np

from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.sight import along_sight, rays
from faceanything_addon.reconstruct.actor import fit_actor
from faceanything_addon.reconstruct.evidence import observe, stack
from faceanything_addon.reconstruct.frames import fit_frames
from faceanything_addon.reconstruct.guesses import embedded_guesses
from faceanything_addon.reconstruct.likeness import as_unlike, embedded_likeness
from faceanything_addon.take import Frames, camera_vertices
from faceanything_addon.template import Template

from .surface import corner_shares, rasterised
from .tracks import project


def fitted(template: Template, maps: FaceMaps, size: int) -> FaceMaps:
    """Canonical coordinates and depth of a square picture from the mesh that it alone gives.

    Pixels that the mesh does not reach keep the network's answer; which pixels show the face is the network's word.
    """
    if not maps.found:
        return maps
    evidence = stack([observe(maps, template)])
    likeness = embedded_likeness(len(template.identity))
    guesses = embedded_guesses(template.expression_names)
    actor = as_unlike(fit_actor(evidence, template, size, size, None), template, likeness)
    frames = next(fit_frames(lambda: iter([evidence]), actor, template, size, size, np.zeros(1), guesses=guesses))
    return drawn_over(maps, frames, template)


def drawn_over(maps: FaceMaps, frames: Frames, template: Template) -> FaceMaps:
    """Maps with what a take's first frame shows at their pixels."""
    vertices, camera = camera_vertices(frames)[0], frames.intrinsics[0]
    ids, bary, depth = visible(vertices, camera, maps)
    hit = ids >= 0
    share = corner_shares(bary[hit])
    canonical, sight = maps.canonical.copy(), maps.depth.copy()
    canonical[hit] = np.einsum("nk,nkd->nd", share, template.vertices[template.triangles[ids[hit]]])
    y, x = np.nonzero(hit)
    pixels = np.column_stack([x, y, np.ones(len(x))]) @ maps.to_frame.T
    origin = frames.head_pose[0, :3, 3].astype(np.float64)
    sight[hit] = along_sight(depth[hit] - origin[2], rays(pixels, camera), origin)
    return replace(maps, canonical=canonical, depth=sight)


def visible(vertices: np.ndarray, camera: np.ndarray, maps: FaceMaps) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What lies at a map's pixels, see `rasterised`; vertices (V, 3) camera space."""
    to_map = np.linalg.inv(np.vstack([maps.to_frame, (0, 0, 1)]))[:2]
    pixels = np.column_stack([project(vertices, camera), np.ones(len(vertices))]) @ to_map.T
    return rasterised(pixels, vertices[:, 2], len(maps.part))
