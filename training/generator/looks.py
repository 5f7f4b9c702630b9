"""Random appearance of a person: skin tone, make-up, beard, hair, brows, eyes, clothes."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from faceanything_addon.template import Part

from .assets import Assets, Split
from .lips import BAND
from .mouth import tint_mouth
from .shapes import ramp, within
from .wrinkles import draw_folds

# Linear skin colours from dark to light.
TONES = np.array(
    [
        (0.035, 0.018, 0.012),
        (0.10, 0.05, 0.03),
        (0.22, 0.12, 0.075),
        (0.38, 0.23, 0.155),
        (0.55, 0.36, 0.27),
        (0.68, 0.48, 0.39),
    ]
)
HAIR = np.array(
    [
        (0.006, 0.005, 0.005),
        (0.02, 0.012, 0.008),
        (0.06, 0.03, 0.015),
        (0.15, 0.08, 0.035),
        (0.35, 0.22, 0.10),
        (0.3, 0.3, 0.3),
        (0.6, 0.57, 0.52),
        (0.18, 0.045, 0.015),
    ]
)
HAIR_SHARE = {"bob02": 0.25, "afro01": 0.4}
HAIR_CHANCE = np.array([0.27, 0.22, 0.19, 0.11, 0.07, 0.05, 0.03, 0.06])  # of the rows of HAIR
IRIS = np.array(
    [
        (0.03, 0.012, 0.005),
        (0.07, 0.03, 0.01),
        (0.14, 0.08, 0.03),
        (0.08, 0.12, 0.06),
        (0.07, 0.13, 0.22),
        (0.16, 0.2, 0.24),
        (0.03, 0.08, 0.2),
    ]
)
LASHES = 0.5, 1.2  # how long somebody's lashes are, times the cards'
LIP_EDGE = 0.0018  # metres: narrower than the mesh is fine, and the edge of painted lips is jagged
IRIS_SIZE = 0.36, 0.44  # tangent: 10.8 to 12.8 mm across on the template's balls, as irises are
IRIS_CHANCE = np.array([0.3, 0.22, 0.14, 0.09, 0.1, 0.08, 0.07])  # of the rows of IRIS


@dataclass
class Looks:
    """One person's appearance; fields shaped for `shade`."""

    skin: int
    gain: np.ndarray  # (3,)
    grain: np.ndarray  # (4,) strength, cells per metre; the same of the relief
    tint: np.ndarray  # (V, 3)
    paint: np.ndarray  # (V, 4)
    gloss: np.ndarray  # (2,)
    lip_gloss: np.ndarray  # (2,) lips are wetter than other skin
    lip_turn: np.ndarray  # (2,) how far the lower lip turns out, 0..1, and metres of its inner side that show
    eye: np.ndarray  # (12,)
    hair_colour: np.ndarray  # (3,)
    brow_colour: np.ndarray
    tone: np.ndarray  # (3,) linear colour of the cheeks
    brow: int | None
    lash: int | None
    lash_length: float  # times the card's
    folds: np.ndarray  # (F, 4), see `wrinkles.draw_folds`
    hair: int | None
    extras: dict = field(default_factory=dict)  # torso, glasses, sunglasses, hat, headphones: bool


def draw_looks(rng: np.random.Generator, assets: Assets, split: Split) -> Looks:
    """A random person."""
    skin = int(rng.choice(split.skins))
    tone, gain = draw_tone(rng, assets.skin_mean[skin], split.darkness)
    hair = mix_colour(rng, HAIR, HAIR_CHANCE) if rng.random() < 0.97 else any_colour(rng)
    facial = darker(hair, tone, rng)
    v = len(assets.template.vertices)
    paint = np.zeros((v, 4), np.float32)
    beard(rng, assets, paint, facial)
    blend(paint, regions(assets).lips, lip_colour(rng, tone), rng.uniform(0.0, 0.8))
    makeup(rng, assets, paint)
    extras = {k: rng.random() < p for k, p in (("torso", 0.75), ("glasses", 0.2), ("hat", 0.1), ("headphones", 0.04))}
    extras["sunglasses"] = extras["glasses"] and rng.random() < 0.2
    wet = rng.spawn(1)[0].uniform(size=2)
    many = {k: len(assets.card_list(k)) for k in ("eyebrows", "eyelashes", "hair")}
    return Looks(
        skin=skin,
        gain=gain.astype(np.float32),
        grain=np.array([abs(rng.normal()) * 0.06, rng.uniform(1200, 4000), *draw_relief(rng)], np.float32),
        tint=part_tint(rng, assets),
        paint=paint,
        gloss=np.array([rng.uniform(0.02, 0.4) ** 1.3, rng.uniform(6, 40)]),
        lip_gloss=(wet * (0.75, 80) + (0.05, 10)) ** (1.5, 1),
        lip_turn=np.array([np.sqrt(wet[0]), np.interp(wet[1], (0, 1), BAND)]),  # a lip that turns out is a wet one
        eye=draw_eye(rng),
        hair_colour=hair,
        brow_colour=facial * rng.uniform(0.4, 1.0),
        tone=tone,
        brow=int(rng.integers(many["eyebrows"])) if rng.random() < 0.93 else None,
        lash=int(rng.integers(many["eyelashes"])) if rng.random() < 0.85 else None,
        lash_length=rng.spawn(1)[0].uniform(*LASHES),
        folds=draw_folds(rng.spawn(1)[0]),
        hair=draw_hair(rng, assets) if rng.random() < 0.78 else None,
        extras=extras,
    )


