"""A person's teeth lie as high as they are seen."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from faceanything_addon.model.maps import FaceMaps, Inside
from faceanything_addon.reconstruct.actor import fit_actor
from faceanything_addon.reconstruct.evidence import observe, stack
from faceanything_addon.reconstruct.teeth import FEW, FRAMES, Bite, heights, open_mouths, template_teeth, with_own_teeth
from faceanything_addon.take import Actor
from faceanything_addon.template import Part, Template, load_template

from .performance import FOCAL, talking, thinned
from .simulate import Noise, Performance, Simulator

TEMPLATE = load_template()
TEETH = template_teeth(TEMPLATE)
BOTH = np.concatenate([TEETH.upper.vertices, TEETH.lower.vertices])
INSIDE = (Part.TEETH, Part.TONGUE, Part.MOUTH)


@dataclass
class Toothed(Performance):
    """A performance by somebody whose teeth are elsewhere."""

    upper: float = 0.0  # metres higher
    lower: float = 0.0

    def vertices(self, frame: int) -> np.ndarray:
        shape = super().vertices(frame).copy()
        shape[TEETH.upper.vertices, 1] += self.upper
        shape[TEETH.lower.vertices, 1] += self.lower
        return shape


@cache
def seen(upper: float, lower: float) -> tuple[Actor, Actor, list[FaceMaps], Performance]:
    """The actor without and with teeth of their own, and of what."""
    plain = thinned(talking(TEMPLATE), 4)
    parts = (plain.template, plain.identity, plain.arkit, plain.poses, plain.gaze, plain.focal)
    truth = Toothed(*parts, upper=upper, lower=lower)
    simulator = Simulator(truth, Noise(), spacing=0.0012)
    maps = [simulator.maps(number, occluder=False) for number in range(len(truth))]
    evidence = stack([observe(m, TEMPLATE) for m in maps])
    size = (truth.width, truth.height)
    actor = fit_actor(evidence, TEMPLATE, *size, FOCAL)
    return actor, with_own_teeth(actor, evidence, TEMPLATE, *size), maps, truth


def moved(upper: float, lower: float) -> np.ndarray:
    """(2,) metres by which they were moved up."""
    actor, own, *_ = seen(upper, lower)
    change = own.neutral - actor.neutral
    return np.array([change[arch.vertices, 1].mean() for arch in (TEETH.upper, TEETH.lower)])


def test_who_has_higher_teeth_gets_higher_teeth() -> None:
    apart = moved(0.003, -0.002) - moved(-0.003, 0.002)
    assert 0.003 < apart[0] < 0.007 and -0.005 < apart[1] < -0.0015


def test_nothing_but_the_teeth_is_moved_and_those_straight_up() -> None:
    actor, own, *_ = seen(-0.003, 0.002)
    change = own.neutral - actor.neutral
    assert not np.delete(change, BOTH, axis=0).any() and not change[:, (0, 2)].any() and change[BOTH, 1].any()
    assert np.ptp(change[TEETH.upper.vertices, 1]) < 1e-6


def test_a_mouth_that_never_opens_tells_nothing_of_teeth() -> None:
    actor, _, maps, truth = seen(-0.003, 0.002)
    assert any(np.isin(m.part, INSIDE).sum() > FEW for m in maps), "else nothing is tested"
    shut = [replace(m, part=np.where(np.isin(m.part, INSIDE), Part.SKIN, m.part)) for m in maps]
    evidence = stack([observe(m, TEMPLATE) for m in shut])
    assert with_own_teeth(actor, evidence, TEMPLATE, truth.width, truth.height) is actor


def test_the_inside_of_lids_is_not_taken_for_the_mouth(template: Template) -> None:
    """The inside of lids has the mouth's label; only what lies between the lips counts."""
    _, _, maps, _ = seen(-0.003, 0.002)
    part = np.where(maps[0].canonical[..., 1] > -0.03, Part.MOUTH, Part.SKIN).astype(np.uint8)
    assert (part == Part.MOUTH).sum() > FEW
    assert not observe(replace(maps[0], part=part), template)["inside_kind"].any()


def bite(upper: float, lower: float, count: int = 400) -> Bite:
    """Sharp pixels of an open mouth whose teeth end so much higher than expected."""
    y = np.linspace(-0.02, 0.01, count)
    inside = np.stack([y, -0.012 - y], axis=1)
    teeth = (y > upper) | (y < -0.012 + lower)
    return Bite(inside, np.where(teeth, Inside.TEETH, Inside.BEHIND), 1e-5)


def test_the_edge_is_where_teeth_end() -> None:
    assert heights([bite(0.002, -0.001)] * 4) == pytest.approx([0.002, -0.001], abs=3e-4)


def test_upper_teeth_hide_lower_ones_and_are_told_from_them() -> None:
    """Teeth that meet leave nothing between them; which jaw's they are tells where they end."""
    y = np.linspace(-0.02, 0.01, 400)
    inside = np.stack([y, -0.004 - y], axis=1)
    for edge in (-0.003, 0.001):
        kind = np.where(y > edge, Inside.UPPER_TEETH, Inside.LOWER_TEETH)
        told = heights([Bite(inside, kind.astype(np.uint8), 1e-5)] * 4)
        assert told[0] == pytest.approx(edge, abs=4e-4)


def test_a_single_pixel_moves_nothing_by_much() -> None:
    lonely = bite(0.004, 0.0, 1)
    assert np.abs(heights([lonely])).max() < 2e-4


def test_frames_that_show_the_mouth_are_asked_from_all_over_the_take() -> None:
    parts = np.zeros((200, 96), np.uint8)
    parts[50:, :FEW] = Inside.BEHIND
    size = np.ones(200)
    evidence = {"found": np.arange(200) != 60, "inside_kind": parts, "inside_spacing": size, "spacing": size}
    rows = open_mouths(evidence)
    assert len(rows) == FRAMES and rows[0] == 50 and rows[-1] == 199 and 60 not in rows
