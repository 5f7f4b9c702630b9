"""Second looks at a stored picture: mirror, warp, colour, noise, occluding blocks; batched on the device.

Every function takes and returns a batch as `losses.total_loss` describes it. Mirror and warp move the maps, the
points and the gaze with the picture.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from faceanything_addon.template import Part, Template

Batch = dict[str, Tensor]
SURFACE = 0.004  # metres of canonical space between a place and the nearest pixel's, on one surface


@dataclass(frozen=True)
class Strength:
    """How far the pictures are changed."""

    rotation: float = 10.0  # degrees
    scale: float = 0.12
    shift: float = 0.05  # of the picture
    warped: float = 0.7  # share of the pictures
    color: float = 0.2
    noise: float = 0.03
    soft: float = 0.15  # share of the batches shown at lower resolution
    cutout: float = 0.25
    barred: float = 0.1


@dataclass
class Mirror:
    """Where left goes when the picture is mirrored."""

    points: Tensor  # (P,) long
    arkit: Tensor  # (52,) long
    part: Tensor  # (7,) long

    def to(self, device: torch.device | str) -> Mirror:
        """The same on another device."""
        return Mirror(self.points.to(device), self.arkit.to(device), self.part.to(device))


def build_mirror(template: Template) -> Mirror:
    """Permutations from the template."""
    wanted = template.mirror[template.points]
    gap = template.vertices[wanted][:, None] - template.vertices[template.points][None]
    points = np.abs(gap).sum(-1).argmin(1)  # exact where the set of points is symmetric
    names = list(template.expression_names)
    arkit = [names.index(swap_side(n)) for n in names]
    part = list(range(len(Part)))
    part[Part.EYE_LEFT], part[Part.EYE_RIGHT] = int(Part.EYE_RIGHT), int(Part.EYE_LEFT)
    return Mirror(torch.from_numpy(points), torch.tensor(arkit), torch.tensor(part))


def swap_side(name: str) -> str:
    """eyeBlinkLeft -> eyeBlinkRight, jawRight -> jawLeft."""
    if "Left" in name:
        return name.replace("Left", "Right")
    return name.replace("Right", "Left")


def flip(batch: Batch, mirror: Mirror) -> Batch:
    """Mirror every picture of the batch."""
    size = batch["image"].shape[-1]
    sign = batch["image"].new_tensor([-1.0, 1.0, 1.0])
    points = batch["points"][:, mirror.points]
    return {
        "image": batch["image"].flip(-1),
        "canonical": batch["canonical"].flip(-1) * sign[:, None, None],
        "depth": batch["depth"].flip(-1),
        "part": mirror.part[batch["part"].flip(-1)],
        "points": torch.stack([size - 1 - points[..., 0], points[..., 1]], dim=-1),
        "arkit": batch["arkit"][:, mirror.arkit],
        "gaze": batch["gaze"].flip(1) * sign,
        "face": batch["face"],
    }


def warp(batch: Batch, angle: Tensor, scale: Tensor, shift: Tensor) -> Batch:
    """Turn by angle (B,) radians clockwise as seen, enlarge by scale (B,), move by shift (B, 2) half pictures."""
    cos, sin = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)  # (B, 2, 2)
    back = turn.transpose(1, 2) / scale[:, None, None]  # output -> input
    theta = torch.cat([back, -(back @ shift[..., None])], dim=-1)
    image = batch["image"]
    maps = torch.cat([batch["canonical"], batch["depth"][:, None], batch["part"][:, None].to(image)], dim=1)
    image = sample(image, theta, "bilinear")
    maps = sample_maps(maps, theta)
    size = image.shape[-1]
    points = (batch["points"] * 2 + 1) / size - 1
    points = (points @ turn.transpose(1, 2)) * scale[:, None, None] + shift[:, None]
    gaze = torch.cat([batch["gaze"][..., :2] @ turn.transpose(1, 2), batch["gaze"][..., 2:]], dim=-1)
    return batch | {
        "image": image,
        "canonical": maps[:, :3],
        "depth": maps[:, 3],
        "part": maps[:, 4].round().long(),
        "points": ((points + 1) * size - 1) / 2,
        "gaze": gaze,
    }


def sample(picture: Tensor, theta: Tensor, mode: str) -> Tensor:
    """Affine resampling, black outside: (B, C, h, w), (B, 2, 3) -> (B, C, h, w)."""
    grid = F.affine_grid(theta, list(picture.shape), align_corners=False)
    return F.grid_sample(picture, grid, mode=mode, padding_mode="zeros", align_corners=False)


def sample_maps(maps: Tensor, theta: Tensor) -> Tensor:
    """(B, 5, h, w) canonical, depth, part: between pixels where these are of one surface, else the nearest one's."""
    near = sample(maps, theta, "nearest")
    smooth = sample(torch.cat([maps, maps[:, 4:] ** 2], dim=1), theta, "bilinear")
    part = near[:, 4]
    alike = ((smooth[:, 4] - part).abs() < 1e-3) & ((smooth[:, 5] - part**2).abs() < 1e-3)
    close = (smooth[:, :3] - near[:, :3]).square().sum(1) < SURFACE**2
    inner = (alike & close & (part > 0))[:, None]
    return torch.where(inner, torch.cat([smooth[:, :4], near[:, 4:]], dim=1), near)


