"""The shipped network: it fits the template and says nothing where there is nothing."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import numpy as np
import pytest

from faceanything_addon.model import FaceTracker
from faceanything_addon.model.embedded import EMBEDDED_FILE, EmbeddedNetwork
from faceanything_addon.template import PART_NAMES, load_template
from faceanything_addon.template.template import TEMPLATE_FILE

shipped = EMBEDDED_FILE.exists() and TEMPLATE_FILE.exists()
pytestmark = pytest.mark.skipif(not shipped, reason="the network is not trained yet")


def test_metadata_fits_the_template() -> None:
    network, template = EmbeddedNetwork(threads=1), load_template()
    assert network.points == len(template.points)
    assert tuple(json.loads(network.metadata["parts"])) == PART_NAMES
    assert tuple(json.loads(network.metadata["coefficients"])) == template.expression_names


def test_outputs_have_their_shapes() -> None:
    network = EmbeddedNetwork(threads=1)
    size, half = network.size, network.size // 2
    look = network.look(np.full((size, size, 3), 128, np.uint8))
    assert look.canonical.shape == (3, half, half) and look.part.shape == (7, half, half)
    assert look.points.shape == (network.points, 2) and look.face.shape == ()
    assert np.allclose(look.part.sum(0), 1, atol=1e-4)
    assert np.allclose(np.linalg.norm(look.gaze, axis=-1), 1, atol=1e-3)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_no_face_in_a_flat_picture(level: int) -> None:
    tracker = FaceTracker(load_template(), threads=1)
    assert not tracker.next(np.full((240, 320, 3), level, np.uint8)).found


def test_the_same_frame_gives_the_same_maps() -> None:
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    one, two = (FaceTracker(load_template(), threads=1).next(image) for _ in range(2))
    assert np.array_equal(one.canonical, two.canonical) and np.array_equal(one.points, two.points)
