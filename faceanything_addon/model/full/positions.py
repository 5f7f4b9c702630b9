"""Where things are, told to the network: position table, rotary embedding, picture coordinates."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

# Added to the wanted size before it becomes a scale factor (a habit of DINOv2's code). It shifts the sampling
# points, and the weights were trained with the shift.
SCALE_OFFSET = 0.1
UV_BASE = 100.0
UV_WEIGHT = 0.1


def resize_position_table(table: Tensor, side: int, rows: int, columns: int) -> Tensor:
    """The position table for a grid of patches.

    Args:
        table: (1, 1 + side * side, D), the first entry is the cls token's.

    Returns:
        (1, 1 + rows * columns, D)
    """
    if (rows, columns) == (side, side):
        return table
    cls, grid = table[:, :1].float(), table[:, 1:].float()
    grid = grid.unflatten(1, (side, side)).permute(0, 3, 1, 2)  # (1, D, side, side)
    scale = (rows + SCALE_OFFSET) / side, (columns + SCALE_OFFSET) / side
    grid = F.interpolate(grid, scale_factor=scale, mode="bicubic", align_corners=False)
    return torch.cat([cls, grid.flatten(2).transpose(1, 2)], dim=1)


@dataclass(frozen=True)
class Rotary:
    """Cosines and sines of the angles by which a sequence's queries and keys are turned, (T, head_dim) each."""

    cos: Tensor
    sin: Tensor

    @classmethod
    def at(cls, positions: Tensor, head_dim: int, base: float, device: torch.device | None = None) -> Rotary:
        """For tokens at (T, 2) positions (row, column), for use on a device."""
        quarter = head_dim // 4
        # On the processor in float64, which not all devices have, so that all use the same angles.
        frequencies = base ** (-torch.arange(quarter, dtype=torch.float64) / quarter)  # (quarter,)
        angles = positions[:, :, None].double() * frequencies  # (T, 2, quarter)
        angles = torch.cat([angles, angles], dim=-1).flatten(1)  # (T, head_dim): row, row, column, column
        return cls(angles.cos().float().to(device), angles.sin().float().to(device))

    def turn(self, x: Tensor) -> Tensor:
        """(..., T, head_dim) queries or keys, turned."""
        row_a, row_b, column_a, column_b = x.chunk(4, dim=-1)
        return (x * self.cos).addcmul_(torch.cat([-row_b, row_a, -column_b, column_a], dim=-1), self.sin)


def local_positions(rows: int, columns: int) -> Tensor:
    """(1 + rows * columns, 2) of one view's tokens: cls at (0, 0), the patches from (1, 1) on."""
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    patches = torch.stack([row, column], dim=-1).reshape(-1, 2) + 1
    return torch.cat([torch.zeros(1, 2, dtype=torch.long), patches])


def global_positions(views: int, rows: int, columns: int) -> Tensor:
    """(views * (1 + rows * columns), 2): over all views, patches differ from cls tokens but not from each other."""
    return local_positions(rows, columns).clamp(max=1).repeat(views, 1)


@lru_cache(maxsize=32)
def uv_waves(channels: int, height: int, width: int, aspect: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Sines and cosines of the place in the picture, already weighted.

    Args:
        height, width: of the feature map; the outermost values lie at the centres of the outermost cells.
        aspect: width / height of the whole picture.

    Returns:
        (channels / 2, width) sin u, cos u and (channels / 2, height) sin v, cos v; float32, u to the right, v down.
    """
    quarter = channels // 4
    diagonal = (aspect**2 + 1) ** 0.5
    frequencies = UV_BASE ** (-torch.arange(quarter, dtype=torch.float64) / quarter)

    def waves(span: float, cells: int) -> Tensor:
        reach = span * (cells - 1) / cells
        angles = frequencies[:, None] * torch.linspace(-reach, reach, cells, dtype=torch.float64)
        return (torch.cat([angles.sin(), angles.cos()]) * UV_WEIGHT).float().to(device)

    return waves(aspect / diagonal, width), waves(1 / diagonal, height)


def uv_embedding(channels: int, height: int, width: int, aspect: float) -> Tensor:
    """`uv_waves` spread over the map: (channels, height, width) float32: sin u, cos u, sin v, cos v."""
    u, v = uv_waves(channels, height, width, aspect, torch.device("cpu"))
    return torch.cat([u[:, None, :].expand(-1, height, -1), v[:, :, None].expand(-1, -1, width)])
