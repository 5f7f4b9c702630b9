"""The eye network's training: truth in its pictures, exact second looks, a loss that falls."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

import torch

from faceanything_addon.model.closeup import HEIGHT, SIDE, WIDTH, EyePoints
from faceanything_addon.model.closeup_region import BROWS, MOUTH, Region
from faceanything_addon.solve.gaze import camera_toward
from faceanything_addon.template import load_template
from training import closeup
from training.closeup_network import NearNetwork, eye_loss
from training.closeup_tasks import Task, brows_task, eye_task, mouth_task

TEMPLATE = load_template()
EYES = eye_task(TEMPLATE)
needs_heads = pytest.mark.skipif("FACE_DATA" not in os.environ, reason="FACE_DATA names no folder of head models")


def network() -> NearNetwork:
    torch.manual_seed(0)
    return EYES.network(EYES.config, EYES.middle)


def test_the_network_starts_at_the_usual_places_looking_at_the_camera() -> None:
    out = network().eval()(torch.full((1, 3, HEIGHT, WIDTH), 0.45))
    assert (out["points"][0] - EYES.middle).norm(dim=-1).mean() < 20
    assert out["gaze"][0, 2] < -0.5
    places = EYES.middle
    assert places.min() > 0 and places[:, 0].max() < WIDTH and places[:, 1].max() < HEIGHT


def test_pairs_across_the_opening_lie_above_each_other() -> None:
    places, gaps = EYES.middle, EYES.gaps
    assert len(gaps) >= 2
    upper, lower = places[gaps[:, 0]], places[gaps[:, 1]]
    assert (upper[:, 1] < lower[:, 1]).all()


def test_second_looks_learn_from_the_training_split_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(closeup, "Source", lambda generator, workers, seed: asked.append(seed))
    for seed in (1, 39):
        closeup.Trainer(closeup.Options(run=tmp_path, seed=seed))
    assert asked == [1, 39]  # what `source.Source` makes of them is its own test


def test_points_move_with_the_picture_when_it_is_varied() -> None:
    """A bright dot stays under its point."""
    image = torch.zeros(8, 3, HEIGHT, WIDTH)
    image[:, :, 30:32, 40:42] = 1
    batch = {"image": image, "points": torch.full((8, 1, 2), 0.0) + torch.tensor([40.5, 30.5])}
    out = closeup.vary(batch, torch.Generator().manual_seed(1))
    grey = (out["image"].mean(1) - out["image"].mean(1).amin((1, 2), keepdim=True)) ** 4
    y, x = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    place = torch.stack([(grey * a).sum((1, 2)) / grey.sum((1, 2)) for a in (x, y)], dim=-1)
    assert (place - out["points"][:, 0]).abs().max() < 0.5


def test_what_shows_between_lips_moves_with_the_picture_and_is_unknown_beyond_it() -> None:
    task = mouth_task(TEMPLATE)
    height, width = task.config.height, task.config.width
    image, inside = torch.zeros(8, 3, height, width), torch.zeros(8, height, width, dtype=torch.uint8)
    inside[:, 50:60, 40:60] = 2
    image[:, :, 50:60, 40:60] = 1
    points = torch.zeros(8, 1, 2)
    out = closeup.vary({"image": image, "points": points, "inside": inside}, torch.Generator().manual_seed(1))
    grey = out["image"].mean(1)
    bright = grey > (grey.amin((1, 2), keepdim=True) + grey.amax((1, 2), keepdim=True)) / 2
    assert (bright == (out["inside"] == 2)).float().mean() > 0.99 and set(out["inside"].unique().tolist()) == {-1, 0, 2}


def test_only_the_map_learns_when_it_alone_is_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closeup, "Source", lambda generator, workers, seed: None)
    options = closeup.Options(run=tmp_path, task="mouth", only="map", steps=10, threads=1)
    trainer = closeup.Trainer(options)
    task, rng = trainer.task, np.random.default_rng(0)
    size = (2, task.config.height, task.config.width)
    trainer.replay.arrays = {
        "image": rng.integers(0, 256, (*size, 3), dtype=np.uint8),
        "points": np.tile(task.middle.numpy(), (2, 1, 1)),
        "arkit": np.zeros((2, task.config.extra), np.float32),
        "inside": rng.integers(0, 4, size, dtype=np.uint8),
    }
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    trainer.step(np.arange(2))
    changed = {name for name, value in trainer.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith("map.") for name in changed)


def test_the_loss_falls_on_pictures_that_tell() -> None:
    """Gaze written into the picture's brightness is learnt."""
    torch.manual_seed(1)
    net, gaps = network(), EYES.gaps
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    losses = []
    for _ in range(25):
        yaw = torch.rand(16) - 0.5
        gaze = torch.stack([yaw.sin(), torch.zeros(16), -yaw.cos()], dim=-1)
        image = (0.5 + yaw)[:, None, None, None].expand(16, 3, HEIGHT, WIDTH)
        batch = {"points": EYES.middle.expand(16, -1, 2), "gaze": gaze}
        loss, terms = eye_loss(net(image), batch, gaps)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(terms["gaze"]))
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.05