def random_warp(batch: Batch, strength: Strength, rng: torch.Generator) -> Batch:
    """`warp` by random amounts."""
    device = batch["image"].device
    n = len(batch["image"])
    r = torch.rand(5, n, generator=rng, device=device)
    on = (r[4] < strength.warped).to(r)
    r = (2 * r[:4] - 1) * on
    angle = r[0] * math.radians(strength.rotation)
    return warp(batch, angle, torch.exp(r[1] * strength.scale), 2 * strength.shift * r[2:4].T)


def color(image: Tensor, strength: Strength, rng: torch.Generator) -> Tensor:
    """Brightness, contrast, tint, gamma, a few grey pictures, sensor noise."""
    n, device = len(image), image.device
    r = torch.rand(n, 9, 1, 1, generator=rng, device=device)
    s = 2 * r - 1
    mean = image.mean((1, 2, 3), keepdim=True)
    image = (image - mean) * torch.exp(s[:, :1] * 1.5 * strength.color) + mean + s[:, 1:2] * 0.5 * strength.color
    image = (image * torch.exp(0.5 * strength.color * s[:, 2:5])).clamp(1e-4, 1)
    image = image ** torch.exp(1.5 * strength.color * s[:, 5:6])
    grey = (r[:, 6:7] < 0.06).to(image)
    image = image + grey * (image.mean(1, keepdim=True) - image)
    noise = torch.randn(image.shape, generator=rng, device=device)
    return (image + noise * strength.noise * r[:, 7:8] ** 3).clamp(0, 1)


def soften(image: Tensor, rng: torch.Generator) -> Tensor:
    """Show the batch as if it came from a smaller picture."""
    size = image.shape[-1]
    factor = float(torch.rand((), generator=rng, device=image.device)) * 0.6 + 0.3
    small = F.interpolate(image, size=max(16, round(size * factor)), mode="bilinear", antialias=True)
    return F.interpolate(small, size=size, mode="bilinear")


def cutout(batch: Batch, share: float, rng: torch.Generator) -> Batch:
    """Cover a block with flat colour; what is under it is background, like every occluder."""
    image, part = batch["image"], batch["part"]
    n, h = len(image), part.shape[-1]
    r = torch.rand(n, 8, generator=rng, device=image.device)
    extent = (0.08 + 0.25 * r[:, 0:2]) * (r[:, 7:8] < share)  # (B, 2) of the picture
    low = r[:, 2:4] * (1 - extent)
    cell = (torch.arange(h, device=image.device) + 0.5) / h
    inside = (cell > low[..., None]) & (cell < (low + extent)[..., None])  # (B, 2, h)
    block = inside[:, 1, :, None] & inside[:, 0, None, :]  # (B, h, w)
    cover = block.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, None]
    image = torch.where(cover, r[:, 4:7, None, None].expand_as(image), image)
    return batch | {"image": image, "part": part * ~block}


def bars(batch: Batch, share: float, rng: torch.Generator) -> Batch:
    """Black on one side, as where the tracker's square reaches beyond the frame."""
    image, part = batch["image"], batch["part"]
    n, h = len(image), part.shape[-1]
    r = torch.rand(n, 3, generator=rng, device=image.device)
    cell = (torch.arange(h, device=image.device) + 0.5) / h
    cell = torch.where(r[:, :1] < 0.5, cell, 1 - cell)  # (B, h) from one side or the other
    band = (cell < 0.4 * r[:, 1:2]) & (r[:, 2:] < share)
    upright = (2 * r[:, 2] < share)[:, None, None]
    block = torch.where(upright, band[:, None, :], band[:, :, None]).expand_as(part)
    cover = block.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, None]
    return batch | {"image": image * ~cover, "part": part * ~block}


def augment(batch: Batch, mirror: Mirror, strength: Strength, rng: torch.Generator) -> Batch:
    """A fresh look at a stored batch; half of the batches are mirrored as a whole."""
    device = batch["image"].device
    r = torch.rand(2, generator=rng, device=device).tolist()
    if r[0] < 0.5:
        batch = flip(batch, mirror)
    batch = random_warp(batch, strength, rng)
    image = soften(batch["image"], rng) if r[1] < strength.soft else batch["image"]
    batch = cutout(batch | {"image": image}, strength.cutout, rng)
    return bars(batch | {"image": color(batch["image"], strength, rng)}, strength.barred, rng)
