"""The template's identity modes, learned from both head models.

Random heads of each model are laid on the template's vertices; the principal components of all of them together are
the modes. The second model (MakeHuman) brings ages, weights and features that the first (ICT-FaceKit) has not.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceanything_addon.template.template import Part

from .surface import Points, locate

SAMPLES = 1200  # random heads of each model
MODES = 100
RACES, GENDERS = ("african", "asian", "caucasian"), ("female", "male")
AGES = ("child", "young", "old")
AGE_SHARES = (0.06, 0.54, 0.40)
LOCAL_CHANCE, LOCAL_SIZE = 0.22, 0.3  # of a morph to be used, and its usual weight
ASYMMETRY = 0.2
GROUPS = {Part.EYE_LEFT: 1, Part.EYE_RIGHT: 2, Part.TONGUE: 5}
UPPER_TEETH, LOWER_TEETH = 3, 4


@dataclass(frozen=True)
class SecondModel:
    """MakeHuman's head, and where its registration puts its neutral skin on the first model, both in cm."""

    vertices: np.ndarray
    base: np.ndarray
    faces: np.ndarray
    face_group: np.ndarray
    vertex_group: np.ndarray
    morphs: np.ndarray  # (438, V, 3) f4
    names: list[str]
    registered: np.ndarray


def load_second(folder: Path, registration: Path) -> SecondModel:
    """Read MakeHuman's arrays and the registration (training/registration.py)."""
    with np.load(folder / "makehuman_head.npz", allow_pickle=False) as d:
        fields = (d["vertices"], d["base_vertices"], d["faces"], d["face_group"], d["vertex_group"])
        morphs, names = d["identity"].astype(np.float32), [str(n) for n in d["identity_names"]]
    with np.load(registration, allow_pickle=False) as d:
        registered = d["mh_all_on_ict"]
    return SecondModel(*(np.asarray(f) for f in fields), morphs, names, registered)


def draw_weights(rng: np.random.Generator, names: list[str]) -> np.ndarray:
    """Weights of all morphs for one random person."""
    index = {n: i for i, n in enumerate(names)}
    out = np.zeros(len(names), np.float32)
    race, gender = rng.dirichlet(np.full(3, 0.5)), rng.beta(0.5, 0.5)
    sexes = dict(zip(GENDERS, (1 - gender, gender), strict=True))
    ages = dict(zip(AGES, rng.dirichlet(6 * np.array(AGE_SHARES)), strict=True))
    muscle, weight = shares("muscle", rng), shares("weight", rng)
    for sex, s in sexes.items():
        for age, a in ages.items():
            for r, name in enumerate(RACES):
                out[index[f"macrodetails/{name}-{sex}-{age}"]] += race[r] * s * a
            for m, x in muscle.items():
                for w, y in weight.items():
                    key = f"macrodetails/universal-{sex}-{age}-{m}-{w}"
                    if key in index:
                        out[index[key]] += s * a * x * y
    for name in (n for n in names if not n.startswith("macrodetails") and "/r-" not in n):
        if rng.random() < LOCAL_CHANCE:
            size = min(abs(rng.normal()) * (ASYMMETRY if name.startswith("asym") else LOCAL_SIZE), 0.8)
            out[index[name]] = size
            if "/l-" in name:
                out[index[name.replace("/l-", "/r-")]] = np.clip(size * (1 + 0.3 * rng.normal()), 0, 0.8)
    return out


def shares(what: str, rng: np.random.Generator) -> dict[str, float]:
    """Shares of min, average and max of a body's measure."""
    x = float(np.clip(rng.normal() * 0.45, -1, 1))
    return {f"min{what}": max(-x, 0), f"average{what}": 1 - abs(x), f"max{what}": max(x, 0)}


def second_samples(second: SecondModel, template_cm: np.ndarray, part: np.ndarray, count: int) -> np.ndarray:
    """(count, V, 3) displacements in cm of random MakeHuman heads on the template, about their own mean."""
    rng = np.random.default_rng(11)
    skin = second.faces[second.face_group == 0]
    triangles = np.concatenate([skin[:, [0, 1, 2]], skin[:, [0, 2, 3]]])
    spots = locate(template_cm, second.registered, triangles, near=24)
    neutral = second.vertices.astype(np.float32)
    out = np.zeros((count, *template_cm.shape), np.float32)
    for i in range(count):
        weights = draw_weights(rng, second.names)
        head = second.base + np.tensordot(weights, second.morphs, axes=1)
        out[i] = carried(head - neutral, neutral, second.vertex_group, spots, template_cm, part)
    return out - out.mean(0)


