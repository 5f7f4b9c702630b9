"""Skin that knows how it is to move, and bones that move it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from faceanything_addon.errors import UserError
from faceanything_addon.retarget.bones.face import Face
from faceanything_addon.retarget.bones.probes import Probes
from faceanything_addon.retarget.bones.skin import RIM_TRUST, MovingSkin, moving_skin, skin_probes
from faceanything_addon.retarget.bones.solve import Response, solve_bones
from faceanything_addon.retarget.create import Piece
from faceanything_addon.template import load_template

TEMPLATE = load_template()
SIZE = 0.062


def head() -> Piece:
    """The template's own mesh, at its own size, in its own axes."""
    quads = TEMPLATE.quads
    return Piece("head", TEMPLATE.vertices.astype(np.float64), np.arange(0, quads.size, 4), quads.ravel())


@cache
def moving() -> MovingSkin:
    return moving_skin([head()], TEMPLATE, np.eye(3), lambda done, total: None)


def test_on_the_templates_own_mesh_the_shapes_are_the_templates():
    found, true = moving(), TEMPLATE.expressions
    for name in ("jawOpen", "mouthSmileLeft", "eyeBlinkRight", "browInnerUp"):
        number = TEMPLATE.expression_names.index(name)
        error = np.linalg.norm(found.shapes[number] - true[number], axis=1)[found.skin]
        assert error.mean() < 0.001 and np.linalg.norm(found.shapes[number], axis=1).max() > 0.005, name


def test_rims_lie_at_mouth_and_eyes():
    marks = TEMPLATE.landmarks(TEMPLATE.vertices)
    for rows, middle in ((moving().lips, marks[60:68].mean(axis=0)), (moving().lids, marks[36:48].mean(axis=0))):
        assert len(rows) > 40
        assert np.linalg.norm(moving().vertices[rows].mean(axis=0) - middle) < 0.01


def test_a_face_elsewhere_is_not_the_one_of_the_bones():
    face = Face(np.eye(3), 1.0, np.zeros(3))
    assert moving().agrees(face, TEMPLATE)
    assert not moving().agrees(replace(face, origin=np.array([0, 0.1, 0])), TEMPLATE)


def test_points_are_spread_over_the_skin_and_all_of_the_rims_are_there():
    probes = skin_probes(moving(), SIZE)
    assert 500 < len(probes.skin) < 4000 and not probes.bones
    trusted = set(probes.skin[probes.trust >= RIM_TRUST].tolist())
    moved = np.linalg.norm(moving().shapes, axis=2).max(axis=0) > 0.01 * SIZE
    assert {int(row) for row in moving().lips if moved[row] and row in moving().skin} <= trusted
    ties = probes.ties
    assert np.abs(ties @ np.ones(len(probes.skin))).max() < 1e-9, "moving all alike costs nothing"
    assert abs(ties - ties.T).max() < 1e-12


def test_targets_are_the_shapes_times_the_coefficients():
    probes = skin_probes(moving(), SIZE)
    coefficients = np.zeros((1, 52))
    coefficients[0, TEMPLATE.expression_names.index("jawOpen")] = 0.5
    targets = probes.targets(Face(np.eye(3), 1.0, np.zeros(3)), coefficients)
    jaw = TEMPLATE.expression_names.index("jawOpen")
    assert targets[0] == pytest.approx(0.5 * moving().shapes[jaw][probes.skin])


def test_what_is_no_head_is_told():
    box = Piece("box", np.random.default_rng(0).random((4, 3)), np.array([0]), np.array([0, 1, 2, 3]))
    with pytest.raises(UserError, match="box: no face is recognised"):
        moving_skin([box], TEMPLATE, np.eye(3), lambda done, total: None)


def test_ties_keep_a_bone_from_tearing_neighbours_apart():
    """Two points are to rise together; one channel lifts both less, the other one point alone and fully."""
    linear = np.zeros((2, 2, 3))
    linear[0, :, 1], linear[1, 0, 1] = 0.01, 0.01
    limit = np.array([1.0, 10.0])  # the shared channel reaches only half of what is wanted
    response = Response(linear, np.zeros_like(linear), limit, np.ones(2), 0.1)
    targets = np.zeros((1, 2, 3))
    targets[0, :, 1] = 0.02
    tie = csr_matrix(100 * np.array([[1.0, -1.0], [-1.0, 1.0]]))

    def apart(ties):
        moved = np.tensordot(solve_bones(response, np.ones(2), targets, ties), linear, axes=1)[0]
        return abs(moved[0, 1] - moved[1, 1])

    assert apart(None) > 0.005 and apart(tie) < 0.001


def test_points_without_shapes_go_by_the_template():
    probes = Probes((), np.zeros(1, np.int64), np.zeros((1, 3)), np.ones((52, 1, 3)), np.ones(1))
    assert probes.targets(Face(np.eye(3), 2.0, np.zeros(3)), np.eye(52)[:1]) == pytest.approx(2.0)
