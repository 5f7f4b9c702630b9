# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.both import HEIGHT, WIDTH, write_levels

from faceanything_addon.errors import UserError
from faceanything_addon.footage import Footage, open_footage
from faceanything_addon.footage.masks import Masks


@pytest.fixture
def footage(tmp_path) -> Footage:
    return write_levels(tmp_path / "frames", [100, 110, 120, 130])


def write_masks(folder: Path, names: list[str], size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """Mask number n keeps the columns from n eighths of the width on."""
    folder.mkdir()
    for number, name in enumerate(names):
        mask = np.full((size[1], size[0]), 255, np.uint8)
        mask[:, : number * size[0] // 8] = 0
        cv2.imwrite(str(folder / name), mask)
    return folder


def first_kept(masks: Masks, footage: Footage) -> list[int]:
    """Of every frame, in eighths."""
    return [round(int(masks.of(frame)[0].argmax()) / WIDTH * 8) for frame in footage.frames()]


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (4 * WIDTH, 4 * HEIGHT), (WIDTH // 2, HEIGHT // 2), (400, 100)])
def test_masks_of_any_size_lie_over_the_frame(tmp_path, footage, size):
    masks = Masks(write_masks(tmp_path / "masks", ["m1.png", "m2.png", "m9.png", "m10.png"], size), footage)
    assert first_kept(masks, footage) == [0, 1, 2, 3]
    assert all(masks.of(frame).shape == (HEIGHT, WIDTH) for frame in footage.frames())


@pytest.mark.parametrize("names", [["1.png", "3.png"], ["0.png", "1.png", "2.png", "3.png"]])
def test_where_only_every_second_frame_is_used_only_those_need_a_mask(tmp_path, footage, names):
    stepped = replace(footage, step=2)
    masks = Masks(write_masks(tmp_path / "masks", names), stepped)
    assert first_kept(masks, stepped) == ([0, 1] if len(names) == 2 else [0, 2])


def test_pictures_of_a_sequence_with_gaps_need_one_mask_each(tmp_path, footage):
    (footage.path / "0001.png").unlink()
    gappy = open_footage(footage.path)
    masks = Masks(write_masks(tmp_path / "masks", ["a1.png", "a2.png", "a3.png"]), gappy)
    assert len(gappy) == 4 and first_kept(masks, gappy) == [0, 1, 2]


def test_half_grey_is_the_limit(tmp_path, footage):
    folder = write_masks(tmp_path / "masks", ["0.png", "1.png", "2.png", "3.png"])
    for number, level in enumerate((127, 128)):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((9, 9), level, np.uint8))
    masks, frames = Masks(folder, footage), list(footage.frames())
    assert not masks.of(frames[0]).any() and masks.of(frames[1]).all()


def test_masks_of_a_part_of_the_footage_belong_to_its_frames(tmp_path, footage):
    part = open_footage(footage.path, 2, 4)
    assert first_kept(Masks(write_masks(tmp_path / "masks", ["a.png", "b.png"]), part), part) == [0, 1]


def test_other_numbers_of_masks_go_by_the_number_in_the_name(tmp_path, footage):
    part = open_footage(footage.path, 1, 3)
    zero = Masks(write_masks(tmp_path / "zero", [f"m{n}.png" for n in (0, 1, 2)]), part)
    one = Masks(write_masks(tmp_path / "one", [f"m{n}.png" for n in (1, 2, 3)]), part)
    assert first_kept(zero, part) == [1, 2] and first_kept(one, part) == [1, 2]


def test_a_missing_mask_is_told_with_its_frame(tmp_path, footage):
    folder = write_masks(tmp_path / "masks", ["0.png", "1.png", "3.png"])
    with pytest.raises(UserError, match="no mask for frame 2"):
        Masks(folder, footage)


def test_a_folder_without_masks_is_told(tmp_path, footage):
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "missing"):
        with pytest.raises(UserError, match=folder):
            Masks(tmp_path / folder, footage)


def test_a_damaged_mask_is_told(tmp_path, footage):
    folder = write_masks(tmp_path / "masks", ["0.png", "1.png", "2.png", "3.png"])
    (folder / "0.png").write_bytes(b"no picture")
    masks = Masks(folder, footage)
    with pytest.raises(UserError, match="0.png"):
        masks.of(next(footage.frames()))
