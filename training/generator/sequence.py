"""An animated sequence of one synthetic person with known truth: for benchmarks, tests and the demo clip.

python -m training.generator.sequence --face-data PATH --seed 7 --frames 90 --out clip.mp4
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from faceanything_addon.reconstruct.lips import shut_at_rest
from faceanything_addon.template import Part
from faceanything_addon.template.shape import neutral_shape
from training.template.identity import with_rigid_eyes

from . import people
from .assets import TEST_SEED, Assets, load_assets, smooth_noise
from .lids import with_full_closure
from .looks import Looks, draw_looks
from .motion import Motion, draw_motion
from .mouth import hold_mouth
from .raster import empty_buffers, rasterize
from .render import background, colour, finish_eyes, with_touching_lips
from .scene import Builder, Flat, add_face, add_hair, add_props
from .view import FLIP, Light, View, draw_light, rotation

OWN = 0.0006  # metres (RMS) of every face's shape that the template's modes have not; models of faces leave as much
LESS = 0.9  # people's size of a mode, of that of people in single pictures
BEYOND = 0.1  # weight of what is not the face where a shape is cleared of the template's modes


@dataclass
class Stage:
    """What stays the same over a sequence."""

    assets: Assets
    looks: Looks
    light: Light
    behind: np.ndarray  # (S, S, 3) linear
    neutral: np.ndarray  # (V, 3) metres
    size: int
    focal: float  # pixels
    distance: float  # metres
    seed: int
    gain: np.ndarray  # (3,) exposure


def draw_stage(assets: Assets, seed: int, size: int, share: float, plain: bool) -> Stage:
    """A person in front of a camera; the face's width is about `share` of the picture's.

    Args:
        plain: no glasses, hat or headphones.
    """
    rng = np.random.default_rng(seed)
    t = assets.template
    identity = LESS * people.draw_identity(rng, len(t.identity))
    looks = draw_looks(rng, assets, assets.split(seed))
    if plain:
        looks.extras = {k: k == "torso" for k in looks.extras}
    distance = rng.uniform(0.45, 0.9)
    behind = cv2.GaussianBlur(background(rng, assets, seed, size), (0, 0), size / 120)
    light = draw_light(rng, assets.places_sh[int(rng.choice(assets.split(seed).places))])
    return Stage(
        assets=assets,
        looks=looks,
        light=light,
        behind=behind,
        neutral=shut_at_rest(neutral_shape(t, identity) + OWN * own_shape(assets, seed), t),
        size=size,
        focal=share * size * distance / 0.15,
        distance=distance,
        seed=seed,
        gain=np.exp(rng.normal(size=3) * 0.04),
    )


def true_identity(assets: Assets, seed: int) -> np.ndarray:
    """(K,) standard deviations of the template's modes in the person whom `draw_stage` draws."""
    return LESS * people.draw_identity(np.random.default_rng(seed), len(assets.template.identity))


def own_shape(assets: Assets, seed: int) -> np.ndarray:
    """(V, 3) of unit RMS on the face: what makes somebody like nobody else.

    Waves that no other picture has, less what identity, a turn, a shift and a growth can make of them.
    """
    t = assets.template
    wave, x = smooth_noise(t, 1, (seed, 1))[0], t.vertices
    turns = [np.cross(axis, x) for axis in np.eye(3)]
    shifts = [np.broadcast_to(axis, x.shape) for axis in np.eye(3)]
    known = np.stack([*t.identity, x, *turns, *shifts]).astype(np.float64)
    weight = np.full(len(x), BEYOND)
    weight[assets.face] = 1
    basis = (known * weight[:, None]).reshape(len(known), -1).T
    share = np.linalg.lstsq(basis, (wave * weight[:, None]).ravel(), rcond=None)[0]
    own = with_rigid_eyes((wave - np.tensordot(share, known, axes=1))[None], x, t.part)[0]
    return own / np.sqrt((own[assets.face] ** 2).sum(axis=1).mean())


def view_of(stage: Stage, angles: np.ndarray, shift: np.ndarray) -> View:
    """Camera for one frame's head motion; principal point in the picture's middle."""
    pose = np.eye(4)
    pose[:3, :3] = FLIP @ rotation(*angles)
    pose[:3, 3] = shift + (0, -0.02, stage.distance)
    return View(pose, stage.focal, np.full(2, stage.size / 2 - 0.5), stage.size)


def frame(stage: Stage, motion: Motion, k: int) -> dict[str, np.ndarray]:
    """Picture (S, S, 3) u1 and truth of frame k."""
    assets, t = stage.assets, stage.assets.template
    moves = with_full_closure(t, stage.neutral, motion.arkit[k])
    shape = with_touching_lips(t, stage.neutral, np.tensordot(moves, t.expressions, axes=1))[1]
    gaze = people.gaze_directions(motion.gaze[k])
    out = motion.arkit[k, t.expression_names.index("tongueOut")]
    shape = hold_mouth(np.random.default_rng((stage.seed, 3)), t, shape, out)
    shape = finish_eyes(assets, stage.neutral, shape.astype(np.float32), gaze)
    view = view_of(stage, motion.angles[k], motion.shift[k])
    build = Builder()
    normal = add_face(build, np.random.default_rng(stage.seed), assets, stage.looks, view, shape, motion.arkit[k])
    add_hair(build, assets, stage.looks, view, shape)
    same = np.random.default_rng(stage.seed)
    lens = add_props(build, same, assets, stage.looks, view, shape, normal)
    flat = build.flat()
    linear = colour(same, assets, flat, stage.looks, stage.light, view, lens, stage.behind) * stage.gain
    camera = view.camera(shape)
    return {
        "linear": linear.astype(np.float32),
        "vertices": camera,
        "pose": view.pose.astype(np.float32),
        "gaze": (gaze @ view.pose[:3, :3].T).astype(np.float32),
        "points": view.project(camera[t.points]),
        "landmarks": view.project(t.landmarks(camera)),
        "visible": visible(assets, flat, view),
    }