def carried(
    moved: np.ndarray, neutral: np.ndarray, group: np.ndarray, spots: Points, template_cm: np.ndarray, part: np.ndarray
) -> np.ndarray:
    """(V, 3) displacement of the template for a displacement of MakeHuman's vertices; rigid parts stay in shape."""
    out = spots.of(moved)
    for label, number in GROUPS.items():
        mine = part == label
        out[mine] = similar(neutral[group == number], moved[group == number], template_cm[mine])
    teeth = np.flatnonzero(part == Part.TEETH)
    upper = teeth[: len(teeth) // 2]
    for rows, number in ((upper, UPPER_TEETH), (teeth[len(teeth) // 2 :], LOWER_TEETH)):
        out[rows] = similar(neutral[group == number], moved[group == number], template_cm[rows])
    return out


def similar(source: np.ndarray, moved: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Displacement of points by the shift and growth that a displacement of source vertices amounts to."""
    center = source.mean(0)
    spread = source - center
    growth = float((spread * (moved - moved.mean(0))).sum() / (spread**2).sum())
    return moved.mean(0) + growth * (points - points.mean(0))


def with_rigid_eyes(fields: np.ndarray, vertices: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Displacements (N, V, 3) of which those of an eyeball's vertices are one shift and one growth.

    A ball that a shape turns looks elsewhere than the gaze says.
    """
    out = fields.copy()
    for label in (Part.EYE_LEFT, Part.EYE_RIGHT):
        ball = np.flatnonzero(part == label)
        for field in out:
            field[ball] = similar(vertices[ball], field[ball], vertices[ball])
    return out


def centre_on_eyes(samples: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Shift each head (N, V, 3) so that the midpoint of its eyes stays at the origin."""
    eyes = [samples[:, part == label].mean(axis=1) for label in (Part.EYE_LEFT, Part.EYE_RIGHT)]
    return samples - ((eyes[0] + eyes[1]) / 2)[:, None]


def without_turn(samples: np.ndarray, template_cm: np.ndarray, part: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Take each head's (N, V, 3) best small rotation about the midpoint of the eyes out of it.

    A turn of the whole head is pose, not identity: if modes held it, the two could not be told apart.
    """
    x = template_cm - np.mean([template_cm[part == s].mean(axis=0) for s in (Part.EYE_LEFT, Part.EYE_RIGHT)], axis=0)
    inertia = np.einsum("v,vi,vi->", weight, x, x) * np.eye(3) - np.einsum("v,vi,vj->ij", weight, x, x)
    moment = np.stack([(weight[:, None] * np.cross(x, d)).sum(axis=0) for d in samples])
    turn = np.linalg.solve(inertia, moment.T).T  # radians
    return samples - np.stack([np.cross(t, x) for t in turn]).astype(np.float32)


def principal(samples: np.ndarray, modes: int, weight: np.ndarray) -> np.ndarray:
    """(modes, V, 3): principal components about zero, each one standard deviation long.

    Args:
        samples: (N, V, 3).
        weight: (V,) how much a vertex counts in the choice of the modes.
    """
    flat = samples.reshape(len(samples), -1)
    heavy = (samples * np.sqrt(weight)[None, :, None].astype(np.float32)).reshape(len(samples), -1)
    values, vectors = np.linalg.eigh(heavy @ heavy.T / len(flat))
    order = np.argsort(values)[::-1][:modes]
    basis = vectors[:, order].T @ flat  # length sqrt(n * value) each
    return (basis / np.sqrt(len(flat))).reshape(modes, *samples.shape[1:])


def learn(
    first: np.ndarray,
    second: SecondModel,
    template_cm: np.ndarray,
    part: np.ndarray,
    mirror: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Modes (MODES, V, 3) in cm from the first model's modes (100, V, 3) in cm and the second's morphs."""
    rng = np.random.default_rng(7)
    weights = np.clip(rng.normal(size=(SAMPLES, len(first))), -2.5, 2.5).astype(np.float32)
    a = np.tensordot(weights, first, axes=1)
    b = second_samples(second, template_cm, part, SAMPLES)
    samples = without_turn(centre_on_eyes(np.concatenate([a, b]), part), template_cm, part, weight)
    # both hands of every head, so that the modes are symmetric or antisymmetric
    flipped = samples[:, mirror] * np.float32([-1, 1, 1])
    return with_rigid_eyes(principal(np.concatenate([samples, flipped]), MODES, weight), template_cm, part)
