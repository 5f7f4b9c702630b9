"""Cuts are told from motion, on real video."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from faceanything_addon.footage import open_footage
from faceanything_addon.model.cuts import Cuts

DEMO = Path(__file__).parents[2] / "demo" / "clip.mp4"


@pytest.fixture(scope="module")
def clip() -> list[np.ndarray]:
    return [frame.image for frame in open_footage(DEMO).frames()]


def test_a_head_that_turns_and_speaks_is_no_cut(clip: list[np.ndarray]) -> None:
    cuts = Cuts()
    assert not any(cuts.between(image) for image in clip)


def test_a_hand_before_the_face_is_no_cut(clip: list[np.ndarray]) -> None:
    cuts, hand = Cuts(), clip[1].copy()
    hand[150:350, 150:330] = (150, 110, 90)
    assert not any(cuts.between(image) for image in (clip[0], hand, clip[2]))


def test_another_shot_is_a_cut_once(clip: list[np.ndarray]) -> None:
    other = 255 - clip[1]
    cuts = Cuts()
    assert [cuts.between(image) for image in (clip[0], other, other)] == [False, True, False]


def test_what_is_stored_goes_on_where_it_was_left(clip: list[np.ndarray]) -> None:
    first = Cuts()
    first.between(clip[0])
    assert Cuts(json.loads(json.dumps(first.thumbnail))).between(255 - clip[1])


def test_pictures_of_a_few_pixels_are_judged_too() -> None:
    cuts = Cuts()
    assert not cuts.between(np.zeros((6, 9, 3), np.uint8)) and cuts.between(np.full((6, 9, 3), 200, np.uint8))
