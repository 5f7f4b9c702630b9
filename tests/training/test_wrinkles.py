"""Lines that expressions fold into the skin of the generator's people."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from faceanything_addon.template import load_template
from training.generator.grain import groove, make_noise
from training.generator.wrinkles import DEEPEST, FOLDS, draw_folds, field, wrinkle

PARTS = list(FOLDS)


def folds(rest: float = 0.0, moved: float = 0.5) -> np.ndarray:
    """(F, 4) a person whose lines are all alike."""
    return np.array([(sum(f.spacing) / 2, 0.0, rest, moved) for f in FOLDS.values()])


def steepness(rest: float = 0.0, **coefficients: float) -> np.ndarray:
    """(T,) of the template's triangles in an expression."""
    t = load_template()
    arkit = np.array([coefficients.get(name, 0.0) for name in t.expression_names])
    return wrinkle(t, folds(rest), arkit)[0][..., 1].max(axis=1)


def folded(steep: np.ndarray) -> set[str]:
    return {PARTS[k] for k in np.unique(field(load_template()).part[steep > 0.1])}


def test_an_expression_folds_the_skin_that_it_moves() -> None:
    assert folded(steepness(browInnerUp=1.0, browOuterUpLeft=1.0, browOuterUpRight=1.0)) == {"forehead"}
    assert folded(steepness(browDownLeft=1.0, browDownRight=1.0)) == {"frown", "bridge"}
    assert folded(steepness(mouthPucker=1.0)) == {"lips", "chin"}
    assert "cheek" in folded(steepness(mouthSmileLeft=1.0, mouthSmileRight=1.0))
    assert folded(steepness()) == set()


def test_one_side_of_a_face_folds_alone() -> None:
    t = load_template()
    steep = steepness(eyeSquintLeft=1.0, cheekSquintLeft=1.0)
    side = t.vertices[t.triangles].mean(axis=1)[:, 0]
    assert steep[side > 0.01].max() > 0.3 and steep[side < -0.01].max() == 0


def test_years_leave_lines_at_rest() -> None:
    steep = steepness(rest=0.3)
    assert {PARTS[k] for k in np.unique(field(load_template()).part[steep > 0.1])} == set(PARTS)
    assert steepness(rest=5.0).max() == np.float32(DEEPEST)


@pytest.mark.parametrize(("part", "axis"), [("forehead", 1), ("bridge", 1), ("frown", 0)])
def test_lines_run_across_what_folds_them(part: str, axis: int) -> None:
    """Raised brows fold lines that lie across, lowered ones such that stand upright."""
    f = field(load_template())
    seen = (f.part == PARTS.index(part)) & (f.mask.max(axis=1) > 0.5)
    assert np.abs(np.linalg.norm(f.way[seen], axis=1) - 1).max() < 1e-5
    assert np.abs(f.way[seen, axis]).mean() > 0.75


def test_a_smile_folds_one_line_past_the_corner_of_the_mouth() -> None:
    """Phases of the fold's triangles stay within half a line of its groove."""
    t, f = load_template(), field(load_template())
    phase = wrinkle(t, folds(), np.zeros(52))[0][..., 0]
    assert np.abs(phase[(f.part == PARTS.index("cheek"))[:, None] & (f.mask > 0.3)]).max() < 0.6


def test_people_differ_and_a_person_is_always_the_same() -> None:
    drawn = np.array([draw_folds(np.random.default_rng(s)) for s in range(200)])
    assert np.array_equal(drawn[3], draw_folds(np.random.default_rng(3)))
    rest = drawn[..., 2].max(axis=1)
    assert 0.35 < (rest == 0).mean() < 0.65 and rest.max() > 0.5
    assert drawn[..., 3].min() > 0


def test_a_groove_is_dark_in_its_middle_and_tilts_to_either_side() -> None:
    noise = np.zeros_like(make_noise())
    depth, slope = np.array([groove(noise, p, 0.0, 0.0, 0.0) for p in np.linspace(2.51, 3.49, 99)]).T
    assert depth.argmax() == 49 and depth[[0, -1]].max() < 0.01
    np.testing.assert_allclose(slope, -slope[::-1], atol=1e-6)
    assert 0.95 < np.abs(slope).max() < 1.05
