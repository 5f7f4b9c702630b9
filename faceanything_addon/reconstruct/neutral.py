"""An actor's face at rest: lips touch, and lids lie on the eyeballs, whoever it is."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from ..template import Template
from .lids import find_lids, push_lids_out
from .lips import shut_at_rest


def at_rest(face: np.ndarray, template: Template) -> np.ndarray:
    """(V, 3) f4 metres, head space: what the modes of a likeness may leave apart or sunk is put right.

    Meshes have such lids and lips in every frame. Fitted from a face without, lids would be told too wide, and then
    be pushed out once more.
    """
    faces = shut_at_rest(face, template)[None]
    push_lids_out(faces, find_lids(template, faces[0]))
    return faces[0]
