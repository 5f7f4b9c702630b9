"""Coefficients to drive with: unmixed, full amplitude, lips as far apart as seen; a face's sides tied weakly."""

# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from faceanything_addon.reconstruct.closure import LIDS, lip_gap, opening_rate
from faceanything_addon.reconstruct.driving import Driving, amplified, embedded_driving, full_motion, stem_of, unmixed
from faceanything_addon.reconstruct.normal import POSE, Normal
from faceanything_addon.reconstruct.track import Prior, solve_frame, two_sided
from faceanything_addon.template import load_template
from faceanything_addon.template.names import arkit_names

NAMES = arkit_names()


def seen(count: int, **ranges: tuple[float, float]) -> np.ndarray:
    """(F, 52) coefficients by chance, from the one value to the other."""
    chance, out = np.random.default_rng(1), np.zeros((count, 52))
    for name, (low, high) in ranges.items():
        out[:, NAMES.index(name)] = chance.uniform(low, high, count)
    return out


def test_the_table_holds_movements_that_are_there_and_never_makes_them_smaller():
    amplitude = embedded_driving(NAMES).amplitude
    assert amplitude.shape == (52,) and (amplitude >= 1).all() and (amplitude <= 3).all()
    left, right = two_sided(NAMES).T
    assert np.array_equal(amplitude[left], amplitude[right])
    assert stem_of("jawLeft") == stem_of("jawRight") == "jawSideways" and stem_of("browDownLeft") == "browDown"


def test_the_rule_is_the_same_for_both_sides_and_leaves_lids_gaze_and_jaw_alone():
    rule = embedded_driving(NAMES).crosstalk
    left, right = two_sided(NAMES).T
    assert rule.shape == (52, 52) and 0.05 < np.abs(rule).max() < 1
    assert rule[np.ix_(left, left)] == pytest.approx(rule[np.ix_(right, right)], abs=2e-3)
    assert not rule[:, [k for k, name in enumerate(NAMES) if name.startswith(("eye", "jaw"))]].any()


def test_what_one_movement_gives_to_another_is_taken_back():
    rule = np.array([[0.0, -0.3], [0.2, 0.0]])
    assert unmixed(np.array([[0.5, 0.15]]), rule) == pytest.approx(np.array([[0.53, 0.0]]))
    assert unmixed(np.array([[1.0, 0.1]]), rule) == pytest.approx(np.array([[1.0, 0.0]]))


def test_no_movement_is_made_of_nothing():
    rule = np.array([[0.0, 0.0], [0.2, 0.0]])
    assert unmixed(np.array([[0.0, 0.5], [0.05, 0.5]]), rule) == pytest.approx(np.array([[0.0, 0.5], [0.1, 0.5]]))


def test_motions_grow_and_the_ends_stay():
    amplitude = np.array([1.0, 2.0])
    assert amplified(np.array([[0.0, 0.0], [1.0, 1.0]]), amplitude) == pytest.approx(np.array([[0, 0], [1, 1]]))
    assert amplified(np.array([[0.4, 0.4]]), amplitude)[0] == pytest.approx([0.4, 0.64])


def test_what_is_hardly_there_hardly_grows_and_order_is_kept():
    """A twentieth of a dimple that nobody made came out as a seventh."""
    seen = np.linspace(0, 1, 201)
    grown = amplified(seen, np.full(201, 3.0))
    assert grown[seen == 0.05] < 1.2 * 0.05 and (np.diff(grown) >= 0).all() and (grown >= seen).all()


def test_lips_stay_as_far_apart_as_they_were_seen():
    template = load_template()
    mouth = dict.fromkeys(("mouthPucker", "mouthFunnel", "mouthSmileLeft", "mouthRollLower"), (0, 0.3))
    coefficients = seen(5, jawOpen=(0.3, 0.6), **mouth)
    driven = full_motion(coefficients, embedded_driving(NAMES), template, template.vertices)
    assert np.abs(driven - coefficients).max() > 0.02
    before, after = (lip_gap(c, template, template.vertices)[0] for c in (coefficients, driven))
    assert after == pytest.approx(before, abs=1e-4)