@needs_heads
def test_an_eye_that_looks_at_the_camera_has_gaze_straight_ahead_wherever_it_lies() -> None:
    """Truth is told in the axes of a camera turned to the eye; points are inside of the picture; seeds repeat."""
    from training.generator.assets import load_assets
    from training.generator.closeup import JITTER, draw_near_view, eye_truth, render_batch
    from training.generator.render import draw_actors

    assets = load_assets(Path(os.environ["FACE_DATA"]))
    rng = np.random.default_rng(3)
    actor = draw_actors(rng, assets, 1)[0]
    rows = TEMPLATE.points[EyePoints.of(TEMPLATE).rows[0]]
    for _ in range(5):
        view = draw_near_view(rng, actor.vertices[rows], WIDTH, SIDE, JITTER)
        center = view.camera(actor.vertices[assets.template.part == 2].mean(axis=0, keepdims=True))[0].astype(float)
        actor.gaze[0] = view.pose[:3, :3].T @ (-center / np.linalg.norm(center))
        assert np.allclose(eye_truth(assets, actor, view, rows, 0)["gaze"], (0, 0, -1), atol=1e-5)
        assert np.allclose(camera_toward(center) @ (0, 0, 1), center / np.linalg.norm(center))
    one, two = render_batch(9, 3, assets), render_batch(9, 3, assets)
    assert all(np.array_equal(one[k], two[k]) for k in one)
    assert one["image"].shape == (3, HEIGHT, WIDTH, 3)
    assert np.allclose(one["points"].mean(axis=1), (WIDTH / 2, HEIGHT / 2), atol=20)


@pytest.mark.parametrize("task", [mouth_task(TEMPLATE), brows_task(TEMPLATE)], ids=lambda task: task.name)
def test_a_region_mirrored_twice_is_itself_and_mirrored_once_swaps_sides(task: Task) -> None:
    assert task.swap is not None
    count, names = len(task.middle), int(task.config.extra)
    rng = torch.Generator().manual_seed(0)
    batch = {
        "image": torch.rand(2, 3, task.config.height, task.config.width, generator=rng),
        "points": task.middle.expand(2, count, 2),
        "arkit": torch.rand(2, names, generator=rng),
    }
    if "inside" in task.fields:
        batch["inside"] = torch.randint(0, 4, (2, task.config.height, task.config.width), generator=rng)
    once = task.mirrored(batch)
    assert (once["points"] - batch["points"]).abs().max() < 0.5, "the mean face is its own mirror image"
    assert not torch.equal(once["arkit"], batch["arkit"])
    assert all(torch.allclose(task.mirrored(once)[k], batch[k], atol=1e-4) for k in batch)
    loss, terms = task.loss(task.network(task.config, task.middle)(batch["image"]), batch, task.gaps)
    assert torch.isfinite(loss) and all(torch.isfinite(term) for term in terms.values())


def test_another_tasks_network_lends_its_body() -> None:
    mouth, brows = mouth_task(TEMPLATE), brows_task(TEMPLATE)
    one, other = mouth.network(mouth.config, mouth.middle), brows.network(brows.config, brows.middle)
    closeup.begin_from(other, one.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(one.body.parameters(), other.body.parameters(), strict=True))
    assert torch.equal(other.middle, brows.middle)


@needs_heads
def test_mouths_tell_upper_teeth_above_lower_ones() -> None:
    from training.generator.assets import load_assets
    from training.generator.closeup_mouth import render_batch

    data = render_batch(5, 24, load_assets(Path(os.environ["FACE_DATA"])))
    assert data["inside"].shape == data["image"].shape[:3] and set(np.unique(data["inside"])) == {0, 1, 2, 3}
    rows = np.arange(data["inside"].shape[1])[:, None]
    for inside in data["inside"]:
        upper, lower = ((inside == kind) for kind in (1, 2))
        if min(upper.sum(), lower.sum()) > 20:
            assert (rows * upper).sum() / upper.sum() < (rows * lower).sum() / lower.sum()


@needs_heads
@pytest.mark.parametrize("region", [MOUTH, BROWS], ids=lambda region: region.name)
def test_region_pictures_repeat_and_hold_the_region(region: Region) -> None:
    from training.generator.assets import load_assets
    from training.generator.closeup_region import render_regions

    assets = load_assets(Path(os.environ["FACE_DATA"]))
    one, two = render_regions(region, 4, 3, assets), render_regions(region, 4, 3, assets)
    assert all(np.array_equal(one[k], two[k]) for k in one)
    assert one["image"].shape == (3, region.height, region.width, 3)
    middle = (region.width / 2, region.height / 2)
    assert np.allclose(one["points"].mean(axis=1), middle, atol=20) and one["arkit"].max() <= 1
