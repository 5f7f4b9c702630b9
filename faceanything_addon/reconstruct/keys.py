"""Shape keys that show an actor's own expressions as captured meshes do."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ..take.take import Actor
from ..template import Template
from ..template.shape import own_shapes
from .lids import find_lids, push_lids_out


def key_shapes(template: Template, actor: Actor) -> tuple[np.ndarray, np.ndarray]:
    """The neutral face (V, 3) and each expression's displacement at full strength (52, V, 3), f4 metres.

    Lids lie on their eyeballs in all of them: a blink goes along a straight line, through the ball.
    """
    own = own_shapes(template, actor.rest, actor.neutral)
    faces = actor.neutral + np.concatenate([np.zeros_like(own.expressions[:1]), own.expressions])
    faces = faces.astype(np.float32)
    push_lids_out(faces, find_lids(template, actor.neutral))
    return faces[0], faces[1:] - faces[0]
