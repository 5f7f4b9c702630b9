"""The networks of second looks: one picture in, points and a few numbers out, each point with how sure it is.

An eye's numbers are its gaze, a mouth's and the brows' their coefficients. The mouth's has a map too.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from faceanything_addon.model.closeup import HEIGHT, WIDTH
from faceanything_addon.model.maps import Inside

from .losses import tempered_laplace
from .network import MEAN, STD, Residual, conv, double, initialise

PIXELS = 10.0  # raw output 1 is so many pixels
GAPS, GAZE = 2.0, 12.0  # weights of the loss's terms against the points'
COEFFICIENTS = 6.0
INSIDE, INSIDE_PIXELS = 2.0, 500  # a mean over all pixels would be one of skin
KINDS = int(Inside.BEHIND) + 1


@dataclass(frozen=True)
class NearConfig:
    """Sizes of a network."""

    points: int = 46
    extra: int = 4  # numbers beside the points
    width: int = WIDTH
    height: int = HEIGHT
    stem: tuple[int, int, int, int] = (20, 40, 64, 112)  # channels at stride 2, 4, 8, 16
    squeeze: int = 48  # channels that the head reads of each cell
    hidden: int = 256

    def to_dict(self) -> dict:
        """Plain dictionary for checkpoints."""
        return asdict(self)

    @staticmethod
    def from_dict(fields: dict) -> NearConfig:
        """Inverse of `to_dict`."""
        return NearConfig(**{**fields, "stem": tuple(fields["stem"])})


class NearNetwork(nn.Module):
    """RGB (B, 3, height, width) in 0..1 -> points, and raw numbers for the subclasses to read.

    Args:
        middle: (E, 2) pixels: where the points usually are, from which the network tells the way.
    """

    def __init__(self, config: NearConfig, middle: Tensor) -> None:
        super().__init__()
        self.config = config
        c2, c4, c8, c16 = config.stem
        self.body = nn.Sequential(
            nn.Sequential(conv(3, c2, 3, 2), nn.ReLU()),
            nn.Sequential(conv(c2, c4, 3, 2), nn.ReLU(), Residual(c4)),
            nn.Sequential(conv(c4, c8, 3, 2), nn.ReLU(), Residual(c8), Residual(c8)),
            nn.Sequential(conv(c8, c16, 3, 2), nn.ReLU(), Residual(c16), Residual(c16)),
        )
        self.squeeze = nn.Conv2d(c16, config.squeeze, 1)
        cells = (config.width // 16) * (config.height // 16)
        self.hidden = nn.Linear(cells * config.squeeze, config.hidden)
        self.out = nn.Linear(config.hidden, 3 * config.points + config.extra)
        self.apply(initialise)
        self.squeeze.weight.data.mul_(10)  # no head: it must not start near zero
        self.middle: Tensor
        self.register_buffer("middle", middle.float())

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """points (B, E, 2) px, point_log_sigma (B, E) of px, and what `read` makes of the rest."""
        return self.tell(self.body((image - MEAN) / STD))

    def tell(self, features: Tensor) -> dict[str, Tensor]:
        """(B, C, height/16, width/16) -> the same."""
        x = F.relu(self.squeeze(features))
        out = self.out(F.gelu(self.hidden(x.flatten(1)))).float()
        points = out[:, : -self.config.extra].unflatten(1, (-1, 3))
        return {
            "points": self.middle + PIXELS * points[..., :2],
            "point_log_sigma": points[..., 2].clamp(-4.0, 4.0),
            **self.read(out[:, -self.config.extra :]),
        }

    def read(self, raw: Tensor) -> dict[str, Tensor]:
        """(B, extra) -> the numbers beside the points."""
        raise NotImplementedError


class EyeNetwork(NearNetwork):
    """Of a left eye: gaze (B, 3) unit, gaze_log_sigma (B,) of radians."""

    def read(self, raw: Tensor) -> dict[str, Tensor]:
        gaze = raw[:, :3] + raw.new_tensor([0.0, 0.0, -1.0])
        sigma = (raw[:, 3] + math.log(0.15)).clamp(-5.0, 1.0)
        return {"gaze": F.normalize(gaze, dim=-1, eps=1e-4), "gaze_log_sigma": sigma}


class RegionNetwork(NearNetwork):
    """Of the brows: coefficients (B, K) 0..1."""

    def read(self, raw: Tensor) -> dict[str, Tensor]:
        logits = 4 * raw - 2  # starts near rest
        return {"coefficients": torch.sigmoid(logits), "logits": logits}


class InsideMap(nn.Module):
    """Features at stride 2, 4, 8 and 16 -> logits (B, KINDS, height, width) of what shows between the lips."""

    def __init__(self, stem: tuple[int, int, int, int], widths: tuple[int, int, int] = (16, 24, 32)) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Conv2d(c, w, 1) for c, w in zip((*widths[1:], stem[3]), widths, strict=True))
        self.skips = nn.ModuleList(nn.Conv2d(c, w, 1) for c, w in zip(stem, widths, strict=False))
        self.mixes = nn.ModuleList(Residual(width) for width in widths)
        self.out = nn.Conv2d(widths[0], 4 * KINDS, 1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        x = levels[3]
        for down, skip, mix, level in list(zip(self.down, self.skips, self.mixes, levels, strict=False))[::-1]:
            x = mix(F.relu(double(down(x)) + skip(level)))
        return F.pixel_shuffle(self.out(x), 2).float()


class MouthNetwork(RegionNetwork):
    """Of the mouth: coefficients as of other regions, and inside (B, KINDS, height, width), shares of 1."""

    def __init__(self, config: NearConfig, middle: Tensor) -> None:
        super().__init__(config, middle)
        self.map = InsideMap(config.stem)
        self.map.apply(initialise)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        levels, x = [], (image - MEAN) / STD
        for stage in self.body:
            x = stage(x)
            levels.append(x)
        logits = self.map(levels)
        return {**self.tell(x), "inside_logits": logits, "inside": logits.softmax(dim=1)}


def points_terms(out: dict[str, Tensor], batch: dict[str, Tensor], gaps: Tensor) -> dict[str, Tensor]:
    """Laplace likelihood of the points (in 4 pixels), and the opening between lids or lips."""
    off = (out["points"] - batch["points"]) / 4
    distance = torch.sqrt(off.square().sum(-1) + 1e-4)
    apart = off[:, gaps[:, 0]] - off[:, gaps[:, 1]]
    gap = torch.sqrt(apart.square().sum(-1) + 1e-4)
    return {
        "points": tempered_laplace(distance, out["point_log_sigma"] - math.log(4.0)).mean(),
        "gaps": gap.mean() if len(gaps) else gap.sum(),  # brows have none
    }


def eye_loss(out: dict[str, Tensor], batch: dict[str, Tensor], gaps: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum and terms.

    Args:
        batch: points (B, E, 2), gaze (B, 3).
        gaps: (G, 2) rows of points above and below the opening.
    """
    terms = points_terms(out, batch, gaps)
    angle = torch.sqrt((out["gaze"] - batch["gaze"]).square().sum(-1) + 1e-5)  # radians, nearly
    terms["gaze"] = tempered_laplace(angle, out["gaze_log_sigma"]).mean()
    return terms["points"] + GAPS * terms["gaps"] + GAZE * terms["gaze"], terms


def region_loss(out: dict[str, Tensor], batch: dict[str, Tensor], gaps: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum and terms.

    Args:
        batch: points (B, M, 2), arkit (B, K).
        gaps: (G, 2) rows of points above and below the opening; none of brows.
    """
    terms = points_terms(out, batch, gaps)
    # Entropy, not distance: most coefficients are 0 most of the time, and the median of what is possible tells nothing.
    terms["arkit"] = F.binary_cross_entropy_with_logits(out["logits"], batch["arkit"])
    return terms["points"] + GAPS * terms["gaps"] + COEFFICIENTS * terms["arkit"], terms


def mouth_loss(out: dict[str, Tensor], batch: dict[str, Tensor], gaps: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum and terms; see `region_loss`.

    Args:
        batch: inside (B, height, width) i8 too, of `Inside`; below 0 beyond the picture.
    """
    loss, terms = region_loss(out, batch, gaps)
    each = F.cross_entropy(out["inside_logits"], batch["inside"].long(), ignore_index=-1, reduction="none")
    terms["inside"] = each.sum() / INSIDE_PIXELS / len(each)
    return loss + INSIDE * terms["inside"], terms
