"""Everything the generator reads, loaded once per process."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import inspect
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceanything_addon.template import Part, Template, load_template
from faceanything_addon.template.template import TEMPLATE_FILE
from training.template.identity import with_rigid_eyes

from . import bake, cards
from .mouth import in_mouth
from .standin import standin_template
from .view import FACE_BOX

WORK = Path(__file__).parents[1] / "work"
TEST_SEED = 2_000_000_000  # seeds from here on use the held-out skins, lights and backgrounds
TEST_SKINS = (
    "middleage_darkskinned_female",
    "young_eurasian_female",
    "old_lightskinned_male2",
    "young_lightskinned_male3",
)
TEST_PLACES = ("kiara_1_dawn", "st_fagans_interior", "venice_sunset")
UNUSED_CARDS = ("bob01",)  # hangs over the face
UNUSED_SKINS = ("young_caucasian_female_darkhair",)  # painted hair and clothes
CARD_SIZE = 256
TRAIN_DARKNESS = 2.0  # dark skins show less of their shape: seen as often as light ones, they are learnt less well
LEVELS = 4  # resolutions of each skin


@dataclass
class Split:
    """Indices that may be used."""

    skins: np.ndarray
    places: np.ndarray
    backgrounds: np.ndarray
    darkness: float = 1.0  # above 1: dark skins are drawn more often than light ones


@dataclass
class Assets:
    """Loaded data; V template vertices, T template triangles."""

    template: Template
    tris: np.ndarray  # (T, 3) i4
    tri_part: np.ndarray  # (T,) u1
    uv: np.ndarray  # (T, 3, 2) f4 skin UVs
    occlusion: np.ndarray  # (V,) f4, 1 open
    basis: np.ndarray  # (K + 52, 3 V) f4 identity then expressions
    skins: list[list[np.ndarray]]  # per skin, per level (h, w, 3) u1 RGB
    skin_mean: np.ndarray  # (skins, 3) linear RGB of the face
    cards: list[cards.Card]
    textures: np.ndarray  # (L, 256, 256, 4) u1 RGBA, colour as brightness about its mean
    places_sh: np.ndarray  # (12, 9, 3)
    backgrounds: list[np.ndarray]  # (h, w, 3) u1 RGB
    splits: dict[str, Split]
    face: np.ndarray  # indices of the vertices that make up "the face" for framing
    smooth: np.ndarray  # (M, V, 3) f4 smooth random shape noise, RMS 1 on skin

    def split(self, seed: int) -> Split:
        """Held-out material for test seeds."""
        return self.splits["test" if seed >= TEST_SEED else "train"]

    def card_list(self, kind: str) -> list[cards.Card]:
        """Cards of a kind: eyebrows, eyelashes, hair."""
        return [c for c in self.cards if c.kind == kind]


def load_assets(face_data: str | Path | None = None) -> Assets:
    """Read and, the first time, bake. `face_data` defaults to $FACE_DATA."""
    folder = Path(face_data or os.environ.get("FACE_DATA", ""))
    if not (folder / "skins").is_dir():
        raise FileNotFoundError(f"{folder.resolve()}: no folder of head models and skins; set FACE_DATA to it")
    template = load_template() if TEMPLATE_FILE.exists() else standin_template(folder)
    names, textures = read_textures(folder)
    baked = cached_bake(template, folder, {n: k for k, n in enumerate(names)})
    files = sorted(p for p in (folder / "skins").glob("*.jpg") if p.stem not in UNUSED_SKINS)
    skins = [skin_levels(p) for p in files]
    with np.load(folder / "environments.npz") as env:
        places, sh = [str(n) for n in env["names"]], env["sh"].astype(np.float32)
    photos = sorted((folder / "backgrounds").glob("*.jpg"))
    tris = template.triangles.astype(np.int32)
    bases = np.concatenate([template.identity, template.expressions])
    return Assets(
        template=template,
        tris=tris,
        tri_part=template.part[tris[:, 0]],
        basis=np.ascontiguousarray(bases.reshape(len(bases), -1), dtype=np.float32),
        skins=skins,
        skin_mean=np.array([face_colour(s[-1]) for s in skins]),
        textures=textures,
        places_sh=sh,
        backgrounds=[cv2.cvtColor(cv2.imread(str(p)), cv2.COLOR_BGR2RGB) for p in photos],
        splits=make_splits([p.stem for p in files], places, [p.stem for p in photos]),
        face=face_points(template),
        smooth=smooth_noise(template),
        **baked,
    )


def face_points(template: Template) -> np.ndarray:
    """Indices of the vertices within FACE_BOX."""
    v, (z, low, high) = template.vertices, FACE_BOX
    return np.nonzero((template.part == Part.SKIN) & (v[:, 2] > z) & (v[:, 1] > low) & (v[:, 1] < high))[0]


def make_splits(skins: list[str], places: list[str], photos: list[str]) -> dict[str, Split]:
    """Train and test indices."""
    held = (
        np.isin(skins, TEST_SKINS),
        np.isin(places, TEST_PLACES),
        np.array([any(t in p for t in TEST_PLACES) for p in photos]),
    )
    train = Split(*(np.nonzero(~h)[0] for h in held), darkness=TRAIN_DARKNESS)
    return {"train": train, "test": Split(*(np.nonzero(h)[0] for h in held))}


def cached_bake(template: Template, folder: Path, layers: dict[str, int]) -> dict:
    """Baked fields, kept in the work folder under a name made from the template's content."""
    registration = WORK / "registration.npz"
    files = b"".join(Path(module.__file__).read_bytes() for module in (bake, cards))
    code = files + inspect.getsource(occlusion).encode()
    parts = (template.vertices.tobytes(), template.quads.tobytes(), template.expressions.tobytes(), code)
    key = hashlib.sha256(b"".join(parts) + registration.read_bytes()).hexdigest()[:16]
    file = WORK / f"baked_{key}.pickle"
    if file.exists():
        return pickle.loads(file.read_bytes())
    surface, corner_uv = bake.skin_surface(folder, registration)
    baked = {
        "uv": bake.skin_uvs(template, surface, corner_uv),
        "occlusion": occlusion(template),
        "cards": [c for c in cards.make_cards(template, folder, registration, layers) if c.name not in UNUSED_CARDS],
    }
    part = file.with_suffix(f".{os.getpid()}")
    part.write_bytes(pickle.dumps(baked))
    part.replace(file)
    return baked


