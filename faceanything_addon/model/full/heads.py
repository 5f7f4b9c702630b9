"""The heads: maps from the backbone's taps, after "Vision Transformers for Dense Prediction" (DPT).

Four taps become a pyramid of feature maps at 4, 2, 1 and 1/2 times the grid of patches, fused from coarse to fine.
Attribute names are those of the released checkpoint.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import HeadConfig, NetworkConfig
from .positions import uv_waves

NORM_EPS = 1e-5
OUT_FEATURES = 32  # channels before the last convolution
RAY_OUTPUTS = 7  # direction, origin, confidence
RAY_LEVEL = "3"  # the checkpoint has ray outputs at four levels; only the finest is used


def conv3(inputs: int, outputs: int, bias: bool = True, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=bias)


def upsample(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


def with_uv(x: Tensor, aspect: float) -> Tensor:
    """Features (N, C, h, w) plus each cell's place in the picture; changes x."""
    channels, height, width = x.shape[1:]
    u, v = uv_waves(channels, height, width, aspect, x.device)
    x[:, : channels // 2] += u[:, None, :]
    x[:, channels // 2 :] += v[:, :, None]
    return x


class ResidualUnit(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv1 = conv3(features, features)
        self.conv2 = conv3(features, features)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(F.relu(self.conv1(F.relu(x)), inplace=True)).add_(x)


class Fusion(nn.Module):
    """One step of the chain: the coarser result, joined by its own level unless it is the coarsest."""

    def __init__(self, features: int, coarsest: bool) -> None:
        super().__init__()
        self.resConfUnit1 = None if coarsest else ResidualUnit(features)
        self.resConfUnit2 = ResidualUnit(features)
        self.out_conv = nn.Conv2d(features, features, 1)

    def forward(self, x: Tensor, level: Tensor | None, size: tuple[int, int]) -> Tensor:
        """(N, F, h, w) -> (N, F, *size)"""
        if self.resConfUnit1 is not None and level is not None:
            x = x + self.resConfUnit1(level)
        return self.out_conv(upsample(self.resConfUnit2(x), size))


class Pyramid(nn.Module):
    """Taps to four feature maps, and a chain that fuses them; the base of both heads."""

    def __init__(self, config: NetworkConfig, head: HeadConfig, chains: tuple[str, ...]) -> None:
        super().__init__()
        stages, features = head.stages, head.features
        self.projects = nn.ModuleList(nn.Conv2d(config.tap_dim, c, 1) for c in stages)
        self.resize_layers = nn.ModuleList(
            [
                nn.ConvTranspose2d(stages[0], stages[0], 4, stride=4),
                nn.ConvTranspose2d(stages[1], stages[1], 2, stride=2),
                nn.Identity(),
                conv3(stages[3], stages[3], stride=2),
            ]
        )
        self.scratch = nn.ModuleDict()
        for level, channels in enumerate(stages, 1):
            self.scratch.add_module(f"layer{level}_rn", conv3(channels, features, bias=False))
            for chain in chains:
                self.scratch.add_module(f"refinenet{level}{chain}", Fusion(features, coarsest=level == 4))

    def levels(self, taps: list[Tensor], grid: tuple[int, int], aspect: float | None) -> list[Tensor]:
        """Taps (N, rows * columns, C) -> (N, F, h, w) from fine to coarse; with an aspect, cells know their place."""
        levels = []
        for index, tap in enumerate(taps):
            x = self.projects[index](tap.transpose(1, 2).unflatten(2, grid))  # (N, stage, rows, columns)
            x = x if aspect is None else with_uv(x, aspect)
            levels.append(self.scratch[f"layer{index + 1}_rn"](self.resize_layers[index](x)))
        return levels

    def fuse(self, levels: list[Tensor], chain: str = "") -> Tensor:
        """-> (N, F, 8 rows, 8 columns)"""
        sizes = [(x.shape[2], x.shape[3]) for x in levels]
        targets = [(2 * sizes[0][0], 2 * sizes[0][1]), *sizes[:-1]]
        x = levels[3]
        for level in (4, 3, 2, 1):
            step = self.scratch[f"refinenet{level}{chain}"]
            x = step(x, None if level == 4 else levels[level - 1], targets[level - 1])
        return x


def output_layers(features: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv3(features, OUT_FEATURES), nn.ReLU(), nn.Conv2d(OUT_FEATURES, outputs, 1))


class DepthRayHead(Pyramid):
    """Depth at full size; rays at 8 cells a patch, a bit more than half size."""

    def __init__(self, config: NetworkConfig) -> None:
        head = config.depth_head
        super().__init__(config, head, chains=("", "_aux"))
        features, half = head.features, head.features // 2
        self.norm = nn.LayerNorm(config.tap_dim, eps=NORM_EPS)
        self.scratch["output_conv1"] = conv3(features, half)
        self.scratch["output_conv2"] = output_layers(half, head.outputs)
        # Five convolutions with nothing between them, as released.
        between = [conv3(*pair) for pair in [(features, half), (half, features)] * 2 + [(features, half)]]
        last = {
            "0": conv3(half, OUT_FEATURES),
            "2": nn.LayerNorm(OUT_FEATURES, eps=NORM_EPS),
            "5": nn.Conv2d(OUT_FEATURES, RAY_OUTPUTS, 1),
        }
        self.scratch["output_conv1_aux"] = nn.ModuleDict({RAY_LEVEL: nn.Sequential(*between)})
        self.scratch["output_conv2_aux"] = nn.ModuleDict({RAY_LEVEL: nn.ModuleDict(last)})

    def forward(self, taps: list[Tensor], size: tuple[int, int], patch: int) -> tuple[Tensor, ...]:
        """Taps -> depth (N, H, W), its confidence (N, H, W), rays (N, 8h, 8w, 6), their confidence (N, 8h, 8w).

        A ray is a direction whose camera z is 1, then the camera's centre, both in the world of the reference view.
        Confidences are above 1.
        """
        aspect = size[1] / size[0]
        grid = size[0] // patch, size[1] // patch
        levels = self.levels([self.norm(tap) for tap in taps], grid, aspect)
        depth = self._depth(self.fuse(levels), size, aspect)
        rays = self._rays(self.fuse(levels, "_aux"), aspect)
        return depth[:, 0].exp(), depth[:, 1].exp() + 1, rays[..., :6], rays[..., 6].exp() + 1

    def _depth(self, x: Tensor, size: tuple[int, int], aspect: float) -> Tensor:
        x = with_uv(upsample(self.scratch["output_conv1"](x), size), aspect)
        return self.scratch["output_conv2"](x)  # (N, 2, H, W)

    def _rays(self, x: Tensor, aspect: float) -> Tensor:
        x = with_uv(self.scratch.get_submodule(f"output_conv1_aux.{RAY_LEVEL}")(x), aspect)
        conv, norm, last = (self.scratch.get_submodule(f"output_conv2_aux.{RAY_LEVEL}.{i}") for i in (0, 2, 5))
        x = norm(conv(x).permute(0, 2, 3, 1))  # over channels
        return last(F.relu(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # (N, 8h, 8w, 7)


class CanonicalHead(Pyramid):
    """The canonical coordinate of every pixel."""

    def __init__(self, config: NetworkConfig) -> None:
        head = config.canonical_head
        super().__init__(config, head, chains=("",))
        self.scratch["output_conv1"] = conv3(head.features, head.features // 2)
        self.scratch["output_conv2"] = output_layers(head.features // 2, head.outputs)

    def forward(self, taps: list[Tensor], size: tuple[int, int], patch: int) -> tuple[Tensor, Tensor]:
        """Taps -> coordinates (N, H, W, 3) in the network's own unit, their confidence (N, H, W), above 1."""
        grid = size[0] // patch, size[1] // patch
        x = self.fuse(self.levels(taps, grid, aspect=None))
        x = self.scratch["output_conv2"](upsample(self.scratch["output_conv1"](x), size))  # (N, 4, H, W)
        return x[:, :3].permute(0, 2, 3, 1), x[:, 3].exp() + 1


class CameraDecoder(nn.Module):
    """A camera from a tap's camera token."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        dim = config.tap_dim
        self.backbone = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU())
        self.fc_t = nn.Linear(dim, 3)
        self.fc_qvec = nn.Linear(dim, 4)
        self.fc_fov = nn.Sequential(nn.Linear(dim, 2), nn.ReLU())

    def forward(self, token: Tensor) -> Tensor:
        """(N, C) -> (N, 9): translation, quaternion x y z w, vertical and horizontal field of view in radians"""
        x = self.backbone(token)
        return torch.cat([self.fc_t(x), self.fc_qvec(x), self.fc_fov(x)], dim=-1)
