# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
from support.both import CELLS, HEIGHT, WIDTH, KnownTracker

from faceanything_addon.footage import Frame
from faceanything_addon.model.crop import apply
from faceanything_addon.model.maps import FaceMaps, Inside, MouthMap
from faceanything_addon.model.masking import DOUBT, exclude


def seen() -> FaceMaps:
    return KnownTracker().next(Frame(np.full((HEIGHT, WIDTH, 3), 100, np.uint8), 0, 0.0))


def test_left_out_pixels_are_no_face_and_others_stay():
    keep = np.ones((HEIGHT, WIDTH), bool)
    keep[: HEIGHT // 2] = False
    before, after = seen(), exclude(seen(), keep)
    y, x = np.mgrid[:CELLS, :CELLS]
    below = apply(before.to_frame, np.stack([x, y], -1))[..., 1] > HEIGHT // 2 - 0.5
    assert 0.3 < below.mean() < 0.7
    assert (after.part[~below] == 0).all() and (after.confidence[~below] == 0).all()
    assert (after.part[below] == before.part[below]).all() and (
        after.confidence[below] == before.confidence[below]
    ).all()


def test_sparse_points_on_left_out_pixels_are_doubted():
    keep = np.ones((HEIGHT, WIDTH), bool)
    keep[20:30, 20:30] = False
    maps = seen()
    maps.points[:2] = [[25, 25], [WIDTH + 50, 10]]  # the second one lies beyond the frame
    maps.points[2:] = 60
    assert exclude(maps, keep).point_sigma.tolist() == [DOUBT, 1, 1, 1]


def test_left_out_pixels_show_nothing_of_the_mouth():
    keep = np.ones((HEIGHT, WIDTH), bool)
    keep[: HEIGHT // 2] = False
    shares = np.zeros((4, HEIGHT, WIDTH), np.float32)
    shares[Inside.UPPER_TEETH] = 1
    near = MouthMap(shares, np.eye(3, dtype=np.float32)[:2])
    after = exclude(replace(seen(), mouth=near), keep).mouth
    assert after is not None
    kinds = after.shares.argmax(axis=0)
    assert (kinds[: HEIGHT // 2] == Inside.OTHER).all() and (kinds[HEIGHT // 2 :] == Inside.UPPER_TEETH).all()
    assert np.allclose(after.shares.sum(axis=0), 1)


def test_a_face_that_is_left_out_is_not_found():
    after = exclude(seen(), np.zeros((HEIGHT, WIDTH), bool))
    assert not after.found and not after.part.any() and not after.points.any() and after.arkit is None
