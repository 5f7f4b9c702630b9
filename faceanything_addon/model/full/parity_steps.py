"""Parity of the steps before and after the network, and of its small parts.

Each function makes what the fixture recorded from the inputs that it stores; cases are found by the arrays' names.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from . import camera, colours
from .backbone import reference_first
from .generated import generated
from .parity import Check, Comparer
from .positions import Rotary, resize_position_table, uv_embedding
from .preprocess import denormalise, normalise, plan_fit, preprocess
from .ray_pose import PoseOptions, cameras_from_rays

Arrays = dict[str, np.ndarray]

INPUTS = re.compile(
    r"pre\d+_in|pose_enc|ray_[a-z]+_(ray|conf|sample_idx)|unproj_(depth|K|w2c)|normals_depth"
    r"|track_canonical\d+|mask_in|rope_(in|pos)|ref_in_\d+"
)
# What the fixture's own description leaves out.
TABLE_SEED, TABLE_NAME, TABLE_SIDE, TABLE_DIM, ROTARY_BASE = 5, "posembed", 37, 8, 100.0
TRACK_LIMIT, TRACK_ROW = 0.01, 20
MIXED_FOCAL = 100.0


def check_steps(arrays: Arrays, description: dict[str, Any], comparer: Comparer) -> Iterator[Check]:
    """Every array of a fixture that is no input, and the table of sizes in its description."""
    yield from _check_policy(description["resize_policy"], comparer)
    ours: Arrays = {}
    for make in (_preprocessing, _mixed, _poses, _rays, _space, _tracks, _masks, _units, _references):
        ours |= make(arrays, description)
    for name, array in arrays.items():
        if not INPUTS.fullmatch(name):
            yield comparer.check(name, ours.get(name), array)


def _matching(arrays: Arrays, pattern: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in arrays:
        if found := re.fullmatch(pattern, name):
            yield name, found.groups()


def _check_policy(rows: list[dict[str, Any]], comparer: Comparer) -> Iterator[Check]:
    fits = [plan_fit(r["in_w"], r["in_h"], r["process_res"], r["method"]) for r in rows]
    sizes = np.array([(r["out_w"], r["out_h"]) for r in rows])
    yield comparer.check("resize_policy sizes", np.array([f.final for f in fits]), sizes)
    ours = np.array([_numbers(f.matrix() @ _intrinsics(*r["K_in"])) for f, r in zip(fits, rows, strict=True)])
    yield comparer.check("resize_policy intrinsics", ours, np.array([r["K_out"] for r in rows]))


def _intrinsics(fx: float, fy: float, cx: float, cy: float) -> np.ndarray:
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def _numbers(k: np.ndarray) -> tuple[float, ...]:
    return k[0, 0], k[1, 1], k[0, 2], k[1, 2]


def _preprocessing(arrays: Arrays, description: dict[str, Any]) -> Arrays:
    made: Arrays = {}
    for case in description["preprocess_cases"]:
        name = f"pre{case['case']}"
        images = preprocess([arrays[f"{name}_in"]], case["process_res"]).images
        made[f"{name}_out"] = images
        made[f"{name}_processed"] = np.stack([denormalise(image) for image in images])
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)  # (256, 1, 3)
    made["processed_level_table"] = denormalise(normalise(levels))[:, 0]
    return made


def _mixed(_arrays: Arrays, description: dict[str, Any]) -> Arrays:
    case = description["mixed_sizes"]
    result = preprocess([_test_picture(w, h) for w, h in case["sizes"]], case["process_res"])
    given = [_intrinsics(MIXED_FOCAL, MIXED_FOCAL, w / 2, h / 2) for w, h in case["sizes"]]
    return {"mixed_out": result.images, "mixed_K": result.matrices @ np.stack(given)}


def _test_picture(width: int, height: int) -> np.ndarray:
    """The (height, width, 3) uint8 picture that the fixture was made with."""
    y, x, c = np.ogrid[:height, :width, :3]
    checks = (x // 8 + y // 8) % 2
    return ((255 * x // (width - 1) + 128 * y // (height - 1) + 60 * c + 40 * checks) % 256).astype(np.uint8)


def _poses(arrays: Arrays, _description: dict[str, Any]) -> Arrays:
    pose = arrays["pose_enc"][0]
    made: Arrays = {}
    for name, size in _matching(arrays, r"pose_K_(\d+)x(\d+)"):
        cameras = camera.decode_pose(pose, *map(int, size))
        made[name] = cameras.intrinsics[None]
        made["pose_w2c"], made["pose_c2w"] = cameras.extrinsics[None], camera.invert(cameras.extrinsics)[None]
    return made


def _rays(arrays: Arrays, description: dict[str, Any]) -> Arrays:
    """The released tool's cameras against its own; ours against the true ones where those are recorded."""
    size = description["raypose"]["H"], description["raypose"]["W"]
    made: Arrays = {}
    for ray_name, (case,) in _matching(arrays, r"ray_([a-z]+)_ray"):
        rays, confidence = arrays[ray_name], arrays[f"ray_{case}_conf"]
        samples = arrays.get(f"ray_{case}_sample_idx")
        released = cameras_from_rays(rays, confidence, *size, PoseOptions(off_centre=False, samples=samples))
        made[f"ray_{case}_w2c"], made[f"ray_{case}_K"] = released.extrinsics, released.intrinsics
        corrected = cameras_from_rays(rays, confidence, *size, PoseOptions(samples=samples))
        made[f"ray_{case}_c2w_true"] = camera.invert(corrected.extrinsics)
        made[f"ray_{case}_K_true"] = corrected.intrinsics
    return made


