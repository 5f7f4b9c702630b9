"""Faces whose lips touch at rest, whoever they are."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import numpy as np

from faceanything_addon.reconstruct.lips import shut_at_rest
from faceanything_addon.template import Template
from faceanything_addon.template.template import load_template


def touching_modes(template: Template) -> np.ndarray:
    """(K, V, 3) metres: the identity modes, of which none parts the lips or pushes them through each other.

    The head models' own do both by up to 2 mm, and no expression could shut what is open at rest. What takes the gap
    out of a face is linear in the face, so that what holds of every mode holds of everybody.
    """
    mean = template.vertices
    return np.stack([shut_at_rest(mean + mode, template) - mean for mode in template.identity])


def seal_file(file: Path) -> None:
    """Give the template in a file such modes."""
    with np.load(file, allow_pickle=False) as data:
        arrays = dict(data)
    load_template.cache_clear()  # it remembers what the file held before
    arrays["identity"] = touching_modes(load_template(file)).astype(arrays["identity"].dtype)
    np.savez_compressed(file, **arrays)
    load_template.cache_clear()
