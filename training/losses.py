"""What the network is taught: one function per output, all weights in one dataclass.

Positions are learnt with a Laplace likelihood whose gradient is tempered by the predicted sigma (beta-NLL with
beta = 1/2), so that hard pixels still pull. Errors are counted in centimetres, and in 25ths of
the picture, which is about a centimetre on the face.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from .importance import Importance

CM = 100.0  # per metre


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the sum."""

    canonical: float = 1.0
    depth: float = 0.5
    depth_gradient: float = 0.5
    part: float = 0.5
    points: float = 1.5  # what limits the meshes: see "What limits the meshes" in EXPERIMENTS.md
    gaps: float = 3.0
    face: float = 0.1
    arkit: float = 3.0
    gaze: float = 0.8


def total_loss(
    out: dict[str, Tensor], batch: dict[str, Tensor], importance: Importance, weights: LossWeights
) -> tuple[Tensor, dict[str, Tensor]]:
    """Weighted sum and its terms.

    Args:
        out: the network's outputs, see `FaceNetwork.forward`.
        batch: image (B, 3, S, S); canonical (B, 3, h, w) m; depth (B, h, w) m, as `sight` has it; part (B, h, w) long;
            points (B, P, 2) px; arkit (B, 52); gaze (B, 2, 3); face (B,) 0 or 1.
    """
    out = {k: v.float() for k, v in out.items()}
    mask = (batch["part"] > 0).float()  # (B, h, w)
    pixel = importance.pixels(batch["canonical"], batch["part"])  # (B, h, w), 1 on background
    size = float(batch["image"].shape[-1])
    terms = {
        "canonical": canonical_loss(out, batch["canonical"], mask * pixel),
        "depth": depth_loss(out["depth"], batch["depth"], mask),
        "depth_gradient": depth_gradient_loss(out["depth"], batch["depth"], mask),
        "part": part_loss(out["part"], batch["part"], pixel),
        "points": points_loss(out, batch["points"], batch["face"], importance.points, size),
        "gaps": gaps_loss(out["points"], batch["points"], batch["face"], importance.gaps, size),
        "face": F.binary_cross_entropy_with_logits(out["face"], batch["face"]),
        "arkit": arkit_loss(out["arkit"], batch["arkit"], batch["face"]),
        "gaze": gaze_loss(out["gaze"], batch["gaze"], batch["face"]),
    }
    return sum((getattr(weights, k) * v for k, v in terms.items()), torch.zeros((), device=mask.device)), terms


def tempered_laplace(error: Tensor, log_sigma: Tensor) -> Tensor:
    """Laplace negative log likelihood times sigma**0.5 (held constant), element by element."""
    return (error * torch.exp(-log_sigma) + log_sigma) * torch.exp(0.5 * log_sigma.detach())


def weighted_mean(value: Tensor, weight: Tensor) -> Tensor:
    """Mean under weights; 0 where there is no weight at all."""
    return (value * weight).sum() / weight.sum().clamp_min(1.0)


def canonical_loss(out: dict[str, Tensor], target: Tensor, weight: Tensor) -> Tensor:
    """Distance between canonical coordinates under its predicted scale, in centimetres."""
    error = torch.sqrt(((out["canonical"] - target) * CM).square().sum(1) + 1e-6)  # (B, h, w)
    log_sigma = out["log_sigma"] + torch.log(torch.tensor(CM))
    return weighted_mean(tempered_laplace(error, log_sigma), weight)


def depth_loss(depth: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute error, centimetres."""
    return weighted_mean((depth - target).abs() * CM, mask)


def depth_gradient_loss(depth: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Slope error over one and four pixels, millimetres-like scale; edges do not count: 5 mm and more a pixel."""
    error = (depth - target) * CM
    total = error.new_zeros(())
    for step in (1, 4):
        for axis in (1, 2):
            n = error.shape[axis] - step
            one, two = error.narrow(axis, 0, n), error.narrow(axis, step, n)
            jump = (target.narrow(axis, step, n) - target.narrow(axis, 0, n)).abs()
            both = mask.narrow(axis, 0, n) * mask.narrow(axis, step, n) * (jump < 0.005 * step)
            total = total + weighted_mean((two - one).abs(), both) / 2
    return total


def part_loss(logits: Tensor, part: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy over the part labels."""
    return weighted_mean(F.cross_entropy(logits, part, reduction="none"), weight)


def gaps_loss(points: Tensor, target: Tensor, face: Tensor, gaps: Tensor, size: float) -> Tensor:
    """Error of what lies between upper and lower lids and lips, in 25ths of the picture.

    An opening is far smaller than the usual error of its two ends; here what they err by together drops out.
    """
    if not len(gaps):
        return points.new_zeros(())
    off = (points - target)[:, gaps[:, 0]] - (points - target)[:, gaps[:, 1]]
    outside = torch.relu((target[:, gaps].mean(2) / size - 0.5).abs().amax(-1) - 0.5)  # (B, G)
    error = torch.sqrt(off.mul(25.0 / size).square().sum(-1) + 1e-4)
    return weighted_mean(error, face[:, None] * torch.exp(-20 * outside))


def points_loss(out: dict[str, Tensor], target: Tensor, face: Tensor, weight: Tensor, size: float) -> Tensor:
    """Distance of the sparse points in 25ths of the picture under their predicted sigma.

    Points far outside the picture count less: nothing is seen of them.
    """
    scale = 25.0 / size
    error = torch.sqrt((out["points"] - target).mul(scale).square().sum(-1) + 1e-4)  # (B, P)
    log_sigma = out["point_log_sigma"] + torch.log(torch.tensor(scale))
    outside = torch.relu((target / size - 0.5).abs().amax(-1) - 0.5)  # (B, P) share of the picture beyond the border
    return weighted_mean(tempered_laplace(error, log_sigma), face[:, None] * weight * torch.exp(-5 * outside))


def arkit_loss(logits: Tensor, target: Tensor, face: Tensor) -> Tensor:
    """Mean absolute error of the coefficients, a little cross entropy for the gradient at the ends."""
    error = (torch.sigmoid(logits) - target).abs().mean(1)
    entropy = F.binary_cross_entropy_with_logits(logits, target.clamp(0, 1), reduction="none").mean(1)
    return weighted_mean(error + 0.2 * entropy, face)


def gaze_loss(gaze: Tensor, target: Tensor, face: Tensor) -> Tensor:
    """Distance between the unit vectors: steep near zero, unlike the cosine."""
    distance = torch.sqrt((gaze - target).square().sum(-1) + 1e-4).mean(1)
    return weighted_mean(distance, face)
