"""Assembling one picture's meshes into flat arrays for the rasteriser and the shader."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceanything_addon.template import Part

from . import props
from .assets import Assets
from .cards import Lashes
from .crevices import eye_light, lip_light, overhang_light
from .lips import LIGHTER, inner_side, tilt_up, turning
from .looks import Looks, any_colour, blend, regions
from .material import CARD, EYE, PLAIN, SKIN, WET
from .mouth import INSIDE, mouth_light
from .raster import vertex_normals
from .view import View
from .wrinkles import wrinkle

HIDDEN = -2  # card value of triangles that the truth does not see


@dataclass
class Flat:
    """One picture's geometry; N vertices, T triangles; the template's come first."""

    position: np.ndarray  # (N, 3) camera space
    normal: np.ndarray
    local: np.ndarray
    tint: np.ndarray
    paint: np.ndarray
    occlusion: np.ndarray
    tris: np.ndarray
    uv: np.ndarray
    material: np.ndarray
    gloss: np.ndarray
    card: np.ndarray
    truth_card: np.ndarray  # like card, HIDDEN for what the truth looks through
    cull: np.ndarray
    fold: np.ndarray  # (T, 3, 2) and (T, 3), see `wrinkles.wrinkle`; across in camera space
    across: np.ndarray


class Builder:
    """Collects meshes."""

    def __init__(self) -> None:
        self.parts: dict[str, list[np.ndarray]] = {k: [] for k in Flat.__dataclass_fields__}
        self.count = 0

    def add(self, position, tris, material, tint, *, gloss=(0.1, 12.0), normal=None, local=None, paint=None,
            occlusion=None, uv=None, card=-1, truth=True, cull=0, fold=None, across=None) -> None:  # fmt: skip
        """Append a mesh in camera space; scalars and (3,) tints are spread over it."""
        n, t = len(position), len(tris)
        position = np.ascontiguousarray(position, dtype=np.float32)
        tris = np.ascontiguousarray(tris, dtype=np.int32)
        if normal is None:
            normal = np.empty((n, 3), np.float32)
            vertex_normals(position, tris, normal)
        p = self.parts
        p["position"].append(position)
        p["normal"].append(normal)
        p["local"].append(position if local is None else local)
        p["tint"].append(np.broadcast_to(np.asarray(tint, np.float32), (n, 3)))
        p["paint"].append(np.zeros((n, 4), np.float32) if paint is None else paint)
        p["occlusion"].append(np.ones(n, np.float32) if occlusion is None else occlusion)
        p["fold"].append(np.zeros((t, 3, 2), np.float32) if fold is None else fold)
        p["across"].append(np.zeros((t, 3), np.float32) if across is None else across)
        p["tris"].append(tris + self.count)
        p["uv"].append(np.zeros((t, 3, 2), np.float32) if uv is None else uv)
        p["material"].append(np.broadcast_to(np.asarray(material, np.uint8), (t,)))
        p["gloss"].append(np.broadcast_to(np.asarray(gloss, np.float32), (t, 2)))
        p["card"].append(np.full(t, card, np.int16))
        p["truth_card"].append(np.full(t, card if truth else HIDDEN, np.int16))
        p["cull"].append(np.full(t, cull, np.uint8))
        self.count += n

    def flat(self) -> Flat:
        """All meshes in one."""
        return Flat(**{k: np.ascontiguousarray(np.concatenate(v)) for k, v in self.parts.items()})


def patterned(rng: np.random.Generator, count: int) -> np.ndarray:
    """(N, 4) second colour of cloth or plastic, or none."""
    paint = np.zeros((count, 4), np.float32)
    if rng.random() < 0.5:
        paint[:] = (*any_colour(rng), rng.random() * 0.7)
    return paint


def add_face(
    build: Builder,
    rng: np.random.Generator,
    assets: Assets,
    looks: Looks,
    view: View,
    vertices: np.ndarray,
    arkit: np.ndarray,
) -> np.ndarray:
    """The template itself, its skin in the folds of coefficients arkit (52,); returns its head-space normals (V, 3)."""
    t = assets.template
    normal = np.empty_like(vertices)
    vertex_normals(vertices, assets.tris, normal)
    local = t.vertices.copy()
    material = np.full(len(assets.tris), SKIN, np.uint8)
    gloss = np.tile(looks.gloss.astype(np.float32), (len(assets.tris), 1))
    gloss[regions(assets).lips[assets.tris].mean(axis=1) > 0.5] = looks.lip_gloss
    for part, center in ((Part.EYE_LEFT, 0), (Part.EYE_RIGHT, 1)):
        local[t.part == part] -= t.eye_centers[center]
        material[assets.tri_part == part] = EYE
        gloss[assets.tri_part == part] = (0.9, 160.0)
    wet = np.isin(assets.tri_part, INSIDE)
    material[wet] = WET
    gloss[wet] = (0.35, 40.0)
    light = assets.occlusion * mouth_light(rng, t, vertices) * eye_light(rng, t, vertices)
    light *= lip_light(rng, t, vertices) * overhang_light(rng, t, vertices)
    fold, across = wrinkle(t, looks.folds, arkit)
    turned, paint = turn_lip(assets, looks, vertices, arkit)
    turn = view.pose[:3, :3].T
    build.add(
        view.camera(vertices), assets.tris, material, looks.tint, gloss=gloss, paint=paint, local=local,
        cull=1, uv=assets.uv, occlusion=light, normal=(tilt_up(normal, turned) @ turn).astype(np.float32),
        fold=fold, across=(across @ turn).astype(np.float32),
    )  # fmt: skip
    return normal


def turn_lip(assets: Assets, looks: Looks, vertices: np.ndarray, arkit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(V,) how far the lower lip's inner side turns up, (V, 4) the paint with that side's colour."""
    far = turning(assets.template, arkit, looks.lip_turn[0])
    turned = far * inner_side(assets.template, vertices, regions(assets).lips, looks.lip_turn[1])
    paint = looks.paint.copy()
    blend(paint, turned, np.sqrt(looks.tone) * LIGHTER, 0.9)
    return turned, paint


