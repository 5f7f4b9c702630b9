"""The eye network: one picture of a left eye in, its points and gaze out, each with how sure it is."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from faceanything_addon.model.closeup import HEIGHT, WIDTH

from .losses import tempered_laplace
from .network import MEAN, STD, Residual, conv, initialise

CELLS = (WIDTH // 16) * (HEIGHT // 16)
PIXELS = 10.0  # raw output 1 is so many pixels
GAPS, GAZE = 2.0, 12.0  # weights of the loss's terms against the points'


@dataclass(frozen=True)
class EyeConfig:
    """Sizes of the network."""

    points: int = 46
    stem: tuple[int, int, int, int] = (20, 40, 64, 112)  # channels at stride 2, 4, 8, 16
    squeeze: int = 48  # channels that the head reads of each cell
    hidden: int = 256

    def to_dict(self) -> dict:
        """Plain dictionary for checkpoints."""
        return asdict(self)

    @staticmethod
    def from_dict(fields: dict) -> EyeConfig:
        """Inverse of `to_dict`."""
        return EyeConfig(**{**fields, "stem": tuple(fields["stem"])})


class EyeNetwork(nn.Module):
    """RGB (B, 3, HEIGHT, WIDTH) in 0..1 -> points and gaze.

    Args:
        middle: (E, 2) pixels: where the points usually are, from which the network tells the way.
    """

    def __init__(self, config: EyeConfig, middle: Tensor) -> None:
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
        self.hidden = nn.Linear(CELLS * config.squeeze, config.hidden)
        self.out = nn.Linear(config.hidden, 3 * config.points + 4)
        self.apply(initialise)
        self.squeeze.weight.data.mul_(10)  # no head: it must not start near zero
        self.register_buffer("middle", middle.float())

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """points (B, E, 2) px, point_log_sigma (B, E) of px, gaze (B, 3) unit, gaze_log_sigma (B,) of radians."""
        x = F.relu(self.squeeze(self.body((image - MEAN) / STD)))  # (B, squeeze, 4, 6)
        out = self.out(F.gelu(self.hidden(x.flatten(1)))).float()
        points = out[:, :-4].unflatten(1, (-1, 3))
        gaze = out[:, -4:-1] + out.new_tensor([0.0, 0.0, -1.0])
        return {
            "points": self.middle + PIXELS * points[..., :2],
            "point_log_sigma": points[..., 2].clamp(-4.0, 4.0),
            "gaze": F.normalize(gaze, dim=-1, eps=1e-4),
            "gaze_log_sigma": (out[:, -1] + math.log(0.15)).clamp(-5.0, 1.0),
        }


def eye_loss(out: dict[str, Tensor], batch: dict[str, Tensor], gaps: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Sum and terms: Laplace likelihoods of points (in 4 pixels) and gaze, and the opening between the lids.

    Args:
        batch: points (B, E, 2), gaze (B, 3).
        gaps: (G, 2) rows of points above and below the opening.
    """
    off = (out["points"] - batch["points"]) / 4
    distance = torch.sqrt(off.square().sum(-1) + 1e-4)
    apart = off[:, gaps[:, 0]] - off[:, gaps[:, 1]]
    angle = torch.sqrt((out["gaze"] - batch["gaze"]).square().sum(-1) + 1e-5)  # radians, nearly
    terms = {
        "points": tempered_laplace(distance, out["point_log_sigma"] - math.log(4.0)).mean(),
        "gaps": torch.sqrt(apart.square().sum(-1) + 1e-4).mean(),
        "gaze": tempered_laplace(angle, out["gaze_log_sigma"]).mean(),
    }
    return terms["points"] + GAPS * terms["gaps"] + GAZE * terms["gaze"], terms
