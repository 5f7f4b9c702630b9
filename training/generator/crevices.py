"""How much light reaches where skin nearly meets skin: below lids and lashes, between lips, below the upper lip."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np

from faceanything_addon.template import Part, Template

from .mouth import in_mouth
from .shapes import distance_to_line

LIDS = {Part.EYE_RIGHT: ((36, 37, 38, 39), (39, 40, 41, 36)), Part.EYE_LEFT: ((42, 43, 44, 45), (45, 46, 47, 42))}
UPPER_RIM, LOWER_RIM = (60, 61, 62, 63, 64), (60, 67, 66, 65, 64)  # landmarks of the lips' inner edge
LIPS_APART = 0.002  # metres between lips from which on light reaches their inner edges


def eye_light(rng: np.random.Generator, template: Template, vertices: np.ndarray) -> np.ndarray:
    """(V,) how much light reaches the eyeballs: less below the upper lid and its lashes, and near the corners."""
    marks = template.landmarks(vertices)
    deep, low = rng.uniform(0.2, 0.9), rng.uniform(0.0, 0.5)
    reach = rng.uniform(0.0012, 0.0035)
    light = np.ones(len(vertices), np.float32)
    for part, (upper, lower) in LIDS.items():
        eye = np.flatnonzero(template.part == part)
        for lid, strength, width in ((upper, deep, reach), (lower, low, 0.4 * reach)):
            away = distance_to_line(vertices[eye, :2], marks[list(lid), :2])
            light[eye] *= 1 - strength * np.exp(-away / width)
    return light


def lip_light(rng: np.random.Generator, template: Template, vertices: np.ndarray) -> np.ndarray:
    """(V,) how much light reaches between the lips: hardly any where they meet, all where they are apart."""
    marks = template.landmarks(vertices)
    upper, lower = marks[list(UPPER_RIM)], marks[list(LOWER_RIM)]
    near = np.flatnonzero(np.linalg.norm(vertices - marks[60:68].mean(axis=0), axis=1) < 0.05)
    places = vertices[near]
    gap = np.interp(places[:, 0], upper[:, 0], np.linalg.norm(upper - lower, axis=1))
    away = distance_to_line(places[:, :2], 0.5 * (upper + lower)[:, :2])
    depth, reach = rng.uniform(0.55, 0.97), rng.uniform(0.0008, 0.0016)
    light = np.ones(len(vertices), np.float32)
    light[near] -= depth * np.clip(1 - gap / LIPS_APART, 0, 1) * np.exp(-((away / reach) ** 2))
    return light


def overhang_light(rng: np.random.Generator, template: Template, vertices: np.ndarray) -> np.ndarray:
    """(V,) how much of the light from above the upper lip lets past: to its own underside, and to teeth below its edge.

    Teeth in a narrow opening are dark on most photographs, and the upper lip's lower half is darker than the lower lip.
    """
    rim = template.landmarks(vertices)[list(UPPER_RIM)]
    near = np.flatnonzero(np.linalg.norm(vertices - rim.mean(axis=0), axis=1) < 0.05)
    places, inside = vertices[near], in_mouth(template)[near]
    below = np.interp(places[:, 0], rim[:, 0], rim[:, 1]) - places[:, 1]  # metres below the lip's edge
    kept, lip, teeth = rng.uniform(0.0, 0.9), rng.uniform(0.001, 0.005), rng.uniform(0.001, 0.007)
    underside = np.clip(1 - below / LIPS_APART, 0, 1) * np.exp(-((distance_to_line(places, rim) / lip) ** 2))
    light = np.ones(len(vertices), np.float32)
    light[near] -= kept * np.where(inside, np.exp(-np.maximum(below, 0) / teeth), underside)
    return light