def _space(arrays: Arrays, _description: dict[str, Any]) -> Arrays:
    depth, k = arrays["unproj_depth"], arrays["unproj_K"]
    points = camera.unproject(depth, k)
    return {
        "unproj_cam": points,
        "unproj_world": camera.to_world(points, arrays["unproj_w2c"]),
        "unproj_valid": camera.usable(depth),
        "normals": camera.normals(camera.unproject(arrays["normals_depth"], k)),
    }


def _tracks(arrays: Arrays, _description: dict[str, Any]) -> Arrays:
    first = arrays["track_canonical0"]
    count, neighbours = arrays["track_nn_idx0"].shape
    chosen, hues = colours.choose_seeds(len(first), count), colours.palette(count)
    ranges = colours.canonical_ranges(first)
    made: Arrays = {"track_seed_idx": chosen, "track_palette": hues, "canon_ranges": ranges}
    made["canon_rgb"] = colours.canonical_colours(first, ranges)
    for name, (frame,) in _matching(arrays, r"track_canonical(\d+)"):
        matches = colours.match_seeds(first[chosen], arrays[name], neighbours)
        made[f"track_nn_idx{frame}"], made[f"track_nn_dist{frame}"] = matches.index, matches.distance
        made[f"track_colors{frame}"] = matches.colours(len(arrays[name]), TRACK_LIMIT, hues)
        seen, nearest = matches.overlay(TRACK_LIMIT)
        made[f"track_overlay_pix{frame}"] = np.stack(np.divmod(nearest, TRACK_ROW), axis=1)
        made[f"track_overlay_col{frame}"] = hues[seen]
    return made


def _masks(arrays: Arrays, _description: dict[str, Any]) -> Arrays:
    sizes = _matching(arrays, r"mask_fg_(\d+)x(\d+)")
    return {name: colours.foreground(arrays["mask_in"], *map(int, size)) for name, size in sizes}


def _units(arrays: Arrays, _description: dict[str, Any]) -> Arrays:
    made: Arrays = {}
    for name, groups in _matching(arrays, r"uv_(\d+)_(\d+)x(\d+)"):
        channels, height, width = map(int, groups)
        made[name] = uv_embedding(channels, height, width, width / height).numpy()
    table = generated(TABLE_NAME, (1, 1 + TABLE_SIDE**2, TABLE_DIM), TABLE_SEED).astype(np.float32)
    for name, size in _matching(arrays, r"posembed_(\d+)x(\d+)"):
        made[name] = resize_position_table(torch.from_numpy(table), TABLE_SIDE, *map(int, size)).numpy()
    positions, x = torch.from_numpy(arrays["rope_pos"][0]), torch.from_numpy(arrays["rope_in"])
    return made | {"rope_out": Rotary.at(positions, x.shape[-1], ROTARY_BASE).turn(x).numpy()}


def _references(arrays: Arrays, _description: dict[str, Any]) -> Arrays:
    made: Arrays = {}
    for name, (views,) in _matching(arrays, r"ref_in_(\d+)"):
        tokens = arrays[name]  # (1, N, T, D)
        order = reference_first(torch.from_numpy(tokens[0, :, 0])).numpy()
        made[f"ref_idx_{views}"], made[f"ref_reordered_{views}"] = order[:1], tokens[:, order]
    return made
