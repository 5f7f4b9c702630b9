"""Looks begun early are those that are asked for, or are dropped."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading

import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.model.crop import Crop
from faceanything_addon.model.foresight import Foresight

HERE, THERE = Crop(10.0, 10.0, 20.0), Crop(30.0, 10.0, 20.0)
PICTURES = [np.full((4, 4, 3), level, np.uint8) for level in range(4)]
PATIENCE = 10.0  # seconds


class Looks:
    """Tells the picture's level and the square, and remembers where it was called."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def __call__(self, image: np.ndarray, crop: Crop) -> tuple[int, float]:
        self.threads.append(threading.current_thread().name)
        return int(image[0, 0, 0]), crop.x


def test_what_was_begun_is_not_looked_at_again():
    looks = Looks()
    foresight = Foresight(looks)
    for picture in PICTURES[:2]:
        foresight.begin(picture, HERE)
    assert [foresight.seen(picture, HERE) for picture in PICTURES[:2]] == [(0, 10.0), (1, 10.0)]
    assert len(looks.threads) == 2 and threading.current_thread().name not in looks.threads


def test_another_square_is_looked_at_now_and_the_next_picture_is_kept():
    looks = Looks()
    foresight = Foresight(looks)
    for picture in PICTURES[:2]:
        foresight.begin(picture, HERE)
    assert foresight.seen(PICTURES[0], THERE) == (0, 30.0)
    own = looks.threads.count(threading.current_thread().name)
    assert foresight.seen(PICTURES[1], HERE) == (1, 10.0)
    assert own == looks.threads.count(threading.current_thread().name) == 1


def test_pictures_that_were_passed_over_are_dropped():
    foresight = Foresight(Looks())
    for picture in PICTURES[:3]:
        foresight.begin(picture, HERE)
    assert foresight.seen(PICTURES[2], HERE) == (2, 10.0)
    assert foresight.seen(PICTURES[3], THERE) == (3, 30.0)


def test_a_picture_that_was_not_begun_leaves_the_later_ones_begun():
    looks = Looks()
    foresight = Foresight(looks)
    foresight.begin(PICTURES[1], HERE)
    assert foresight.seen(PICTURES[0], HERE) == (0, 10.0)
    assert foresight.seen(PICTURES[1], HERE) == (1, 10.0)
    assert looks.threads.count(threading.current_thread().name) == 1 and len(looks.threads) == 2


def test_an_equal_picture_is_not_the_same_picture():
    looks = Looks()
    foresight = Foresight(looks)
    foresight.begin(PICTURES[0], HERE)
    assert foresight.seen(PICTURES[0].copy(), HERE) == (0, 10.0)
    assert threading.current_thread().name in looks.threads


def test_two_looks_go_on_beside_each_other():
    both = threading.Barrier(2)
    foresight = Foresight(lambda image, crop: both.wait(PATIENCE))
    for picture in PICTURES[:2]:
        foresight.begin(picture, HERE)
    assert {foresight.seen(picture, HERE) for picture in PICTURES[:2]} == {0, 1}


def test_what_a_look_raises_comes_out_where_it_is_asked_for():
    def damaged(image, crop):
        raise UserError("embedded.onnx: cannot be read")

    foresight = Foresight(damaged)
    foresight.begin(PICTURES[0], HERE)
    with pytest.raises(UserError, match="cannot be read"):
        foresight.seen(PICTURES[0], HERE)
