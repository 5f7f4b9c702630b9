"""Maps of both networks on one frame."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceanything_addon.model.bridge import Bridge
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.merge import FullMaps, collect_pairs, merge_maps, metric_depth
from faceanything_addon.model.sight import along_sight, rays
from faceanything_addon.model.warp import Warp
from faceanything_addon.template import Part

SIDE = 40  # of the embedded network's map
TO_FRAME = np.array([[2.0, 0.3, 50.0], [-0.3, 2.0, 60.0]])  # turned a little
FULL_TO_FRAME = np.array([[1.5, 0, 0.25], [0, 1.6, 0.3]])
DOUBLE = Bridge(np.eye(3, 4) * 0.5, Warp(np.zeros((1, 3)), np.zeros((4, 3)), np.zeros((1, 3))), 0.001, False)


def place(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Canonical coordinates by frame pixel: a tilted plane, metres."""
    return np.stack([x * 5e-4, -y * 5e-4, (x + y) * 1e-4], axis=-1).astype(np.float32)


def frame_pixels(to_frame: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:height, :width]
    grid = np.stack([x, y, np.ones_like(x)], axis=-1) @ to_frame.T
    return grid[..., 0], grid[..., 1]


def embedded() -> FaceMaps:
    x, y = frame_pixels(TO_FRAME, SIDE, SIDE)
    canonical, part = place(x, y), np.full((SIDE, SIDE), Part.SKIN, np.uint8)
    part[:8], part[30:, :5], part[30:, 20:24] = Part.BACKGROUND, Part.EYE_LEFT, Part.TEETH
    flat, points = np.ones((SIDE, SIDE), np.float32), np.ones((4, 2), np.float32)
    return FaceMaps(True, canonical, canonical[..., 2] - 0.02, part, flat, TO_FRAME, points, np.ones(4))


def full(scale: float = 9.0) -> FullMaps:
    """In a unit of half a metre, all over the frame."""
    x, y = frame_pixels(FULL_TO_FRAME, 150, 150)
    canonical = place(x, y)
    return FullMaps(2 * canonical, scale * (canonical[..., 2] + 0.6), np.ones((150, 150), np.float32), FULL_TO_FRAME)


def test_a_map_is_read_at_the_other_maps_pixels():
    sampled = full().sample(TO_FRAME, (SIDE, SIDE))
    assert np.abs(sampled.canonical - 2 * embedded().canonical).max() < 1e-5
    assert sampled.weight.min() == 1


def test_nothing_is_averaged_across_an_edge_or_read_from_beyond_the_map():
    maps = full()
    maps.canonical[:, 70:] += 5
    sampled = maps.sample(TO_FRAME, (SIDE, SIDE))
    jump = sampled.canonical[..., 0] - 2 * embedded().canonical[..., 0]
    assert (np.minimum(np.abs(jump), np.abs(jump - 5)) < 0.002).all() and (jump > 4).any() and (jump < 1).any()
    away = maps.sample(TO_FRAME + [[0, 0, 150], [0, 0, 0]], (SIDE, SIDE))
    assert (away.weight == 0).any() and not away.canonical[away.weight == 0].any()


def test_bad_pixels_have_no_say():
    maps = full()
    maps.canonical[60:80, 60:80] = np.nan
    maps.weight[60:80, 60:80] = 0
    merged = merge_maps(embedded(), maps, DOUBLE)
    off = np.abs(merged.canonical - embedded().canonical).max(axis=-1)
    assert off.max() < 6e-4 and (off > 1e-5).mean() < 0.1  # beside the hole, the nearest pixel has to do


def test_only_skin_away_from_other_parts_teaches():
    maps = embedded()
    pairs = collect_pairs([(maps, full()), (replace(maps, found=False), full()), (maps, full())])
    assert set(pairs.frame) == {0, 2} and len(pairs.source) == len(pairs.target) == len(pairs.weight)
    assert np.abs(pairs.source - 2 * pairs.target).max() < 1e-5
    taught = {tuple(p) for p in pairs.target}
    near = [(8, 10), (30, 5), (29, 22), (35, 19)]  # beside background, eye and teeth
    assert not taught & {tuple(maps.canonical[spot]) for spot in near}


def test_skin_is_the_full_size_networks_and_all_else_the_embedded_ones():
    maps, foreign = embedded(), full()
    foreign.canonical[...] += [0.01, 0, 0]
    merged = merge_maps(maps, foreign, DOUBLE)
    skin = maps.part == Part.SKIN
    assert np.abs(merged.canonical[skin] - maps.canonical[skin] - [0.005, 0, 0]).max() < 1e-5
    assert np.array_equal(merged.canonical[~skin], maps.canonical[~skin])
    assert np.array_equal(merged.part, maps.part) and np.array_equal(merged.points, maps.points)
    assert np.array_equal(merged.depth[~skin], maps.depth[~skin])
    guessed = replace(maps, depth_known=False)
    assert merge_maps(guessed, foreign, DOUBLE).depth_known
    unseen = replace(foreign, weight=np.zeros_like(foreign.weight))
    assert not merge_maps(guessed, unseen, DOUBLE).depth_known
    assert merge_maps(replace(maps, found=False), foreign, DOUBLE).canonical is maps.canonical


def test_where_the_networks_disagree_the_pixel_counts_less():
    maps, foreign = embedded(), full()
    foreign.canonical[:, :70] += [0.06, 0, 0]
    merged = merge_maps(maps, foreign, DOUBLE)
    skin = maps.part == Part.SKIN
    assert 0.15 < merged.confidence[skin].min() < 0.25 and merged.confidence[skin].max() > 0.95


@pytest.mark.parametrize("scale", [0.1, 9.0, 300.0])
def test_depth_comes_out_in_metres_from_the_heads_origin_whatever_its_scale(scale):
    maps = embedded()
    merged = merge_maps(maps, full(scale), DOUBLE)
    assert np.abs(merged.depth - maps.depth).max() < 1e-4


def test_wrong_depths_do_not_sway_the_scale_and_useless_ones_are_not_taken():
    random = np.random.default_rng(0)
    truth = random.uniform(-0.05, 0.05, 2000).astype(np.float32)
    guess = truth + random.normal(0, 0.004, 2000).astype(np.float32)
    depth, weight = 4 * (truth + 0.7), np.ones(2000, np.float32)
    depth[:300] += random.uniform(-1, 1, 300).astype(np.float32)
    assert np.abs(metric_depth(depth, guess, weight)[300:] - truth[300:]).max() < 0.003
    assert np.array_equal(metric_depth(-depth, guess, weight), guess)
    assert np.array_equal(metric_depth(np.ones(2000, np.float32), guess, weight), guess)


def test_depth_of_a_head_beside_the_axis_goes_along_the_line_of_sight():
    maps, camera = embedded(), np.array([[300.0, 0, -250], [0, 300, 20], [0, 0, 1]])
    origin = 0.6 * rays(np.zeros(2), camera)  # canonical 0 is seen at pixel (0, 0), 40 degrees off the axis
    x, y = frame_pixels(TO_FRAME, SIDE, SIDE)
    sight = along_sight(maps.canonical[..., 2], rays(np.stack([x, y], axis=-1), camera), origin)
    maps = replace(maps, depth=sight.astype(np.float32))
    merged = merge_maps(maps, full(), DOUBLE, camera=camera)
    skin = maps.part == Part.SKIN
    assert np.abs(merged.depth - sight)[skin].max() < 1e-4
    tilted = merge_maps(maps, full(), DOUBLE)
    assert np.abs(tilted.depth - sight)[skin].max() > 0.003
