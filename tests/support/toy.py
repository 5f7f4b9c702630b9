"""Simple real stand-ins for the stages, on a template of 12 vertices: a take made with them is quick and exact."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from faceanything_addon.footage import Frame
from faceanything_addon.jobs.clip import Stages
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.take import Actor, Frames, TakeInfo
from faceanything_addon.template import Template

V = 12


def toy_template() -> Template:
    rng = np.random.default_rng(1)
    vertices = rng.normal(0, 0.05, (V, 3)).astype(np.float32)
    return Template(
        vertices=vertices,
        quads=np.array([[0, 1, 2, 3], [4, 5, 6, 7]], np.int32),
        uvs=np.zeros((V, 2), np.float32),
        uv_quads=np.array([[0, 1, 2, 3], [4, 5, 6, 7]], np.int32),
        part=np.ones(V, np.uint8),
        identity=np.zeros((2, V, 3), np.float32),
        expressions=np.zeros((52, V, 3), np.float32),
        expression_names=tuple(f"shape{i}" for i in range(52)),
        mirror=np.arange(V, dtype=np.int32),
        landmarks_index=np.tile(np.array([0, 1, 2], np.int32), (68, 1)),
        landmarks_weight=np.full((68, 3), 1 / 3, np.float32),
        points=np.arange(4, dtype=np.int32),
        eye_centers=np.zeros((2, 3), np.float32),
        regions={"shoulders": np.zeros(len(vertices), np.float32)},
    )


def toy_info(frames: int = 100) -> TakeInfo:
    return TakeInfo("/clip.mp4", 64, 48, 0, frames, 25.0, "embedded", "toy")


def toy_frames(count: int, neutral: np.ndarray, seed: int = 0) -> Frames:
    rng = np.random.default_rng(seed)
    pose = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
    pose[:, 2, 3] = 0.5
    return Frames(
        vertices=(neutral + rng.normal(0, 0.01, (count, len(neutral), 3))).astype(np.float32),
        head_pose=pose,
        intrinsics=np.tile(np.array([[80, 0, 32], [0, 80, 24], [0, 0, 1]], np.float32), (count, 1, 1)),
        arkit=rng.random((count, 52), np.float32),
        gaze=np.tile(np.array([0, 0, -1], np.float32), (count, 2, 1)),
        confidence=rng.random((count, len(neutral)), np.float32),
        visible=rng.random((count, len(neutral))) > 0.5,
        found=rng.random(count) > 0.1,
        time=np.arange(count) / 25,
    )


class ToyTracker:
    """Remembers: what it says of a frame depends on all frames before it, as the real one's crop does."""

    def __init__(self, pause: float = 0.0) -> None:
        self.memory, self.pause = 0.1, pause

    def next(self, frame: Frame) -> FaceMaps:
        time.sleep(self.pause)
        level = float(frame.image.mean())
        self.memory = 0.9 * self.memory + 0.1 * level / 3
        depth = np.full((2, 2), self.memory, np.float32)
        grid = np.zeros((2, 2, 3), np.float32)
        flat = np.zeros((2, 2), np.float32)
        points = np.full((4, 2), level, np.float32)
        return FaceMaps(level > 30, grid, depth, flat.astype(np.uint8), flat, np.eye(2, 3), points, np.ones(4))

    def begin(self, frame: Frame) -> Callable[[], FaceMaps]:
        maps = self.next(frame)
        return lambda: maps

    def foresee(self, frame: Frame) -> None:
        """Nothing can be begun early."""

    def state(self) -> dict[str, Any]:
        return {"memory": self.memory}

    def restore(self, state: dict[str, Any]) -> None:
        self.memory = state["memory"]


def observe(maps: FaceMaps, template: Template) -> dict[str, np.ndarray]:
    return {"found": np.bool_(maps.found), "depth": maps.depth, "points": maps.points}  # type: ignore[dict-item]


def fit_actor(evidence: dict, template: Template, width: int, height: int, focal: float | None) -> Actor:
    assert evidence["found"].all() and len(evidence["found"]) <= 60
    neutral = template.vertices + evidence["depth"].mean() * 1e-4
    return Actor(neutral.astype(np.float32), np.zeros(2, np.float32), focal or 1.2 * width)


def fit_frames(
    chunks: Callable[[], Iterator[dict]], actor: Actor, template: Template, width: int, height: int, times: np.ndarray
) -> Iterator[Frames]:
    """Two passes, as the real one's: the second needs what the first learned of the whole clip."""
    mean = np.mean([c["depth"].mean() for c in chunks()])
    begin = 0
    for chunk in chunks():
        count = len(chunk["found"])
        frames = toy_frames(count, actor.neutral, seed=begin)
        lift = (chunk["depth"].mean(axis=(1, 2)) - mean).astype(np.float32) * 1e-4
        given = {**vars(frames), "vertices": frames.vertices + lift[:, None, None], "found": chunk["found"]}
        yield Frames(**{**given, "time": times[begin : begin + count]})
        begin += count


def toy_stages(pause: float = 0.0) -> Stages:
    return Stages(toy_template(), lambda template, threads: ToyTracker(pause), observe, fit_actor, fit_frames)
