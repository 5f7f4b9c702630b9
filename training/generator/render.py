"""Pictures with their truth."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from faceanything_addon.reconstruct.lids import find_lids, push_lids_out
from faceanything_addon.reconstruct.lips import seal_lips, shut_at_rest
from faceanything_addon.template import Template
from faceanything_addon.template.shape import gaze_rotation, rotate_eyes, shown_gaze

from . import faults, people
from .assets import Assets
from .grain import make_noise
from .lamps import Lamps
from .lids import with_full_closure
from .looks import Looks, draw_looks
from .material import LINEAR, Paints
from .mouth import hold_mouth
from .personal import own_movement
from .pout import pouting
from .raster import empty_buffers, rasterize
from .scene import Builder, Flat, add_face, add_hair, add_occluders, add_props
from .shade import Surface, shade
from .view import TURNS, Light, View, draw_light, draw_view

NO_FACE = 0.04
SHADOW = 144
NOISE = make_noise()


@dataclass
class Actor:
    """Geometry of one picture's head, head space, metres."""

    vertices: np.ndarray  # (V, 3)
    identity: np.ndarray  # (K,)
    arkit: np.ndarray  # (52,)
    gaze: np.ndarray  # (2, 3) unit, head space


def draw_actors(rng: np.random.Generator, assets: Assets, n: int) -> list[Actor]:
    """n independent people with an expression each."""
    t = assets.template
    k = len(t.identity)
    identity, moves = np.zeros((n, k), np.float32), np.zeros((n, 52), np.float32)
    gazes, labels = [], []
    for who, how in zip(identity, moves, strict=True):
        gaze = people.draw_gaze(rng)
        who[:] = people.draw_identity(rng, k)
        labels.append(people.draw_expression(rng, t.expression_names, gaze))
        how[:] = people.as_moved(rng.spawn(1)[0], t.expression_names, labels[-1])
        gazes.append(people.gaze_directions(gaze))
    neutral = (identity @ assets.basis[:k]).reshape(n, -1, 3) + t.vertices
    moves = with_full_closure(t, neutral, moves)
    shapes = neutral + (moves @ assets.basis[k:]).reshape(n, -1, 3)
    out = []
    for who, label, how, rest, shape, gaze in zip(identity, labels, moves, neutral, shapes, gazes, strict=True):
        mix = rng.normal(size=4) * rng.uniform(0, 0.0005)
        own = np.tensordot(mix.astype(np.float32), assets.smooth[rng.integers(len(assets.smooth), size=4)], axes=1)
        moved = own_movement(rng.spawn(1)[0], t, shape - rest, how) + pouting(rng.spawn(1)[0], t, how)
        rest, shape = with_touching_lips(t, rest + own, moved)
        shape = hold_mouth(rng.spawn(1)[0], t, shape, label[t.expression_names.index("tongueOut")])
        out.append(Actor(finish_eyes(assets, rest, shape, gaze), who.copy(), label, gaze))
    return out


