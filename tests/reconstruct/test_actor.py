"""The joint fit of actor and camera."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.reconstruct.actor import (
    FOCAL_SIGMA,
    IN_USE,
    RELAXED_STEPS,
    TOLERANCES,
    _JointFit,
    default_focal,
)
from faceanything_addon.reconstruct.evidence import frame_of

from .performance import Fitted


def test_expressions_not_in_use_are_zero_in_the_end_and_those_in_use_still_move(talk: Fitted) -> None:
    frames = [frame_of(talk.evidence, number) for number in range(0, len(talk.truth), 20)]
    width, height = talk.truth.width, talk.truth.height
    fit = _JointFit(frames, talk.truth.template, width, height, default_focal(width, height), FOCAL_SIGMA)
    for tolerance in TOLERANCES[:-RELAXED_STEPS]:
        fit.step(tolerance, relaxed=False)
    before = fit.state.expressions.copy()
    for tolerance in TOLERANCES[-RELAXED_STEPS:]:
        fit.step(tolerance, relaxed=True)
    after = fit.state.expressions
    assert not ((after > 0) & (after <= IN_USE / 2)).any()
    assert np.abs(after - before).max() > 0.2
