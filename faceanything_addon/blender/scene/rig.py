"""The rig-ready copy: the actor's neutral face with the 52 ARKit shape keys, animated."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import bpy
import numpy as np

from ...reconstruct.keys import key_shapes
from ...take.take import Actor
from ...template import Template
from ..space import object_vertices
from .animation import OWN, curves_of, set_curve


def add_arkit_keys(target: bpy.types.Object, template: Template, index: np.ndarray, actor: Actor) -> None:
    """The actor's own shapes as relative shape keys in Apple's spelling and order; lids lie on their eyeballs in all.

    Args:
        index: (N,) vertices of the template that the mesh has.
    """
    neutral, offsets = key_shapes(template, actor)
    data: Any = target.data
    data.vertices.foreach_set("co", object_vertices(neutral[index]).ravel())
    target.shape_key_add(name="Basis", from_mix=False)
    for name, offset in zip(template.expression_names, offsets, strict=True):
        block: Any = target.shape_key_add(name=name, from_mix=False)
        block.points.foreach_set("co", object_vertices((neutral + offset)[index]).ravel())
        block.slider_min, block.slider_max = 0.0, 1.0


def animate_arkit(target: bpy.types.Object, names: tuple[str, ...], arkit: np.ndarray, keys: np.ndarray) -> None:
    """Key the values of all ARKit shapes in one action. arkit: (F, 52); keys: (F,) scene frames."""
    data: Any = target.data
    shapes = data.shape_keys
    curves = curves_of(shapes)
    shapes.animation_data.action.name = f"{target.name} ARKit"
    shapes.animation_data.action[OWN] = True
    for number, name in enumerate(names):
        set_curve(curves, f'key_blocks["{name}"].value', 0, keys, np.clip(arkit[:, number], 0.0, 1.0))
