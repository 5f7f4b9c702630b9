"""The full-size network on frames: geometry, memory, progress, and the command line's errors."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch
from support.full_size import TOY, camera_rays, released_state, toy_network, turn
from support.video import write_video

from faceanything_addon import cli
from faceanything_addon.errors import UserError
from faceanything_addon.footage import open_footage
from faceanything_addon.jobs import predictors
from faceanything_addon.model.full import capacity, convert
from faceanything_addon.model.full.backbone import attend
from faceanything_addon.model.full.config import GIANT
from faceanything_addon.model.full.heads import with_uv
from faceanything_addon.model.full.network import FaceNetwork, NetworkOutput
from faceanything_addon.model.full.positions import uv_embedding
from faceanything_addon.model.full.predictor import FullPredictor, focal_lengths, to_frame
from faceanything_addon.model.full.preprocess import NetworkInput, plan_fit, preprocess
from faceanything_addon.model.full.weights import inspect_weights

DEMO = Path(__file__).parents[3] / "demo" / "clip.mp4"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.save({"model": released_state(toy_network())}, folder / "toy.pt")
    convert.convert(folder / "toy.pt", folder / "toy.safetensors", config=TOY, say=lambda _: None)
    return folder / "toy.safetensors"


def pictures(count: int, height: int = 90, width: int = 160) -> list[np.ndarray]:
    random = np.random.default_rng(count)
    return [random.integers(0, 255, (height, width, 3), np.uint8) for _ in range(count)]


def test_map_pixels_lie_where_they_were_taken_from():
    given = preprocess(pictures(1))  # 160 x 90 -> 504 x 280
    corners = np.array([[-0.5, -0.5, 1], [503.5, 279.5, 1]]) @ to_frame(given.matrices[0]).T
    assert np.allclose(corners, [[-0.5, -0.5], [159.5, 89.5]])


def test_one_picture_gives_maps_of_its_own_and_a_focal_length(weights):
    one = FullPredictor(weights).predict(pictures(1))[0]
    assert one.maps.canonical.shape == (280, 504, 3) and one.maps.depth.shape == (280, 504)
    assert (one.maps.weight >= 1).all() and (one.maps.depth > 0).all()
    assert np.isnan(one.focal) or one.focal > 0


def test_pictures_of_a_call_see_each_other(weights):
    predictor, images = FullPredictor(weights), pictures(2)
    alone, together = predictor.predict(images[:1])[0], predictor.predict(images)[0]
    assert not np.allclose(alone.maps.depth, together.maps.depth, rtol=1e-3)


def test_the_focal_length_is_in_frame_pixels_though_the_picture_was_stretched():
    size, fit = (280, 504), plan_fit(1000, 570)
    matrix = fit.matrix()
    k = matrix @ np.array([[900.0, 0, 500], [0, 900, 285], [0, 0, 1]])
    rays = camera_rays(turn(5, 3, 0), np.zeros(3), k, (160, 288), size)
    full = torch.zeros(1, *size)
    out = NetworkOutput(
        full, full, torch.from_numpy(rays[None]), torch.full((1, 160, 288), 2.0), full[..., None], full, full
    )
    given = NetworkInput(np.zeros((1, 3, *size), np.float32), matrix[None])
    assert focal_lengths(out, given)[0] == pytest.approx(900, rel=1e-3)


def test_progress_rises_and_can_stop_a_call(weights):
    told: list[float] = []
    predictor = FullPredictor(weights)
    predictor.predict(pictures(2), told.append)
    assert told == sorted(told) and told[0] == 0 and 0.8 < told[-1] < 1 and len(told) == TOY.depth + 2
    told.clear()

    def stop(share: float) -> None:
        told.append(share)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        predictor.predict(pictures(1), stop)
    predictor.predict(pictures(1))
    assert len(told) == 1


class Small:
    """A device that holds so many pictures a call; there is none here to fill."""

    def __init__(self, views: int, words: str) -> None:
        self.views, self.words = views, words

    def __call__(self, network: FaceNetwork, images: torch.Tensor) -> NetworkOutput:
        if len(images) > self.views:
            raise torch.OutOfMemoryError(self.words) if "CUDA" in self.words else RuntimeError(self.words)
        return FaceNetwork.forward(network, images)


@pytest.mark.parametrize(
    "words", ["CUDA out of memory. Tried", "MPS backend out of memory", "DefaultCPUAllocator: can't allocate memory"]
)
def test_too_little_memory_is_one_line_that_says_what_would_fit(weights, monkeypatch, words):
    predictor = FullPredictor(weights)
    small = Small(3, words)
    monkeypatch.setattr(predictor.network, "forward", lambda images: small(predictor.network, images))
    with pytest.raises(UserError, match="not enough for 8 frames a window; --window 4 would fit"):
        predictor.predict(pictures(8, 20, 30))
    small.views = 1
    with pytest.raises(UserError, match="--mode one-by-one would fit"):
        predictor.predict(pictures(3, 20, 30))
    small.views = 0
    with pytest.raises(UserError, match="not enough for one frame"):
        predictor.predict(pictures(1, 20, 30))


def test_other_errors_of_the_network_are_not_taken_for_memory(weights, monkeypatch):
    predictor = FullPredictor(weights)
    monkeypatch.setattr(predictor.network, "forward", lambda images: Small(0, "a defect")(predictor.network, images))
    with pytest.raises(RuntimeError, match="a defect"):
        predictor.predict(pictures(1, 20, 30))


def test_windows_grow_with_the_memory_that_is_free():
    fits = [capacity.views_that_fit(GIANT, 504, 504, 2, int(free * 1e9)) for free in (0, 1, 2, 8, 24, 80)]
    assert fits == sorted(fits) and fits[0] == 0 and 4 <= fits[2] <= 10 and fits[-1] > 200
    assert capacity.views_that_fit(GIANT, 504, 504, 4, int(8e9)) < fits[3]
    assert capacity.views_that_fit(GIANT, 280, 504, 2, int(8e9)) > fits[3]


def test_a_window_is_chosen_from_the_memory_and_never_too_small(weights, monkeypatch):
    footage = open_footage(DEMO)
    options = predictors.FullOptions(str(weights), "cpu")
    monkeypatch.setattr(capacity, "free_bytes", lambda device: 10**13)
    assert predictors.plan_full(options, footage).window == predictors.MOST_FRAMES
    assert predictors.plan_full(options, footage, {"window": 5}).window == 5
    monkeypatch.setattr(capacity, "free_bytes", lambda device: 10**6)
    with pytest.raises(UserError, match="--mode one-by-one"):
        predictors.plan_full(options, footage)
    assert predictors.plan_full(predictors.FullOptions(str(weights), "cpu", "one-by-one"), footage).window == 1
    monkeypatch.setattr(capacity, "free_bytes", lambda device: None)
    with pytest.raises(UserError, match="--window 8"):
        predictors.plan_full(options, footage)


def test_this_machine_tells_its_free_memory():
    free = capacity.free_main_memory()
    assert free is not None and free > 10**7


def test_weights_are_told_apart_without_loading_them(weights, tmp_path):
    other = tmp_path / "other.safetensors"
    data = bytearray(weights.read_bytes())
    data[-5] ^= 1
    other.write_bytes(data)
    one, two = inspect_weights(weights), inspect_weights(other)
    assert one.mark != two.mark and one == inspect_weights(weights) and one.product_bytes == 4


def test_attention_in_parts_is_the_same():
    q, k, v = (torch.randn(2, 3, 50, 8, generator=torch.Generator().manual_seed(n)) for n in range(3))
    for limit in (1, 5000, 10**9):
        assert torch.allclose(attend(q, k, v, limit), attend(q, k, v), atol=1e-6)


def test_places_of_pixels_are_added_as_the_embedding_has_them():
    x = torch.randn(2, 16, 6, 9)
    assert torch.equal(with_uv(x.clone(), 1.5), x + uv_embedding(16, 6, 9, 1.5))


def command(capsys, *arguments: object) -> tuple[int, str]:
    code = cli.main(["reconstruct", *map(str, arguments)])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("missing", "o such file"),
        ("cut", "cannot be loaded"),
        ("empty", "cannot be loaded"),
        ("video", "cannot be loaded"),
        ("foreign", "holds no face network"),
        ("pt", "is the released checkpoint"),
        ("hole", "is missing"),
    ],
)
def test_a_bad_file_of_weights_is_one_line_and_writes_nothing(tmp_path, weights, capsys, damage, words):
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    file, data = tmp_path / ("w.pt" if damage == "pt" else "w.safetensors"), weights.read_bytes()
    content = {"cut": data[: len(data) // 2], "empty": b"", "video": DEMO.read_bytes(), "pt": data}
    if damage in content:
        file.write_bytes(content[damage])
    elif damage in ("foreign", "hole"):
        tensors = load_file(weights)
        del tensors["model.head.norm.bias"]
        with safe_open(weights, "pt") as opened:
            save_file(tensors, file, opened.metadata() if damage == "hole" else None)
    code, err = command(capsys, DEMO, "--out", tmp_path / "t", "--predictor", "full", "--checkpoint", file)
    assert code == 2 and words in err and str(file) in err and err.count("\n") == 1
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--window", "1"], "--mode one-by-one"),
        (["--device", "mps"], "give"),
        (["--masks", "/nowhere"], "masks"),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(tmp_path, weights, capsys, options, words):
    if torch.backends.mps.is_available():
        pytest.skip("a machine with Metal has no missing device to ask for")
    full = ["--predictor", "full", "--checkpoint", weights, *options]
    code, err = command(capsys, DEMO, "--out", tmp_path / "t", *full)
    assert code == 2 and words in err and err.count("\n") == 1 and not (tmp_path / "t").exists()


def test_without_weights_or_torch_the_line_says_what_is_needed(tmp_path, weights, capsys, monkeypatch):
    code, err = command(capsys, DEMO, "--out", tmp_path / "t", "--predictor", "full")
    assert code == 2 and "--checkpoint" in err
    monkeypatch.setitem(sys.modules, "torch", None)
    code, err = command(capsys, DEMO, "--out", tmp_path / "t", "--predictor", "full", "--checkpoint", weights)
    assert code == 2 and "faceanything[full]" in err and err.count("\n") == 1 and not (tmp_path / "t").exists()


def test_pictures_of_mixed_sizes_and_too_narrow_ones_are_told(tmp_path, weights, capsys):
    import cv2

    options = ["--predictor", "full", "--checkpoint", weights, "--device", "cpu", "--mode", "one-by-one"]
    folder = tmp_path / "mixed"
    folder.mkdir()
    cv2.imwrite(str(folder / "1.png"), np.zeros((48, 64, 3), np.uint8))
    cv2.imwrite(str(folder / "2.png"), np.zeros((50, 64, 3), np.uint8))
    code, err = command(capsys, folder, "--out", tmp_path / "t", *options)
    assert code == 2 and "make all pictures of a sequence one size" in err
    with pytest.raises(UserError, match="too narrow"):
        FullPredictor(weights).predict(pictures(1, 4, 600))


def test_random_weights_make_no_take(tmp_path, weights, capsys):
    """What the network says must fit the face that the embedded one sees."""
    full = ["--predictor", "full", "--checkpoint", weights, "--device", "cpu", "--window", 2]
    code, err = command(capsys, DEMO, "--end", 2, "--out", tmp_path / "t", *full)
    assert code == 2 and "the two networks do not agree on this face" in err and str(DEMO) in err
    assert not (tmp_path / "t").exists()


def test_a_video_without_a_face_is_told(tmp_path, weights, capsys):
    video = write_video(tmp_path / "grey.mp4", 3)
    full = ["--predictor", "full", "--checkpoint", weights, "--device", "cpu", "--window", 2]
    code, err = command(capsys, video, "--out", tmp_path / "t", *full)
    assert code == 2 and "no face was found" in err