def visible(assets: Assets, flat: Flat, view: View) -> np.ndarray:
    """(V,) bool: the template's vertices that the camera sees, skin through brows and lashes."""
    s = view.size
    xy = view.project(flat.position)
    zbuf, ids, bary = empty_buffers(s, s)
    rasterize(xy, flat.position[:, 2].copy(), flat.tris, flat.truth_card, flat.uv, flat.cull, assets.textures, False,
              zbuf, ids, bary)  # fmt: skip
    n = len(assets.template.vertices)
    p = np.rint(xy[:n]).astype(int)
    inside = ((p >= 0) & (p < s)).all(axis=1)
    q = p.clip(0, s - 1)
    facing = (flat.normal[:n] * flat.position[:n]).sum(axis=1) < 0
    return inside & facing & (flat.position[:n, 2] < zbuf[q[:, 1], q[:, 0]] + 0.003)


def to_picture(linear: np.ndarray, exposure: float, rng: np.random.Generator) -> np.ndarray:
    """Linear -> sRGB u1 with slight sensor noise."""
    noisy = linear * exposure
    noisy = noisy + rng.normal(size=linear.shape) * 0.004 * np.sqrt(np.maximum(noisy, 0) + 0.01)
    return np.clip(np.clip(noisy, 0, 1) ** (1 / 2.2) * 255, 0, 255).astype(np.uint8)


def render_sequence(assets: Assets, seed: int, frames: int, size: int = 480, fps: float = 30.0, share: float = 0.42,
                    plain: bool = False, yaw: float = 14.0, still: bool = False,
                    motion: Motion | None = None) -> dict[str, np.ndarray]:  # fmt: skip
    """Pictures and truth; `still`: nothing moves but the sensor's noise; `motion`: of `frames` frames, None: drawn.

    Returns:
        image (F,S,S,3) u1; vertices (F,V,3) camera space, metres; arkit (F,52); gaze (F,2,3) camera space; pose (F,4,4)
        camera from head; intrinsics (3,3); points (F,P,2), landmarks (F,68,2) pixels; visible (F,V) bool; neutral (V,3)
        head space; fps.
    """
    stage = draw_stage(assets, seed, size, share, plain)
    if motion is None:
        motion = draw_motion(np.random.default_rng(seed + 1), assets.template.expression_names, frames, fps, yaw)
    rows = [frame(stage, motion, 0)] * frames if still else [frame(stage, motion, k) for k in range(frames)]
    skin = assets.template.part[assets.tris[:, 0]] == Part.SKIN
    assert skin.any()
    exposure = 0.42 / np.percentile(rows[0]["linear"], 75)
    rng = np.random.default_rng(seed + 2)
    out = {k: np.stack([r[k] for r in rows]) for k in rows[0] if k != "linear"}
    out["image"] = np.stack([to_picture(r["linear"], exposure, rng) for r in rows])
    out["arkit"] = motion.arkit
    center = size / 2 - 0.5
    out["intrinsics"] = np.array([[stage.focal, 0, center], [0, stage.focal, center], [0, 0, 1]], np.float32)
    out["neutral"], out["fps"] = stage.neutral, np.float32(fps)
    return out


def write_video(file: Path, images: np.ndarray, fps: float, quality: int = 20) -> None:
    """H.264 in mp4 from (F, S, S, 3) u1."""
    import av

    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(quality), "preset": "slow"}
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m training.generator.sequence", description=__doc__)
    parser.add_argument("--face-data", type=Path, default=os.environ.get("FACE_DATA"))
    parser.add_argument("--seed", type=int, default=TEST_SEED)
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--size", type=int, default=480)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--share", type=float, default=0.42, help="width of the face as a share of the picture's")
    parser.add_argument("--yaw", type=float, default=14.0, help="size of the head's turning in degrees")
    parser.add_argument("--plain", action="store_true", help="no glasses, hat or headphones")
    parser.add_argument("--still", action="store_true", help="a face that does not move")
    parser.add_argument("--out", type=Path, required=True, help="mp4; the truth goes to the same name with .npz")
    args = parser.parse_args()
    assets = load_assets(args.face_data)
    data = render_sequence(assets, args.seed, args.frames, args.size, args.fps, args.share, args.plain, args.yaw,
                           args.still)  # fmt: skip
    write_video(args.out, data.pop("image"), args.fps)
    np.savez_compressed(args.out.with_suffix(".npz"), **data)


if __name__ == "__main__":
    main()
