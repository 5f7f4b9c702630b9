"""Coefficients to drive with: full amplitude, lips as far apart as seen; both sides of a face are tied weakly."""

# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from faceanything_addon.reconstruct.amplitude import amplified, embedded_amplitude, full_motion, stem_of
from faceanything_addon.reconstruct.closure import lip_gap
from faceanything_addon.reconstruct.normal import POSE, Normal
from faceanything_addon.reconstruct.track import Prior, solve_frame, two_sided
from faceanything_addon.template import load_template
from faceanything_addon.template.names import arkit_names

NAMES = arkit_names()


def test_the_table_holds_movements_that_are_there_and_never_makes_them_smaller():
    amplitude = embedded_amplitude(NAMES)
    assert amplitude.shape == (52,) and (amplitude >= 1).all() and (amplitude <= 3).all()
    left, right = two_sided(NAMES).T
    assert np.array_equal(amplitude[left], amplitude[right])
    assert stem_of("jawLeft") == "jawLeft" and stem_of("browDownLeft") == "browDown"


def test_small_motions_grow_and_the_ends_stay():
    amplitude = np.array([1.0, 2.0])
    assert amplified(np.array([[0.0, 0.0], [1.0, 1.0]]), amplitude) == pytest.approx(np.array([[0, 0], [1, 1]]))
    assert amplified(np.array([[0.1, 0.1]]), amplitude)[0] == pytest.approx([0.1, 0.19])


def test_lips_stay_as_far_apart_as_they_were_seen():
    template = load_template()
    chance = np.random.default_rng(1)
    seen = np.zeros((5, 52))
    for name in ("mouthPucker", "mouthFunnel", "mouthSmileLeft", "mouthRollLower"):
        seen[:, NAMES.index(name)] = chance.uniform(0, 0.3, 5)
    seen[:, NAMES.index("jawOpen")] = np.linspace(0.3, 0.6, 5)
    driven = full_motion(seen, embedded_amplitude(NAMES), template, template.vertices)
    assert driven[:, NAMES.index("mouthPucker")].min() >= seen[:, NAMES.index("mouthPucker")].min()
    before, after = (lip_gap(c, template, template.vertices)[0] for c in (seen, driven))
    assert after == pytest.approx(before, abs=1e-4)


def solved(evidence: dict[str, tuple[float, float]]) -> dict[str, float]:
    """What comes out where each coefficient was seen as (value, precision)."""
    size = POSE + 52 + 1
    hessian, gradient = 1e-3 * np.eye(size), np.zeros(size)
    hessian[:POSE, :POSE] = np.eye(POSE)
    for name, (value, precision) in evidence.items():
        k = POSE + NAMES.index(name)
        hessian[k, k], gradient[k] = precision, value * precision
    prior = Prior(np.full(52, np.nan))
    prior.even(two_sided(NAMES))
    nothing = np.zeros(0, np.float32)
    out = solve_frame(Normal(hessian, gradient, nothing, nothing), np.zeros(52), prior)[1]
    return dict(zip(NAMES, out, strict=True))


def test_a_side_that_is_not_seen_follows_the_other():
    out = solved({"eyeBlinkLeft": (1.0, 2000.0), "eyeBlinkRight": (0.0, 1.0)})
    assert out["eyeBlinkLeft"] > 0.9 and out["eyeBlinkRight"] > 0.75


def test_a_wink_and_a_lopsided_smile_that_are_seen_stay_so():
    out = solved({n: (v, 2000.0) for n, v in (("eyeBlinkLeft", 1), ("eyeBlinkRight", 0), ("mouthSmileLeft", 0.8))})
    assert out["eyeBlinkLeft"] > 0.93 and out["eyeBlinkRight"] < 0.07
    out = solved({"mouthSmileLeft": (0.8, 2000.0), "mouthSmileRight": (0.1, 2000.0)})
    assert out["mouthSmileLeft"] - out["mouthSmileRight"] > 0.6
