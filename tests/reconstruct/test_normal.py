"""Depth evidence pulls towards the truth wherever in the picture the head is."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceanything_addon.reconstruct.camera import image_center
from faceanything_addon.reconstruct.evidence import observe
from faceanything_addon.reconstruct.linear_model import full_model
from faceanything_addon.reconstruct.normal import POSE, Normal, Pose, normal_equations
from faceanything_addon.reconstruct.observations import gather
from faceanything_addon.template import Template

from .performance import talking
from .simulate import FINE, Noise, Performance, Simulator

EXACT = Noise(smooth=0, white=0, points=0, depth=0, outliers=0)


def depth_alone(truth: Performance, turn: float) -> Normal:
    """The first frame's system at the true shape and a pose `turn` radians off about the head's y axis."""
    template = truth.template
    seen = gather(
        observe(Simulator(truth, EXACT, spacing=FINE).maps(0), template), template, truth.focal / truth.poses[0, 2, 3]
    )
    seen = replace(seen, share=np.zeros_like(seen.share))
    samples = full_model(template).sample(seen.vertex, seen.bary)
    pose = Pose(truth.poses[0, :3, :3], truth.poses[0, :3, 3]).moved(np.array([0, turn, 0, 0, 0, 0]))
    coefficients = np.concatenate([truth.arkit[0], truth.identity])
    center, none = image_center(truth.width, truth.height), np.zeros((0, 2), np.int32)
    return normal_equations(samples, coefficients, pose, truth.focal, center, seen, none, 5.0)


@pytest.mark.parametrize("across", [-0.25, 0.0, 0.25])  # metres beside the axis, of a head 0.6 m away
def test_depth_evidence_turns_a_head_back_to_where_it_looks(template: Template, across: float) -> None:
    truth = talking(template, 1)
    truth.poses[:, 0, 3] = across
    for turn in (-0.05, 0.0, 0.05):
        normal = depth_alone(truth, turn)
        # Depth says nothing of a turn about the line of sight: what rounding says of it is left out.
        step = np.linalg.lstsq(normal.hessian[:3, :3], normal.gradient[:3], rcond=1e-5)[0]
        assert abs(step[1] + turn) < 0.01, (turn, step)
    assert not normal.hessian[3:POSE, 3:POSE].any()


def test_a_depth_that_is_a_guess_has_no_say(template: Template) -> None:
    truth = talking(template, 1)
    known = Simulator(truth, EXACT, spacing=FINE).maps(0)
    guessed, scale = replace(known, depth_known=False), truth.focal / truth.poses[0, 2, 3]
    assert np.isnan(observe(guessed, template)["depth"][:100]).all()
    seen = gather(observe(guessed, template), template, scale)
    assert gather(observe(known, template), template, scale).depth_share.any()
    assert not seen.depth_share.any() and np.isfinite(seen.depth).all()
