"""Shapes of the template carried to larger faces, and what goes along: teeth and tongue, brows and beards."""

# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from faceanything_addon.retarget.create.fit import Target, skin_triangles
from faceanything_addon.retarget.create.follow import Attached, _affine, mouth_parts
from faceanything_addon.retarget.create.mesh import Body
from faceanything_addon.retarget.create.openings import find_openings
from faceanything_addon.retarget.create.rims import Surface
from faceanything_addon.retarget.create.transfer import Transfer
from faceanything_addon.template import Part, load_template

LARGER = 1.3
SHAPES = ("jawOpen", "mouthSmileLeft", "browInnerUp", "eyeBlinkLeft")


@pytest.fixture(scope="module")
def transfer():
    """To the template itself, larger."""
    t = load_template()
    fitted = LARGER * t.vertices.astype(np.float64)
    part = t.part[t.triangles[:, 0]]
    skin = np.isin(part, (Part.SKIN, Part.MOUTH))
    eyes = skin | np.isin(part, (Part.EYE_LEFT, Part.EYE_RIGHT))
    surfaces = [Surface(fitted, t.triangles[mask], skin[mask]) for mask in (skin, eyes)]
    openings = find_openings(t.landmarks(fitted), *surfaces)
    face = t.triangles[skin_triangles(t)]
    return Transfer(t, t.vertices, fitted, Target(fitted, face, np.ones(len(face), bool), openings))


def shapes(*names):
    t = load_template()
    return t.expressions[[t.expression_names.index(name) for name in names]]


def test_a_larger_face_moves_as_much_farther_as_it_is_larger(transfer):
    t, moves = load_template(), shapes(*SHAPES)
    skin = (t.part == Part.SKIN) & (t.regions["face"] > 0.5)
    for name, own, true in zip(SHAPES, transfer.carry(moves)[:, skin], LARGER * moves[:, skin], strict=True):
        assert np.linalg.norm(own - true) < 0.12 * np.linalg.norm(true), name


def test_half_of_a_movement_of_the_jaw_is_half_as_far_and_none_is_none(transfer):
    jaw = shapes("jawOpen")
    whole, half, none = transfer.carry(np.concatenate([jaw, 0.5 * jaw, 0 * jaw]))
    assert np.abs(none).max() < 1e-9
    assert np.linalg.norm(half - 0.5 * whole) < 0.15 * np.linalg.norm(0.5 * whole)


def test_only_skin_is_carried(transfer):
    t = load_template()
    moved = transfer.carry(shapes("jawOpen"))[0]
    assert np.abs(moved[np.isin(t.part, (Part.TEETH, Part.TONGUE, Part.EYE_LEFT, Part.EYE_RIGHT))]).max() == 0


def test_teeth_and_tongue_are_three_parts_and_lower_teeth_are_those_that_the_jaw_moves():
    t = load_template()
    parts, jaw = mouth_parts(t), np.linalg.norm(shapes("jawOpen")[0], axis=1)
    assert len(parts) == 3 and sorted(np.unique(t.part[p]).tolist() for p in parts) == sorted(
        [[Part.TEETH], [Part.TEETH], [Part.TONGUE]]
    )
    assert sum(jaw[part].max() > 0.005 for part in parts if t.part[part[0]] == Part.TEETH) == 1


def test_points_beside_a_part_go_by_its_affine_motion():
    random = np.random.default_rng(3)
    source, points = random.normal(size=(40, 3)), random.normal(size=(7, 3))
    turn, shift = random.normal(size=(3, 3)), random.normal(size=3)
    assert _affine(source, points) @ (source @ turn + shift) == pytest.approx(points @ turn + shift)


def test_a_strip_on_the_skin_goes_along_and_one_far_from_it_stays():
    x, y = np.meshgrid(np.linspace(0, 0.1, 21), np.linspace(0, 0.1, 21))
    sheet = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    corner = (np.arange(20)[:, None] * 21 + np.arange(20)).ravel()
    grid = np.concatenate([[corner, corner + 1, corner + 22], [corner, corner + 22, corner + 21]], axis=1).T
    near, far = sheet * 0.2 + (0.04, 0.04, 0.001), sheet * 0.2 + (0.04, 0.04, 0.2)
    points, count = np.concatenate([sheet, near, far]), len(sheet)
    triangles = np.concatenate([grid, grid + count, grid + 2 * count])
    island = np.repeat(np.arange(3, dtype=np.int32), count)
    body = Body(points, triangles, np.arange(len(points)), island)
    attached = Attached(body, points, island > 0, grid)
    flat = np.zeros((len(points), 1))
    flat[:count] = 0.01
    moved = attached.carry(flat)
    assert moved[:count] == pytest.approx(0.01, rel=0.01) and np.abs(moved[count:]).max() < 0.0001