def occlusion(template: Template) -> np.ndarray:
    """(V,) ambient occlusion of the closed face; of what lies inside the mouth none, see `mouth.mouth_light`."""
    closed = bake.ambient_occlusion(template.vertices, template.triangles.astype(np.int32))
    eyes = np.isin(template.part, (Part.EYE_LEFT, Part.EYE_RIGHT))
    out = np.where(eyes, 0.25 + 0.75 * closed, 0.15 + 0.85 * closed)
    return np.where(in_mouth(template), 1.0, out).astype(np.float32).clip(0, 1)


def smooth_noise(template: Template, fields: int = 24, seed: int | tuple[int, ...] = 11) -> np.ndarray:
    """(M, V, 3) smooth vector fields from random Fourier waves, wavelength 3 to 12 cm, unit RMS."""
    rng = np.random.default_rng(seed)
    out = np.zeros((fields, len(template.vertices), 3), np.float32)
    for field in out:
        for _ in range(6):
            axis = rng.normal(size=3)
            wave = 2 * np.pi / rng.uniform(0.03, 0.12) * axis / np.linalg.norm(axis)
            field += np.sin(template.vertices @ wave + rng.uniform(0, 6.3))[:, None] * rng.normal(size=3)
        field /= np.sqrt((field**2).sum(axis=1).mean())
    return with_rigid_eyes(out, template.vertices, template.part)


def read_textures(folder: Path) -> tuple[list[str], np.ndarray]:
    """Card textures as RGBA; colour becomes grey brightness, mean 128 where opaque."""
    with np.load(folder / "makehuman_proxies.npz") as data:
        wanted = {
            str(t)
            for t, k in zip(data["textures"], data["kinds"], strict=True)
            if k in ("eyebrows", "eyelashes", "hair")
        }
    names = sorted(wanted - {""})
    return names, np.stack([read_card(folder / "textures" / n) for n in names])


def read_card(file: Path) -> np.ndarray:
    """(256, 256, 4) u1."""
    image = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    image = cv2.resize(image, (CARD_SIZE, CARD_SIZE), interpolation=cv2.INTER_AREA)
    alpha = image[..., 3] if image.shape[2] == 4 else np.full(image.shape[:2], 255, np.uint8)
    grey = image[..., :3].mean(axis=2)
    solid = alpha > 128
    mean = max(grey[solid].mean() if solid.any() else 1.0, 8.0)
    grey = np.clip(grey / mean * 128, 40, 255).astype(np.uint8)
    if "brow" in file.stem:
        alpha = np.clip(alpha.astype(np.float32) * 1.6, 0, 255).astype(np.uint8)
    return np.dstack([grey, grey, grey, alpha])


def skin_levels(file: Path) -> list[np.ndarray]:
    """Full size and successive halves, RGB."""
    image = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
    levels = [image]
    for _ in range(LEVELS - 1):
        levels.append(cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    return levels


def face_colour(image: np.ndarray) -> np.ndarray:
    """Linear RGB of the cheeks in a skin map."""
    h, w = image.shape[:2]
    box = image[int(0.33 * h) : int(0.47 * h), int(0.42 * w) : int(0.52 * w)].reshape(-1, 3)
    return np.median((box / 255.0) ** 2.2, axis=0)
