"""Rims of mouth and eyes, found on surfaces by one rule."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from faceanything_addon.retarget.create.bind import opening_sides, rim_share
from faceanything_addon.retarget.create.openings import NAMES, find_openings, template_openings, widened
from faceanything_addon.retarget.create.raster import View
from faceanything_addon.retarget.create.rims import SIZE, Opening, Surface, find_opening
from faceanything_addon.template import Part, load_template

WIDTH, HALF = 0.05, 0.004  # metres: of a slit between two sheets, and half of its height


def sheets(half: float) -> Surface:
    """An upper and a lower sheet of skin with a slit of 2 half between them, a sheet that is no skin behind."""
    x, y = np.meshgrid(np.linspace(-0.06, 0.06, 41), np.linspace(0.0, 0.05, 21))
    up = np.stack([x, y + half, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    behind = np.stack([x, 2 * y - 0.05, np.full_like(x, -0.01)], axis=-1).reshape(-1, 3)
    corner = (np.arange(20)[:, None] * 41 + np.arange(40)).ravel()
    grid = np.concatenate([[corner, corner + 1, corner + 42], [corner, corner + 42, corner + 41]], axis=1).T
    count = len(up)
    triangles = np.concatenate([grid, grid[:, ::-1] + count, grid + 2 * count])
    skin = np.repeat([True, True, False], len(grid))
    return Surface(np.concatenate([up, up * (1, -1, 1), behind]), triangles, skin)


def look(surface: Surface) -> Opening | None:
    x = np.linspace(-WIDTH / 2, WIDTH / 2, 5)[:, None] * (1, 0, 0)
    view = View(np.eye(3), np.zeros(3), 2.6 * WIDTH, SIZE)
    return find_opening(surface, view, x + (0, HALF, 0), x - (0, HALF, 0), 0.005)


def slit(surface: Surface) -> Opening:
    opening = look(surface)
    assert opening is not None
    return opening


def test_the_rims_of_a_slit_lie_where_its_skin_ends_and_go_from_right_to_left():
    opening = slit(sheets(HALF))
    for rim, height in ((opening.upper, HALF), (opening.lower, -HALF)):
        assert np.abs(rim.point[:, 1] - height).max() < 0.0003 and np.abs(rim.point[:, 2]).max() < 1e-6
        assert (np.diff(rim.point[:, 0]) > 0).all()


def test_rims_are_made_of_the_vertices_they_lie_between():
    surface = sheets(HALF)
    rim = slit(surface).upper
    assert rim.rows @ surface.vertices == pytest.approx(rim.point)
    assert rim.rows.sum(axis=1) == pytest.approx(np.ones((len(rim.point), 1)))


def test_skin_without_a_break_has_no_opening():
    closed = sheets(0.0)
    whole = Surface(closed.vertices[:861] - (0, 0.025, 0), closed.triangles[: len(closed.triangles) // 3], closed.skin)
    assert look(replace(whole, skin=closed.skin[: len(whole.triangles)])) is None


def test_the_template_has_a_mouth_and_two_eyes_whose_rims_lie_at_its_landmarks():
    t = load_template()
    openings, marks = template_openings(t), t.landmarks(t.vertices)
    assert tuple(openings) == NAMES
    middles = {"mouth": (62, 66), "eyeLeft": (43, 47), "eyeRight": (38, 40)}
    for name, (upper, lower) in middles.items():
        for rim, mark in ((openings[name].upper, upper), (openings[name].lower, lower)):
            assert np.linalg.norm(rim.point - marks[mark], axis=1).min() < 0.003, name


def test_a_face_without_eyeballs_still_has_its_mouth():
    t = load_template()
    part = t.part[t.triangles[:, 0]]
    skin = np.isin(part, (Part.SKIN, Part.MOUTH))
    surface = Surface(t.vertices.astype(np.float64), t.triangles[skin], skin[skin])
    found = find_openings(t.landmarks(surface.vertices), surface, surface)
    assert "mouth" in found


def test_a_widened_line_goes_on_beyond_its_ends():
    line = np.array([[0.0, 0, 0], [1, 0, 0], [2, 1, 0]])
    assert widened(line).tolist() == [[-0.25, 0, 0], [0, 0, 0], [1, 0, 0], [2, 1, 0], [2.25, 1.25, 0]]


def test_what_hangs_on_the_upper_rim_is_above_and_what_is_far_is_neither():
    surface = sheets(HALF)
    sides = opening_sides(surface.vertices, surface.triangles, {"mouth": slit(surface)})
    height, width = surface.vertices[:861, 1], np.abs(surface.vertices[:861, 0])
    assert (sides[:861][(height < 0.015) & (width < 0.015)] == 1).all() and (sides[:861][height > 0.035] == 0).all()
    assert (sides[861:1722] == -sides[:861]).all() and not sides[1722:].any()


def test_coarse_lips_are_not_torn_to_their_rims():
    surface = sheets(HALF)
    rows = [slit(surface).upper.rows]
    fine = rim_share(surface.vertices, surface.triangles, rows)
    assert rim_share(0.1 * surface.vertices, surface.triangles, rows) == 1
    assert rim_share(10 * surface.vertices, surface.triangles, rows) < 0.02 < fine