def draw_hair(rng: np.random.Generator, assets: Assets) -> int:
    """Index into the hair cards; those that fall over an eye are seldom taken."""
    weight = np.array([HAIR_SHARE.get(c.name, 1.0) for c in assets.card_list("hair")])
    return int(rng.choice(len(weight), p=weight / weight.sum()))


def draw_tone(rng: np.random.Generator, mean: np.ndarray, darkness: float) -> tuple[np.ndarray, np.ndarray]:
    """Wanted cheek colour and the gain that brings the skin map to it (fully or in part)."""
    at = (len(TONES) - 1) * rng.random() ** darkness
    k = min(int(at), len(TONES) - 2)
    wanted = np.exp(np.log(TONES[k]) * (1 - at + k) + np.log(TONES[k + 1]) * (at - k)) * np.exp(
        rng.normal(size=3) * 0.06
    )
    part = rng.uniform(0.0, 1.0)
    gain = np.clip((wanted / mean) ** part, 0.2, 4.0) * np.exp(rng.normal() * 0.1)
    return mean * gain, gain


def mix_colour(rng: np.random.Generator, table: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """A colour between two rows of a table, with jitter."""
    a, b = table[rng.choice(len(table), size=2, p=chance)]
    t = rng.random() * 0.5
    return (a * (1 - t) + b * t) * np.exp(rng.normal() * 0.15 + rng.normal(size=3) * 0.05)


def darker(hair: np.ndarray, tone: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hair colour of brows and beard: seldom lighter than the skin."""
    if rng.random() < 0.08:
        return hair
    return hair * min(1.0, rng.uniform(0.2, 0.7) * tone.mean() / hair.mean())


def any_colour(rng: np.random.Generator) -> np.ndarray:
    """(3,) linear; greys, darks and brights."""
    level = rng.random() ** 2 * 0.8 + 0.01
    return np.clip(level * np.exp(rng.normal(size=3) * rng.choice([0.05, 0.5, 1.0])), 0.005, 0.95)


def part_tint(rng: np.random.Generator, assets: Assets) -> np.ndarray:
    """(V, 3) linear colour of teeth, tongue, mouth; on skin a soft blotchy factor."""
    part = assets.template.part
    tint = np.ones((len(part), 3), np.float32)
    blotch = assets.smooth[rng.integers(len(assets.smooth)), :, 0]
    skin = part == Part.SKIN
    tint[skin] = 1 + 0.06 * rng.random() * blotch[skin, None] * (0.6, 1.0, 1.0)
    tint_mouth(rng, assets.template, tint)
    return np.clip(tint, 0, 1.5)


def draw_eye(rng: np.random.Generator) -> np.ndarray:
    """(12,) see `material.eye_colour`."""
    inner, outer = mix_colour(rng, IRIS, IRIS_CHANCE), mix_colour(rng, IRIS, IRIS_CHANCE)
    if rng.random() < 0.7:
        outer = inner * rng.uniform(0.5, 1.2)
    white = np.array([0.72, 0.66, 0.62]) ** rng.uniform(0.8, 1.8) * rng.uniform(0.35, 1.0)
    return np.r_[rng.uniform(*IRIS_SIZE), rng.uniform(0.22, 0.55), inner, outer, white, rng.random() * 0.35]


@dataclass
class Regions:
    """Soft weights (V,) on the template's skin."""

    lips: np.ndarray
    beard: np.ndarray
    moustache: np.ndarray
    lids: np.ndarray
    cheeks: np.ndarray


_regions: dict[int, Regions] = {}


def regions(assets: Assets) -> Regions:
    """Regions for make-up and beard, from the landmarks; computed once."""
    key = id(assets)
    if key not in _regions:
        _regions[key] = make_regions(assets)
    return _regions[key]


def make_regions(assets: Assets) -> Regions:
    """See `Regions`."""
    t = assets.template
    marks = t.landmarks(t.vertices)
    x, y, z = t.vertices.T
    skin = t.part == Part.SKIN
    mouth = marks[48:60]
    lips = skin * within(t.vertices[:, :2], mouth[:, :2], LIP_EDGE) * (z > mouth[:, 2].min() - 0.012)
    corner, nose, chin = marks[54], marks[33], marks[8]
    away = np.hypot(np.maximum(np.abs(x) - corner[0], 0), y - mouth[:, 1].mean())
    jaw = ramp(y, corner[1] + 0.022 - 0.25 * (np.abs(x) - corner[0]).clip(-1, 0), corner[1] - 0.008)
    side = ramp(np.abs(x), 0.052, 0.062) * ramp(y, 0.01, -0.02) * ramp(z, -0.10, -0.07)
    bare = skin * (1 - lips)
    beard_w = np.maximum(jaw, side) * ramp(y, chin[1] - 0.06, chin[1] - 0.01) * ramp(z, -0.095, -0.06) * bare
    top = nose[1] - 0.002
    moustache = ramp(y, mouth[:, 1].min(), mouth[:, 1].max() - 0.004) * ramp(y, top + 0.001, top - 0.004)
    moustache = moustache * ramp(np.abs(x), corner[0] + 0.009, corner[0] - 0.002) * bare * (z > 0)
    eye = np.minimum(*(np.linalg.norm(t.vertices - c, axis=1) for c in t.eye_centers))
    lids = ramp(eye, 0.022, 0.015) * (y > -0.002) * skin
    cheeks = np.exp(-(((np.abs(x) - 0.045) / 0.018) ** 2) - ((y + 0.035) / 0.015) ** 2) * (z > -0.05) * skin
    return Regions(*(w.astype(np.float32) for w in (lips, beard_w * (away > 0), moustache, lids, cheeks)))


def blend(paint: np.ndarray, weight: np.ndarray, colour: np.ndarray, strength: float) -> None:
    """Lay a colour over what is painted already."""
    a = weight * strength
    total = paint[:, 3] + a * (1 - paint[:, 3])
    share = np.where(total > 1e-6, a / np.maximum(total, 1e-6), 0)[:, None]
    paint[:, :3] = paint[:, :3] * (1 - share) + colour * share
    paint[:, 3] = total


def beard(rng: np.random.Generator, assets: Assets, paint: np.ndarray, hair: np.ndarray) -> None:
    """Stubble to full beard, in random parts of the beard's region."""
    if rng.random() > 0.33:
        return
    r = regions(assets)
    strength = rng.uniform(0.15, 0.9)
    x, y, _ = assets.template.vertices.T
    weight = np.maximum(r.beard, r.moustache)
    style = rng.random()
    if style < 0.15:
        weight = r.moustache
    elif style < 0.35:
        weight = np.maximum(r.beard * ramp(np.abs(x), 0.04, 0.025), r.moustache)
    elif style < 0.45:
        weight = r.beard
    patchy = assets.smooth[rng.integers(len(assets.smooth)), :, 1]
    blend(paint, np.clip(weight * (1 + 0.3 * patchy), 0, 1), hair * rng.uniform(0.5, 1.2), strength)


def draw_relief(rng: np.random.Generator) -> tuple[float, float]:
    """Strength and cells per metre of pores and lines, which tilt the normals."""
    return (abs(rng.normal()) * 0.12 if rng.random() < 0.6 else 0.0), rng.uniform(3000, 12000)


def lip_colour(rng: np.random.Generator, tone: np.ndarray) -> np.ndarray:
    """(3,) unpainted lips: redder and darker than the cheeks."""
    return tone * np.array([0.75, 0.45, 0.5]) ** rng.uniform(0.2, 1.3)


def makeup(rng: np.random.Generator, assets: Assets, paint: np.ndarray) -> None:
    """Lipstick, lids, blush."""
    r = regions(assets)
    if rng.random() < 0.35:
        red = np.array([0.35, 0.04, 0.05]) * np.exp(rng.normal(size=3) * 0.4)
        blend(paint, r.lips, np.clip(red, 0.003, 0.8), rng.uniform(0.2, 0.9))
    if rng.random() < 0.18:
        blend(paint, r.lids, any_colour(rng) * 0.5, rng.uniform(0.1, 0.7))
    if rng.random() < 0.15:
        blend(paint, r.cheeks, np.array([0.6, 0.15, 0.12]), rng.uniform(0.05, 0.3))
