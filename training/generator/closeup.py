"""Pictures of one eye with their truth, for the network that takes a second look."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from faceanything_addon.model.closeup import EYES, HEIGHT, SIDE, WIDTH, EyePoints
from faceanything_addon.solve.gaze import camera_toward

from . import faults
from .assets import Assets
from .looks import draw_looks
from .render import Actor, background, colour, draw_actors
from .scene import Builder, Flat, add_face, add_hair, add_occluders, add_props
from .view import FLIP, View, draw_light, rotation

JITTER = 0.0017  # metres by which the square is off
BLURRED = 0.6  # share of pictures whose frame had fewer pixels than the network sees


@dataclass
class Shot:
    """A picture, the camera that took it and what stood before it."""

    image: np.ndarray  # (S, S, 3) u1 RGB
    view: View
    flat: Flat


def draw_turn(rng: np.random.Generator) -> np.ndarray:
    """(3, 3) camera from head: nearly upright, as the tracker's squares are."""
    yaw = rng.normal() * 18 if rng.random() < 0.6 else rng.uniform(-70, 70)
    return FLIP @ rotation(yaw, np.clip(rng.normal() * 12, -35, 35), rng.normal() * 6)


def draw_near_view(rng: np.random.Generator, points: np.ndarray, size: int, side: float, jitter: float) -> View:
    """A camera whose picture is the square around some points (E, 3), as roughly as a tracker finds it.

    Args:
        size: pixels across the picture.
        side: metres across it at the points.
        jitter: metres.
    """
    turn = draw_turn(rng)
    distance = np.exp(rng.uniform(np.log(0.28), np.log(2.2)))
    off = np.radians(np.clip(rng.normal(size=2) * 9, -28, 28))
    origin = distance * np.array([np.tan(off[0]), np.tan(off[1]), 1.0])
    p = points @ turn.T + origin
    focal = size / side * origin[2] * np.exp(rng.normal() * 0.08)
    middle = (p[:, :2] / p[:, 2:]).mean(axis=0) * focal
    off = rng.normal(size=2) * jitter / side * size
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, origin
    return View(pose, float(focal), size / 2 - 0.5 - middle + off, size)


def photograph(rng: np.random.Generator, linear: np.ndarray) -> np.ndarray:
    """Square linear picture -> u1 of the same size; mostly as if the frame had shown the part smaller.

    Noise and codec are of the frame's own pixels, which the tracker enlarges with the rest.
    """
    if rng.random() > BLURRED:
        return faults.take_picture(rng, linear)
    side = len(linear)
    small = 2 * round(side / 2 * np.exp(rng.uniform(np.log(0.2), np.log(0.9))))
    image = faults.take_picture(rng, cv2.resize(linear, (small, small), interpolation=cv2.INTER_AREA))
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)


def shoot(
    rng: np.random.Generator,
    assets: Assets,
    actor: Actor,
    seed: int,
    points: np.ndarray,
    size: int,
    side: float,
    jitter: float,
) -> Shot:
    """A square picture of `size` pixels around some of a head's vertices; see `draw_near_view`."""
    split = assets.split(seed)
    looks = draw_looks(rng, assets, split)
    view = draw_near_view(rng, actor.vertices[points], size, side, jitter)
    build = Builder()
    normal = add_face(build, rng, assets, looks, view, actor.vertices, actor.arkit)
    add_hair(build, assets, looks, view, actor.vertices)
    lens = add_props(build, rng, assets, looks, view, actor.vertices, normal)
    add_occluders(build, rng, looks, view.camera(actor.vertices[assets.face]), rng.choice(2, p=[0.9, 0.1]))
    light = draw_light(rng, assets.places_sh[int(rng.choice(split.places))])
    flat = build.flat()
    image = colour(rng, assets, flat, looks, light, view, lens, background(rng, assets, seed, size))
    return Shot(photograph(rng, image), view, flat)


def render_eye(rng: np.random.Generator, assets: Assets, actor: Actor, seed: int) -> dict[str, np.ndarray]:
    """One picture of one eye; a right one is turned into a left one by a mirror."""
    eye = int(rng.integers(2))
    points = assets.template.points[EyePoints.of(assets.template).rows[eye]]
    shot = shoot(rng, assets, actor, seed, points, WIDTH, SIDE, JITTER)
    return {"image": shot.image, **eye_truth(assets, actor, shot.view, points, eye)}


def eye_truth(assets: Assets, actor: Actor, view: View, points: np.ndarray, eye: int) -> dict[str, np.ndarray]:
    """Points, gaze and lids as in the picture."""
    ball = actor.vertices[assets.template.part == EYES[eye]]
    center = view.camera(ball.mean(axis=0, keepdims=True))[0].astype(np.float64)
    gaze = camera_toward(center).T @ view.pose[:3, :3] @ actor.gaze[eye]
    names = assets.template.expression_names
    return {
        "points": view.project(view.camera(actor.vertices[points])),
        "gaze": gaze.astype(np.float32),
        "blink": np.float32(actor.arkit[names.index(("eyeBlinkLeft", "eyeBlinkRight")[eye])]),
        "right": np.bool_(eye == 1),
    }


def as_left(row: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The middle of the square, as if of a left eye."""
    margin = (WIDTH - HEIGHT) // 2
    image, points, gaze = row["image"][margin : margin + HEIGHT], row["points"] - (0, margin), row["gaze"]
    if row["right"]:
        image, points = image[:, ::-1], points * (-1, 1) + (WIDTH - 1, 0)
        gaze = gaze * np.float32([-1, 1, 1])
    image = np.ascontiguousarray(image)
    return {"image": image, "points": points.astype(np.float32), "gaze": gaze, "blink": row["blink"]}


def render_batch(seed: int, n: int, assets: Assets, size: int = WIDTH) -> dict[str, np.ndarray]:
    """n pictures of left eyes, always the same for a seed.

    Returns:
        image (n, HEIGHT, WIDTH, 3) u1 RGB; points (n, E, 2) f4 its pixels; gaze (n, 3) unit, in the axes of a camera
        that looks straight at the eye; blink (n,).
    """
    rng = np.random.default_rng(seed)
    rows = [as_left(render_eye(rng, assets, actor, seed)) for actor in draw_actors(rng, assets, n)]
    return {k: np.stack([r[k] for r in rows]) for k in rows[0]}


def load_assets(*folder: str) -> Assets:
    """The whole generator's."""
    from .assets import load_assets as load

    return load(*folder)