def test_lips_that_a_shut_jaw_cannot_close_again_are_not_parted():
    template = load_template()
    parting = {"mouthUpperUpLeft": (0.1, 0.3), "mouthUpperUpRight": (0.1, 0.3), "mouthSmileLeft": (0.1, 0.3)}
    coefficients = seen(20, **parting)
    larger = Driving(np.zeros((52, 52)), np.full(52, 2.0))
    apart = amplified(coefficients, larger.amplitude)
    driven = full_motion(coefficients, larger, template, template.vertices)
    gap = [lip_gap(c, template, template.vertices)[0] for c in (coefficients, apart, driven)]
    assert (gap[1] - gap[0]).max() > 0.0005 and gap[2] == pytest.approx(gap[0], abs=1e-6)
    assert (driven >= 0).all() and (driven <= 1).all()
    smile = NAMES.index("mouthSmileLeft")
    assert driven[:, smile].mean() > coefficients[:, smile].mean()


def solved(evidence: dict[str, tuple[float, float]]) -> dict[str, float]:
    """What comes out where each coefficient was seen as (value, precision)."""
    size = POSE + 52 + 1
    hessian, gradient = 1e-3 * np.eye(size), np.zeros(size)
    hessian[:POSE, :POSE] = np.eye(POSE)
    for name, (value, precision) in evidence.items():
        k = POSE + NAMES.index(name)
        hessian[k, k], gradient[k] = precision, value * precision
    prior = Prior(np.full(52, np.nan), np.ones(52))
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


def test_a_shout_whose_jaw_is_open_already_is_not_closed_by_larger_shapes():
    template = load_template()
    closing = {"mouthShrugLower": (0.2, 0.5), "mouthRollLower": (0.2, 0.5), "mouthPressLeft": (0.2, 0.5)}
    coefficients = seen(20, jawOpen=(0.98, 1.0), **closing)
    larger = Driving(np.zeros((52, 52)), np.full(52, 2.0))
    driven = full_motion(coefficients, larger, template, template.vertices)
    before, after = (lip_gap(c, template, template.vertices)[0] for c in (coefficients, driven))
    assert after == pytest.approx(before, abs=1e-6) and (driven <= 1).all()


def lid_gap(coefficients: np.ndarray) -> np.ndarray:
    return coefficients @ opening_rate(load_template(), LIDS["Left"])


def test_larger_squints_leave_lids_as_far_apart_and_shut_eyes_shut():
    template, blink = load_template(), NAMES.index("eyeBlinkLeft")
    coefficients = seen(20, eyeSquintLeft=(0.2, 0.5), cheekSquintLeft=(0.2, 0.5), eyeBlinkLeft=(0.2, 0.6))
    coefficients[10:, blink] = 1
    larger = Driving(np.zeros((52, 52)), np.array([2.0 if "Squint" in name else 1.0 for name in NAMES]))
    driven = full_motion(coefficients, larger, template, template.vertices)
    squint = NAMES.index("eyeSquintLeft")
    assert (driven[:, squint] > coefficients[:, squint] + 0.1).all()
    assert lid_gap(driven[:10]) == pytest.approx(lid_gap(coefficients[:10]), abs=1e-6)
    assert (driven[10:, blink] == 1).all()


def test_open_lips_puff_no_cheeks_and_shut_ones_do():
    """Wide cheeks of an open smile drove a character's to three quarters puffed."""
    template, puff = load_template(), NAMES.index("cheekPuff")
    plain = Driving(np.zeros((52, 52)), np.ones(52))
    shut, narrow, wide = (
        seen(20, cheekPuff=(0.3, 0.8), mouthSmileLeft=(0.3, 0.8), jawOpen=jaw)
        for jaw in ((0.0, 0.0), (0.05, 0.1), (0.4, 0.8))
    )
    told = [full_motion(rows, plain, template, template.vertices)[:, puff] for rows in (shut, narrow, wide)]
    assert told[0] == pytest.approx(shut[:, puff])
    assert (told[1] > 0.2).all()
    assert told[2].max() < 0.01
    gaps = [lip_gap(rows, template, template.vertices)[0] for rows in (narrow, wide)]
    assert gaps[0].max() < 0.0045 and gaps[1].min() > 0.006
    drives = full_motion(wide, plain, template, template.vertices)
    assert lip_gap(drives, template, template.vertices)[0] == pytest.approx(gaps[1], abs=2e-4)
