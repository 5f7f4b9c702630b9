"""The full-size network: shapes, symmetries, closed forms."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from support.full_size import TOY, toy_network

from faceanything_addon.model.full.backbone import reference_first
from faceanything_addon.model.full.config import GIANT, SMALL, from_json, to_json
from faceanything_addon.model.full.convert import product_tensors
from faceanything_addon.model.full.network import NetworkOutput, empty_network, released_name
from faceanything_addon.model.full.positions import (
    Rotary,
    global_positions,
    local_positions,
    resize_position_table,
    uv_embedding,
)

REFERENCE = os.environ.get("FACE_REFERENCE")


def pictures(views: int, height: int = 42, width: int = 56) -> torch.Tensor:
    return torch.randn(views, 3, height, width, generator=torch.Generator().manual_seed(views))


def run(images: torch.Tensor, **options) -> NetworkOutput:
    with torch.inference_mode():
        return toy_network()(images, **options)


def differs(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / b.std())


@pytest.mark.parametrize("views", [1, 2, 3])
@pytest.mark.parametrize("config", [TOY, replace(TOY, swiglu=False)], ids=["swiglu", "mlp"])
def test_maps_have_the_pictures_size_and_rays_eight_cells_a_patch(views, config) -> None:
    with torch.inference_mode():
        out = toy_network(config)(pictures(views))
    for values in (out.depth, out.depth_confidence, out.canonical_confidence):
        assert values.shape == (views, 42, 56)
    assert out.canonical.shape == (views, 42, 56, 3)
    assert out.rays.shape == (views, 24, 32, 6) and out.ray_confidence.shape == (views, 24, 32)
    assert out.pose.shape == (views, 9)
    for confidence in (out.depth_confidence, out.ray_confidence, out.canonical_confidence):
        assert bool((confidence >= 1).all())
    assert bool((out.depth > 0).all()) and bool((out.pose[:, 7:] >= 0).all())


def test_the_order_of_three_views_does_not_matter() -> None:
    images, order = pictures(3), torch.tensor([2, 0, 1])
    plain, shuffled = run(images), run(images[order])
    for name in ("depth", "rays", "canonical", "pose"):
        assert differs(getattr(shuffled, name), getattr(plain, name)[order]) < 1e-3


def test_the_first_of_two_views_is_the_reference() -> None:
    images = pictures(2)
    assert differs(run(images.flip(0)).pose, run(images).pose.flip(0)) > 0.01


def test_views_at_once_in_the_heads_do_not_matter() -> None:
    one, three = run(pictures(3)), run(pictures(3), views_at_once=2)
    assert differs(three.depth, one.depth) < 1e-4 and differs(three.canonical, one.canonical) < 1e-4


@pytest.mark.parametrize("shape", [(1, 3, 43, 56), (1, 3, 42, 50), (1, 3, 0, 56)])
def test_sides_that_14_does_not_divide_are_refused(shape) -> None:
    with pytest.raises(ValueError, match="14 divides"):
        run(torch.zeros(shape))


def test_bfloat16_products_keep_the_stream_in_float32() -> None:
    network, images = toy_network(), pictures(2)
    halved = product_tensors(network.backbone, "")
    for name, parameter in network.backbone.named_parameters():
        if name in halved:
            parameter.data = parameter.data.bfloat16()
    with torch.inference_mode():
        out = network(images)
    assert out.canonical.dtype == torch.float32
    assert 0 < differs(out.canonical, run(images).canonical) < 0.3


def test_the_released_network_has_the_known_number_of_parameters() -> None:
    network = empty_network(GIANT)
    assert sum(p.numel() for p in network.parameters()) == 1_236_508_630
    assert [i for i in range(40) if GIANT.is_global(i)] == list(range(13, 40, 2))


@pytest.mark.parametrize("config", [GIANT, SMALL, TOY])
def test_a_configuration_survives_json(config) -> None:
    assert from_json(json.loads(json.dumps(to_json(config)))) == config


@pytest.mark.skipif(not REFERENCE, reason="FACE_REFERENCE names no folder of fixtures")
def test_tensors_are_those_of_the_released_checkpoint() -> None:
    listed = json.loads((Path(str(REFERENCE)) / "faceanything_state_dict.json").read_text())["tensors"]
    needed = {t["key"]: tuple(t["shape"]) for t in listed if t["needed"]}
    ours = {released_name(name): tuple(t.shape) for name, t in empty_network(GIANT).state_dict().items()}
    shared = set(needed) - set(ours)
    assert ours.items() <= needed.items()
    assert shared == {f"model.head.scratch.output_conv2_aux.0.2.{kind}" for kind in ("weight", "bias")}


def test_rotary_attention_depends_on_the_difference_of_positions_only() -> None:
    q, k = torch.randn(2, 1, 64, generator=torch.Generator().manual_seed(0))

    def product(a: tuple[int, int], b: tuple[int, int]) -> float:
        turned = [Rotary.at(torch.tensor([p]), 64, 100.0).turn(x) for p, x in ((a, q), (b, k))]
        return float((turned[0] * turned[1]).sum())

    assert product((3, 5), (1, 9)) == pytest.approx(product((13, 5), (11, 9)), abs=1e-4)
    assert product((3, 5), (1, 9)) == pytest.approx(product((3, 2), (1, 6)), abs=1e-4)
    assert product((3, 5), (1, 9)) != pytest.approx(product((5, 3), (9, 1)), abs=1e-2)


def test_positions_start_at_one_and_are_all_alike_over_views() -> None:
    assert local_positions(2, 3).tolist() == [[0, 0], [1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]]
    assert global_positions(2, 1, 2).tolist() == [[0, 0], [1, 1], [1, 1]] * 2


def test_the_position_table_is_untouched_on_its_own_grid_and_smooth_on_others() -> None:
    table = torch.randn(1, 1 + 37 * 37, 4, generator=torch.Generator().manual_seed(0))
    assert resize_position_table(table, 37, 37, 37) is table
    flat = torch.full_like(table, 2.5)
    assert torch.allclose(resize_position_table(flat, 37, 36, 20), torch.full((1, 721, 4), 2.5), atol=1e-5)
    assert torch.equal(resize_position_table(table, 37, 5, 4)[:, 0], table[:, 0])


def test_picture_coordinates_mirror_about_the_middle() -> None:
    embedding = uv_embedding(16, 6, 9, 1.5) * 10
    sin_u, cos_u, sin_v, cos_v = embedding.split(4)
    assert torch.allclose(sin_u.flip(2), -sin_u, atol=1e-6) and torch.allclose(cos_u.flip(2), cos_u, atol=1e-6)
    assert torch.allclose(sin_v.flip(1), -sin_v, atol=1e-6) and torch.allclose(cos_v.flip(1), cos_v, atol=1e-6)
    reach = 1.5 / np.hypot(1.5, 1) * 8 / 9  # centre of the last column
    assert float(sin_u[0, 0, -1]) == pytest.approx(np.sin(reach), abs=1e-6)


def test_the_view_between_the_others_becomes_the_reference() -> None:
    across, slope = torch.zeros(64), torch.linspace(-1, 1, 64)
    across[::2] = 1
    views = torch.stack([across + t * slope for t in (-2.0, 0.1, 0.5, 2.2)]) * torch.tensor([[1.0], [2], [1.4], [3]])
    order = reference_first(views).tolist()
    assert sorted(order) == [0, 1, 2, 3] and order[1:] == sorted(order[1:])
    shuffled = reference_first(views[[3, 1, 0, 2]]).tolist()
    assert [3, 1, 0, 2][shuffled[0]] == order[0]


def test_the_command_line_and_the_room_load_no_torch() -> None:
    code = "import sys, faceanything_addon.cli, faceanything_addon.model.full, faceanything_addon.model.full.parity\n"
    code += "sys.exit('torch' in sys.modules or 'safetensors' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
