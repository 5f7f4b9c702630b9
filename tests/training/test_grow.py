"""Networks that grow."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from training.grow import grown
from training.network import Config, FaceNetwork, parameter_count

SMALL = Config(size=32, points=10, stem=(4, 8, 8), width=12, blocks=2, heads=1, mixes=1, looks=2)


def trained(config: Config) -> FaceNetwork:
    """A network whose every weight is away from where it starts."""
    torch.manual_seed(1)
    network = FaceNetwork(config)
    with torch.no_grad():
        for value in network.parameters():
            value += 0.1 * torch.randn_like(value)
    return network.eval()


def larger_one(small: FaceNetwork, larger: Config) -> FaceNetwork:
    network = FaceNetwork(larger)
    network.load_state_dict(grown(small.config, small.state_dict(), larger))
    return network.eval()


@pytest.mark.parametrize("blocks, mixes", [(3, 1), (5, 1), (2, 3), (3, 2)])
def test_a_grown_network_answers_as_before(blocks: int, mixes: int) -> None:
    small = trained(SMALL)
    large = larger_one(small, replace(SMALL, blocks=blocks, mixes=mixes))
    assert parameter_count(large) > parameter_count(small)
    image = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        before, after = small(image), large(image)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, msg=lambda text, name=name: f"{name}: {text}")


def test_what_was_added_learns_at_once() -> None:
    large = larger_one(trained(SMALL), replace(SMALL, blocks=3, mixes=2)).train()
    out = large(torch.rand(4, 3, 32, 32))
    torch.stack([value.square().mean() for value in out.values()]).sum().backward()
    block, mix = large.blocks[1], large.decoder.more8[0].two[1]
    assert isinstance(block.out, nn.Linear) and not block.out.weight.any() and not block.down.weight.any()
    assert block.out.weight.grad.abs().max() > 0 and block.down.weight.grad.abs().max() > 0
    assert not mix.weight.any() and mix.weight.grad.abs().max() > 0


@pytest.mark.parametrize("change", [{"blocks": 1}, {"mixes": 0}, {"width": 24}])
def test_a_network_does_not_grow_smaller_or_in_width(change: dict[str, int]) -> None:
    with pytest.raises(SystemExit, match="no fewer|only the numbers"):
        grown(SMALL, trained(SMALL).state_dict(), replace(SMALL, **change))