def add_hair(build: Builder, assets: Assets, looks: Looks, view: View, vertices: np.ndarray) -> None:
    """Brows, lashes and hair."""
    mean = assets.template.vertices
    chosen = (("eyebrows", looks.brow, looks.brow_colour), ("eyelashes", looks.lash, looks.brow_colour * 0.3))
    if not looks.extras["hat"]:
        chosen = (*chosen, ("hair", looks.hair, looks.hair_colour))
    for kind, index, colour in chosen:
        if index is None:
            continue
        card = assets.card_list(kind)[index]
        if isinstance(card, Lashes):
            card = card.grown(looks.lash_length)
        place = view.camera(card.place(vertices, mean))
        shine = (0.12, 20.0) if kind == "hair" else (0.02, 8.0)
        build.add(place, card.tris, CARD, colour, gloss=shine, uv=card.uv, card=card.layer, truth=kind == "hair")


def add_props(build: Builder, rng: np.random.Generator, assets: Assets, looks: Looks, view: View, vertices, normal):
    """Torso, hat, glasses, headphones; returns lens mesh in camera space or None."""
    t, extras = assets.template, looks.extras
    if extras["torso"]:
        shape = props.torso(rng, t, vertices)
        tilt = np.radians(rng.normal() * 6)
        turned = (
            shape.vertices @ np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]).T
        )
        colour = any_colour(rng) if rng.random() < 0.85 else looks.tone
        build.add(view.camera(turned), shape.tris, PLAIN, colour, paint=patterned(rng, len(turned)), gloss=(0.02, 8))
    if extras["hat"]:
        shape = props.hat(rng, t, vertices, normal, assets.tris)
        build.add(
            view.camera(shape.vertices),
            shape.tris,
            PLAIN,
            any_colour(rng),
            paint=patterned(rng, len(shape.vertices)),
            gloss=(0.03, 8),
        )
    if extras["headphones"]:
        shape = props.headphones(rng, t, vertices)
        build.add(view.camera(shape.vertices), shape.tris, PLAIN, any_colour(rng), gloss=(0.4, 30))
    if not extras["glasses"]:
        return None
    frame, lens = props.glasses(rng, t, vertices)
    rim = any_colour(rng) * rng.choice([0.05, 0.2, 0.8])
    build.add(view.camera(frame.vertices), frame.tris, PLAIN, rim, gloss=(0.5, 40))
    if extras["sunglasses"]:
        build.add(view.camera(lens.vertices), lens.tris, PLAIN, rng.uniform(0.003, 0.05, 3), gloss=(0.9, 90))
        return None
    return props.Shape(view.camera(lens.vertices), lens.tris)


def add_occluders(build: Builder, rng: np.random.Generator, looks: Looks, targets: np.ndarray, count: int) -> None:
    """Hands and things in front of camera-space points targets (N, 3)."""
    for _ in range(count):
        target = targets[rng.integers(len(targets))] + rng.normal(size=3) * 0.02
        shape, kind = props.occluder(rng, target)
        colour = looks.tone * np.exp(rng.normal(size=3) * 0.08) if kind == "skin" else any_colour(rng)
        paint = patterned(rng, len(shape.vertices)) if kind == "thing" else None
        build.add(shape.vertices, shape.tris, PLAIN, colour, paint=paint, gloss=(rng.uniform(0.02, 0.5), 20))
