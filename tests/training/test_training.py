"""The training room on stand-in pictures."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from training.augment import SURFACE, bars, build_mirror, flip, swap_side, warp
from training.checkpoint import save_whole
from training.evaluate import Judge
from training.importance import build_importance
from training.losses import LossWeights, total_loss
from training.muon import orthogonal
from training.network import Config, FaceNetwork
from training.replay import Replay, to_batch
from training.source import Chunk
from training.standin import NAMES, render_batch, standin_template
from training.train import Options, Trainer, inner_weights, learning_rate, make_optimizer, parse

TEMPLATE = standin_template()
SMALL = Config(size=64, points=len(TEMPLATE.points), stem=(8, 16, 32), width=48, blocks=2)
FIELDS = ("image", "canonical", "depth", "part", "points", "arkit", "gaze", "face")


def chunk(n: int, size: int = 64, seed: int = 0) -> Chunk:
    data = render_batch(seed, n, TEMPLATE, size)
    return {name: data[name] for name in FIELDS}


def batch(n: int, size: int = 64) -> dict[str, torch.Tensor]:
    return to_batch(chunk(n, size), torch.device("cpu"))


@pytest.mark.parametrize("size", [192, 256])
def test_shapes_at_two_sizes(size: int) -> None:
    with torch.no_grad():
        out = FaceNetwork(Config(points=100)).eval()(torch.rand(1, 3, size, size))
    half = size // 2
    assert out["canonical"].shape == (1, 3, half, half)
    assert out["part"].shape == (1, 7, half, half)
    assert out["depth"].shape == out["log_sigma"].shape == (1, half, half)
    assert out["points"].shape == (1, 100, 2) and out["gaze"].shape == (1, 2, 3)
    assert out["arkit"].shape == (1, 52) and out["face"].shape == (1,)


def test_learns_eight_pictures() -> None:
    torch.manual_seed(0)
    model, data, importance = FaceNetwork(SMALL), batch(8), build_importance(TEMPLATE)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    losses: list[float] = []
    for _ in range(60):
        loss, _ = total_loss(model(data["image"]), data, importance, LossWeights())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.35 * losses[0], (losses[0], losses[-1])


def test_names_are_apples_and_mirror_in_pairs() -> None:
    assert len(set(NAMES)) == 52
    assert {swap_side(n) for n in NAMES} == set(NAMES)


def test_flip_twice_changes_nothing_and_once_is_true() -> None:
    data, mirror = batch(4), build_mirror(TEMPLATE)
    once = flip(data, mirror)
    twice = flip(once, mirror)
    assert all(torch.allclose(data[k].float(), twice[k].float(), atol=1e-4) for k in data)
    face = data["face"] > 0
    model = np.column_stack([TEMPLATE.vertices, np.ones(len(TEMPLATE.vertices))])
    for points in once["points"][face].numpy():  # still the projection of the unmirrored template
        camera, *_ = np.linalg.lstsq(model, points, rcond=None)
        assert np.abs(model @ camera - points).max() < 0.01


def test_a_shift_by_half_a_map_pixel_gives_coordinates_between_pixels_on_the_face_and_no_mixture_at_its_edge() -> None:
    data, shift = batch(3, 192), torch.full((3, 2), 1 / 96)  # half a map pixel
    moved = warp(data, torch.zeros(3), torch.ones(3), shift)
    faces = torch.nonzero(data["face"])[:, 0]
    assert len(faces)
    for k in faces:
        before, after, was, part = data["canonical"][k], moved["canonical"][k], data["part"][k], moved["part"][k]
        between = (before[:, :-1, :-1] + before[:, 1:, :-1] + before[:, :-1, 1:] + before[:, 1:, 1:]) / 4
        inside = (was[:-1, :-1] > 0) & (was[1:, :-1] > 0) & (was[:-1, 1:] > 0) & (was[1:, 1:] > 0)
        assert (after[:, 1:, 1:] - between).norm(dim=0)[inside].median() < 1e-4
        places, told = before.flatten(1).T[was.flatten() > 0], after.flatten(1).T[part.flatten() > 0]
        assert (torch.cdist(told, places).amin(1) < SURFACE).all()


def test_what_lies_beyond_the_frame_is_black_and_no_face() -> None:
    data = batch(16)
    data["image"], data["part"] = data["image"] + 0.1, torch.ones_like(data["part"])
    out = bars(data, 1.0, torch.Generator().manual_seed(2))
    black = out["image"].amax(1)[:, ::2, ::2] == 0
    assert torch.equal(black, out["part"] == 0)
    rows, columns = black.all(2).any(1), black.all(1).any(1)
    assert rows.any() and columns.any() and not (rows & columns).any()
    assert 0.05 < black.float().mean() < 0.35
    assert torch.equal(bars(data, 0.0, torch.Generator().manual_seed(2))["image"], data["image"])


def test_warp_moves_maps_points_and_gaze_with_the_picture() -> None:
    data = batch(6)
    n = len(data["image"])
    turned = warp(data, torch.full((n,), 0.3), torch.full((n,), 1.1), torch.full((n, 2), 0.05))
    for i in torch.nonzero(data["face"]).flatten().tolist():
        points, size = turned["points"][i].numpy(), 64
        model = np.column_stack([TEMPLATE.vertices, np.ones(len(TEMPLATE.vertices))])
        camera, *_ = np.linalg.lstsq(model, points, rcond=None)
        y, x = torch.nonzero(turned["part"][i], as_tuple=True)
        place = turned["canonical"][i][:, y, x].numpy().T
        there = np.column_stack([place, np.ones(len(place))]) @ camera
        error = np.abs(there - np.stack([x.numpy(), y.numpy()], axis=-1) * 2 - 0.5)
        assert np.median(error) < 1.1 and size == turned["image"].shape[-1]
        direction = np.array([0, 0, 1]) @ camera[:3]
        cosine = direction @ turned["gaze"][i, 0, :2].numpy() / np.linalg.norm(direction)
        assert cosine > 0.99 * np.linalg.norm(turned["gaze"][i, 0, :2].numpy())


def options(run: Path, **changes: object) -> Options:
    base = Options(run, generator="training.standin", size=64, steps=12, batch=8, chunk=32, slots=2, warmup=5)
    return replace(base, generators=1, threads=1, test=8, precision="fp32", **changes)


class DirectSource:
    """Renders in this process: no worker to wait for."""

    def __init__(self, *_: object) -> None:
        pass

    def start(self, number: int, n: int, first_seed: int | None = None) -> Chunk:
        return chunk(n, 64, first_seed or number)

    @staticmethod
    def collect(result: Chunk) -> Chunk:
        return result

    def close(self) -> None:
        pass


@pytest.mark.parametrize("pictures_lost", [False, True])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_resume_goes_on_exactly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pictures_lost: bool, optimizer: str
) -> None:
    monkeypatch.setattr("training.train.Source", DirectSource)
    monkeypatch.setattr("training.train.Config", lambda **k: replace(SMALL, **k))
    whole = Trainer(options(tmp_path / "whole", optimizer=optimizer))
    whole.train()
    first = Trainer(options(tmp_path / "parts", save_minutes=0.0, optimizer=optimizer))
    step = first.step

    def killed(rows: np.ndarray) -> object:
        if first.progress.step == 7:
            raise KeyboardInterrupt
        return step(rows)

    monkeypatch.setattr(first, "step", killed)
    with pytest.raises(KeyboardInterrupt):
        first.train()
    if pictures_lost:
        (tmp_path / "parts" / "replay" / "held.json").unlink()
    second = Trainer(options(tmp_path / "parts", optimizer=optimizer))
    assert second.progress.step == 7
    second.train()
    assert second.losses == whole.losses[7:]


def test_a_run_has_the_sizes_of_the_weights_it_begins_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.train.Source", DirectSource)
    larger = replace(SMALL, blocks=3, mixes=2)
    save_whole(tmp_path / "large.pt", {"config": larger.to_dict(), "average": FaceNetwork(larger).state_dict()})
    first = Trainer(options(tmp_path / "run", init=str(tmp_path / "large.pt")))
    first.began = first.saved = 0.0
    first.save()
    assert first.model.config == larger and Trainer(options(tmp_path / "run")).model.config == larger


def test_muons_updates_have_singular_values_near_one() -> None:
    rng = torch.Generator().manual_seed(3)
    for shape in ((24, 96), (96, 24)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape, generator=rng)).float())
        assert values.min() > 0.5 and values.max() < 1.4


def test_muon_has_all_inner_weights_and_adam_the_rest() -> None:
    model = FaceNetwork(SMALL)
    joined = make_optimizer(model, Options(Path(), optimizer="muon"))
    held = [p for group in joined.param_groups for p in group["params"]]
    assert len(held) == len({id(p) for p in held}) == len(list(model.parameters()))
    inner = {id(p) for p in inner_weights(model)}
    assert {id(p) for p in joined.param_groups[0]["params"]} == inner
    assert id(model.dense.weight) not in inner and id(model.blocks[0].up.weight) in inner


def test_a_term_that_is_left_out_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.train.Source", DirectSource)
    monkeypatch.setattr("training.train.Config", lambda **k: replace(SMALL, **k))
    weights = Trainer(options(tmp_path, without="canonical,gaps")).weights
    assert weights == replace(LossWeights(), canonical=0.0, gaps=0.0)


def test_replay_forgets_what_does_not_fit(tmp_path: Path) -> None:
    replay = Replay(tmp_path, 2, 4)
    for number in range(3):
        replay.put(number, chunk(4, 32, number))
    assert Replay(tmp_path, 2, 4).missing(2) == []
    assert Replay(tmp_path, 2, 4).missing(3) == [3]
    assert Replay(tmp_path, 3, 4).missing(2) == [0, 1, 2]
    again = Replay(tmp_path, 2, 4)
    again.put(3, chunk(4, 64, 3))
    assert again.missing(3) == [2]


def test_rate_rises_holds_and_falls() -> None:
    o = parse(["--run", "x", "--minutes", "10"])
    assert learning_rate(o, 0, 0.0) < learning_rate(o, 1000, 0.5) == o.rate
    assert learning_rate(o, 1000, 1.0) == pytest.approx(0.01 * o.rate)


def test_perfect_answers_score_zero() -> None:
    data = chunk(6, 64)
    truth = to_batch(data, torch.device("cpu"))

    class Oracle(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
            part = torch.nn.functional.one_hot(truth["part"], 7).permute(0, 3, 1, 2).float()
            logits = torch.logit(truth["arkit"].clamp(1e-6, 1 - 1e-6))
            return truth | {"part": part, "arkit": logits, "face": truth["face"] * 2 - 1}

    scores = Judge(TEMPLATE, torch.device("cpu")).score(Oracle(), data)  # pyright: ignore[reportArgumentType]
    assert scores["canonical_mean"] == scores["points"] == scores["depth_mean"] == 0
    assert scores["part_accuracy"] == scores["face_accuracy"] == 1
    assert scores["arkit_mean"] < 1e-4


def test_exported_files_say_the_same_integers_nearly_so(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from faceanything_addon.model.embedded import EmbeddedNetwork
    from training.export import compare, describe, export

    network = FaceNetwork(SMALL)
    pictures = np.random.default_rng(1).integers(0, 256, (8, 64, 64, 3), np.uint8)
    network(torch.rand(4, 3, 64, 64))  # norm statistics that are not the initial ones
    network.eval()
    export(network, tmp_path / "e.onnx", describe(network, TEMPLATE, 0))
    session = EmbeddedNetwork(tmp_path / "e.onnx", threads=1)
    assert session.size == 64 and session.points == len(TEMPLATE.points)
    worst = compare(network, session, pictures, np.max)
    assert worst["canonical"] < 2e-4 and worst["points"] < 0.1 and worst["part"] < 5e-3
    export(network, tmp_path / "i.onnx", describe(network, TEMPLATE, 0), pictures)
    gaps = compare(network, EmbeddedNetwork(tmp_path / "i.onnx", threads=1), pictures)
    assert 0 < gaps["canonical"] < 2e-3 and 0 < gaps["points"] < 0.5 and 0 < gaps["part"] < 0.01
    assert (tmp_path / "i.onnx").stat().st_size < 0.95 * (tmp_path / "e.onnx").stat().st_size
