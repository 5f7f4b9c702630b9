"""Which vertices are teeth of which jaw, and where they bite."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceanything_addon.template import Part, load_template
from faceanything_addon.template.teeth import REACH, Arch, Teeth

TEMPLATE = load_template()
TEETH = Teeth.of(TEMPLATE)


def test_the_lower_teeth_alone_go_with_the_jaw() -> None:
    both = np.concatenate([TEETH.upper.vertices, TEETH.lower.vertices])
    assert np.array_equal(np.sort(both), np.flatnonzero(TEMPLATE.part == Part.TEETH))
    jaw = TEMPLATE.expressions[TEMPLATE.expression_names.index("jawOpen")]
    assert not jaw[TEETH.upper.vertices].any() and (jaw[TEETH.lower.vertices, 1] < 0).all()


@pytest.mark.parametrize(("arch", "up"), [(TEETH.upper, -1), (TEETH.lower, 1)], ids=["upper", "lower"])
def test_the_edge_runs_along_the_bite_from_right_to_left(arch: Arch, up: int) -> None:
    edge, teeth = TEMPLATE.vertices[arch.edge], TEMPLATE.vertices[arch.vertices]
    assert (np.diff(edge[:, 0]) > 0).all() and edge[0, 0] < -0.9 * REACH and edge[-1, 0] > 0.9 * REACH
    for place in edge:
        column = teeth[np.abs(teeth[:, 0] - place[0]) < 1e-4]
        assert (up * place[1] >= up * column[:, 1]).all()


def test_a_template_without_teeth_has_no_edges() -> None:
    part = np.where(TEMPLATE.part == Part.TEETH, Part.TONGUE, TEMPLATE.part)
    none = Teeth.of(replace(TEMPLATE, part=part))
    assert not any(len(arch.edge) or len(arch.vertices) for arch in (none.upper, none.lower))