def with_touching_lips(template: Template, neutral: np.ndarray, moved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The neutral face and the moved one (V, 3), with lips that touch where they are shut, as captured meshes have it.

    Args:
        moved: (V, 3) from the neutral face to the moved one.
    """
    rest = shut_at_rest(neutral, template)
    shape = rest + moved.astype(np.float32)
    seal_lips(shape[None], template)
    return rest, shape


def finish_eyes(assets: Assets, neutral: np.ndarray, vertices: np.ndarray, gaze: np.ndarray) -> np.ndarray:
    """Turn the eyeballs and keep the lids outside of them, as captured meshes have it; all (V, 3), gaze (2, 3)."""
    t, axes = assets.template, shown_gaze(gaze)
    held = vertices[None].astype(np.float32)
    push_lids_out(held, find_lids(t, neutral), axes[None])
    return rotate_eyes(t, held[0], gaze_rotation(axes)).astype(np.float32)


def shadow_map(flat: Flat, light: Light, assets: Assets, center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth (s, s) from the first light and its frame (4, 3): two scaled axes, unused row, origin."""
    if not light.shadow:
        return np.zeros((1, 1), np.float32), np.zeros((4, 3))
    axis = light.direction[0]
    side = np.cross(axis, [0.31, 0.2, 0.93])
    side /= np.linalg.norm(side)
    scale = SHADOW / 0.36
    frame = np.stack([side * scale, np.cross(axis, side) * scale, np.zeros(3), center])
    p = flat.position - center
    xy = (p @ frame[:2].T + SHADOW / 2).astype(np.float32)
    depth = (10.0 - p @ axis).astype(np.float32)
    zbuf, ids, bary = empty_buffers(SHADOW, SHADOW)
    rasterize(
        xy, depth, flat.tris, flat.card, flat.uv, np.zeros_like(flat.cull), assets.textures, True, zbuf, ids, bary
    )
    return zbuf, frame


def lens_layer(rng: np.random.Generator, lens, view: View, zbuf: np.ndarray) -> np.ndarray:
    """(2S, 2S, 4) transmission and reflection of spectacle lenses."""
    s = zbuf.shape[0]
    if lens is None:
        return np.zeros((1, 1, 4), np.float32)
    out = np.zeros((s, s, 4), np.float32)
    out[..., :3] = 1
    z, ids, bary = zbuf.copy(), *empty_buffers(s, s)[1:]
    n = len(lens.tris)
    none = np.zeros((1, 1, 1, 4), np.uint8)
    rasterize(view.project(lens.vertices, s), lens.vertices[:, 2].copy(), lens.tris, np.full(n, -1, np.int16),
              np.zeros((n, 3, 2), np.float32), np.zeros(n, np.uint8), none, False, z, ids, bary)  # fmt: skip
    hit = ids >= 0
    tint = 1 - rng.uniform(0, 0.35) * rng.random(3)
    y, x = np.nonzero(hit)
    wave = np.sin(x * rng.normal() * 0.05 + y * rng.normal() * 0.05 + rng.uniform(0, 6.3))
    shine = rng.uniform(0, 0.12) * np.clip(wave, 0, 1) + rng.uniform(0, 0.03)
    out[hit] = np.concatenate([np.tile(tint * 0.95, (len(y), 1)), shine[:, None]], axis=1)
    return out


def background(rng: np.random.Generator, assets: Assets, seed: int, size: int) -> np.ndarray:
    """(S, S, 3) f4 linear: a crop of a photograph, or a gradient with noise and shapes."""
    if rng.random() < 0.7:
        photo = assets.backgrounds[int(rng.choice(assets.split(seed).backgrounds))]
        h, w = photo.shape[:2]
        side = int(min(h, w) * rng.uniform(0.2, 1.0))
        y, x = rng.integers(h - side + 1), rng.integers(w - side + 1)
        crop = cv2.resize(photo[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        if rng.random() < 0.4:
            crop = cv2.GaussianBlur(np.ascontiguousarray(crop), (0, 0), rng.uniform(0.5, 6))
        return LINEAR[crop] * np.float32(np.exp(rng.normal() * 0.4))
    colours = rng.random((4, 3)) ** 2 * rng.uniform(0.05, 1)
    image = cv2.resize(colours.reshape(2, 2, 3).astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    for _ in range(rng.integers(0, 7)):
        colour = tuple(float(c) for c in rng.random(3) ** 2)
        a, b = rng.integers(-size // 4, size * 5 // 4, (2, 2))
        if rng.random() < 0.5:
            cv2.rectangle(image, tuple(map(int, a)), tuple(map(int, b)), colour, -1)
        else:
            cv2.circle(image, tuple(map(int, a)), int(rng.integers(4, size // 2)), colour, -1)
    if rng.random() < 0.5:
        grain = rng.standard_normal((size, size, 1)).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.6, 4))[..., None]
        image = image * np.exp(grain / (grain.std() + 1e-6) * rng.uniform(0, 0.5))
    return image.astype(np.float32)


def texture_level(assets: Assets, looks: Looks, view: View) -> np.ndarray:
    """The skin map at the resolution that suits the face's size in the picture."""
    per_metre = view.focal / max(view.pose[2, 3], 0.1) * 2
    level = int(np.clip(np.log2(3500 / max(per_metre, 1.0)), 0, len(assets.skins[looks.skin]) - 1))
    return assets.skins[looks.skin][level]


def colour(
    rng, assets: Assets, flat: Flat, looks: Looks, light: Light, view: View, lens, behind: np.ndarray
) -> np.ndarray:
    """(S, S, 3) f4 linear."""
    s = 2 * view.size
    zbuf, ids, bary = empty_buffers(s, s)
    rasterize(view.project(flat.position, s), flat.position[:, 2].copy(), flat.tris, flat.card, flat.uv, flat.cull,
              assets.textures, True, zbuf, ids, bary)  # fmt: skip
    shadow, frame = shadow_map(flat, light, assets, view.pose[:3, 3] + view.pose[:3, :3] @ (0, -0.02, -0.07))
    out = np.empty((view.size, view.size, 3), np.float32)
    surface = Surface(*(getattr(flat, name) for name in Surface._fields))
    paints = Paints(
        texture_level(assets, looks, view), looks.gain, LINEAR, NOISE, looks.grain, looks.eye, assets.textures
    )
    lamps = Lamps(light.sh, light.mirror, light.direction, light.colour, shadow, frame)
    shade(ids, bary, surface, paints, lamps, lens_layer(rng, lens, view, zbuf), behind, out)
    return out


def truth(assets: Assets, flat: Flat, view: View) -> dict[str, np.ndarray]:
    """Maps at half size, from the z-buffer at the centres of the map's pixels."""
    h = view.size // 2
    zbuf, ids, bary = empty_buffers(h, h)
    xy, z = view.project(flat.position, h), flat.position[:, 2].copy()
    truth_card, card_uv = flat.truth_card, flat.uv
    rasterize(xy, z, flat.tris, truth_card, card_uv, flat.cull, assets.textures, False, zbuf, ids, bary)
    seen = (ids >= 0) & (ids < len(assets.tris))
    tri, w = ids[seen], bary[seen]
    weights = np.concatenate([1 - w.sum(axis=1, keepdims=True), w], axis=1)
    canonical = np.zeros((h, h, 3), np.float16)
    canonical[seen] = np.einsum("nk,nkd->nd", weights, assets.template.vertices[assets.tris[tri]])
    depth = np.zeros((h, h), np.float16)
    depth[seen] = zbuf[seen] - view.pose[2, 3]
    part = np.zeros((h, h), np.uint8)
    part[seen] = assets.tri_part[tri]
    return {"canonical": canonical, "depth": depth, "part": part, "covered": covered(assets, flat, xy, ids)}


def covered(assets: Assets, flat: Flat, xy: np.ndarray, ids: np.ndarray) -> np.float32:
    """Share of the face's vertices, of those that face the camera within the picture, that lie behind other things."""
    face = assets.face[(flat.normal[assets.face] * flat.position[assets.face]).sum(axis=1) < 0]
    pixel = np.rint(xy[face]).astype(int)
    inside = ((pixel >= 0) & (pixel < len(ids))).all(axis=1)
    column, row = pixel[inside].T
    return np.float32((ids[row, column] >= len(assets.tris)).mean() if inside.any() else 0)


def render_one(
    rng: np.random.Generator, assets: Assets, actor: Actor, seed: int, size: int, turns: tuple[float, float] = TURNS
) -> dict[str, np.ndarray]:
    """One picture and its truth."""
    split = assets.split(seed)
    looks = draw_looks(rng, assets, split)
    face = actor.vertices[assets.face]
    view = draw_view(rng, face, size, turns)
    build = Builder()
    normal = add_face(build, rng, assets, looks, view, actor.vertices, actor.arkit)
    add_hair(build, assets, looks, view, actor.vertices)
    lens = add_props(build, rng, assets, looks, view, actor.vertices, normal)
    add_occluders(build, rng, looks, view.camera(face), rng.choice(3, p=[0.78, 0.17, 0.05]))
    flat = build.flat()
    light = draw_light(rng, assets.places_sh[int(rng.choice(split.places))])
    image = colour(rng, assets, flat, looks, light, view, lens, background(rng, assets, seed, size))
    out = truth(assets, flat, view)
    t = assets.template
    out["image"] = faults.take_picture(rng, image)
    out["points"] = view.project(view.camera(actor.vertices[t.points]))
    out["arkit"], out["identity"], out["pose"] = actor.arkit, actor.identity, view.pose.astype(np.float32)
    out["gaze"] = (actor.gaze @ view.pose[:3, :3].T).astype(np.float32)
    out["focal"], out["principal"] = np.float32(view.focal), view.principal.astype(np.float32)
    out["skin"], out["tone"] = np.int16(looks.skin), looks.tone.astype(np.float32)
    out["face"] = np.bool_(True)
    return out


def render_empty(rng: np.random.Generator, assets: Assets, seed: int, size: int) -> dict[str, np.ndarray]:
    """A picture without a face: places, hands, things."""
    t = assets.template
    split = assets.split(seed)
    looks = draw_looks(rng, assets, split)
    view = View(np.eye(4), size * 1.5, np.full(2, size / 2 - 0.5), size)
    view.pose[2, 3] = 0.6
    build = Builder()
    build.add(np.float32([[0, 0, -1]] * 3), np.int32([[0, 1, 2]]), 3, (0, 0, 0))
    targets = np.float32(rng.uniform((-0.15, -0.15, 0.4), (0.15, 0.15, 0.9), (20, 3)))
    add_occluders(build, rng, looks, targets, int(rng.integers(0, 4)))
    light = draw_light(rng, assets.places_sh[int(rng.choice(split.places))])
    image = colour(rng, assets, build.flat(), looks, light, view, None, background(rng, assets, seed, size))
    h = size // 2
    return {
        "image": faults.take_picture(rng, image),
        "canonical": np.zeros((h, h, 3), np.float16),
        "depth": np.zeros((h, h), np.float16),
        "part": np.zeros((h, h), np.uint8),
        "points": np.zeros((len(t.points), 2), np.float32),
        "arkit": np.zeros(52, np.float32),
        "identity": np.zeros(len(t.identity), np.float32),
        "pose": np.eye(4, dtype=np.float32),
        "gaze": np.zeros((2, 3), np.float32),
        "focal": np.float32(0),
        "principal": np.zeros(2, np.float32),
        "covered": np.float32(0),
        "skin": np.int16(-1),
        "tone": np.zeros(3, np.float32),
        "face": np.bool_(False),
    }


def render_batch(
    seed: int, n: int, assets: Assets, size: int = 192, turns: tuple[float, float] = TURNS
) -> dict[str, np.ndarray]:
    """n pictures, always the same for a seed; seeds from assets.TEST_SEED on use held-out material only.

    Args:
        turns: see `view.TURNS`.

    Returns:
        image (n,S,S,3) u1 RGB; canonical (n,S/2,S/2,3) f2 metres, 0 where there is no face; depth (n,S/2,S/2) f2
        metres, camera z minus that of the head's origin; part (n,S/2,S/2) u1; points (n,P,2) f4 picture pixels; arkit
        (n,52); gaze (n,2,3) unit, camera space, left eye first; pose (n,4,4) camera from head; focal (n,) and principal
        (n,2) pixels; identity (n,K); face (n,) bool; covered (n,) share of the face behind other things; skin (n,)
        number of the skin map; tone (n,3) linear colour of the cheeks. Map pixel (i, j) is centred at picture pixel
        (2j + .5, 2i + .5).
    """
    rng = np.random.default_rng(seed)
    rows = []
    for actor in draw_actors(rng, assets, n):
        empty = rng.random() < NO_FACE
        if empty:
            rows.append(render_empty(rng, assets, seed, size))
        else:
            rows.append(render_one(rng, assets, actor, seed, size, turns))
    return {k: np.stack([r[k] for r in rows]) for k in rows[0]}
