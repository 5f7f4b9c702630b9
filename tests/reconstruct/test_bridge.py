"""What the bridge costs in the finished mesh; benchmarks/bridge.py is the long version."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from faceanything_addon.model.merge import merge_maps
from faceanything_addon.template import Template

from .full_size import Space, identity_bridge, simulate_both, teach, vertex_error
from .performance import fit_maps, talking, thinned

MOST_GROWTH = 0.0003  # metres


@pytest.mark.parametrize("space", [Space(2), Space(3, own_shape=False, mirrored=True)])
def test_a_foreign_canonical_space_costs_less_than_a_third_of_a_millimetre(template: Template, space: Space) -> None:
    truth = thinned(talking(template, 120, seed=space.seed), 7)
    embedded, full = simulate_both(truth, space, pulse=0.1)
    bridge = teach(embedded, [own for _, own in full])
    assert bridge.mirrored == space.mirrored
    known = [
        merge_maps(e, f, identity_bridge(), camera=truth.intrinsics) for e, (f, _) in zip(embedded, full, strict=True)
    ]
    bridged = [merge_maps(e, f, bridge, camera=truth.intrinsics) for e, (_, f) in zip(embedded, full, strict=True)]
    errors = [vertex_error(fit_maps(truth, maps, 30 / 7)) for maps in (known, bridged)]
    assert errors[1] - errors[0] < MOST_GROWTH, errors
