"""The backbone: a vision transformer whose later blocks look at one view and at all views by turns."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import NetworkConfig
from .positions import Rotary, global_positions, local_positions, resize_position_table

BLOCK_EPS, QK_EPS, FINAL_EPS = 1e-6, 1e-5, 1e-5
VIEWS_TO_CHOOSE_FROM = 3  # with fewer views the first one is the reference
ATTENTION_BYTES = 1 << 30  # scores written down at once on Apple's GPUs


@dataclass(frozen=True)
class Tap:
    """What the heads see of N views after one block; C = 2 D."""

    patches: Tensor  # (N, rows * columns, C)
    camera: Tensor  # (N, C)


def in_own_precision(layer: nn.Linear | nn.Conv2d, x: Tensor) -> Tensor:
    """A layer applied in the precision of its weights: products may be bfloat16 while the stream stays float32."""
    return layer(x.to(layer.weight.dtype))


def attend(q: Tensor, k: Tensor, v: Tensor, limit: int | None = None) -> Tensor:
    """Attention of (B, heads, T, head_dim) queries, keys and values.

    Args:
        limit: bytes that the table of scores may take, for devices whose kernel writes it down; the queries are then
            taken in parts.
    """
    if limit is None:
        return F.scaled_dot_product_attention(q, k, v)
    step = max(1, limit // (4 * q.shape[0] * q.shape[1] * k.shape[2]))
    return torch.cat([F.scaled_dot_product_attention(part, k, v) for part in q.split(step, dim=2)], dim=2)


class Attention(nn.Module):
    def __init__(self, config: NetworkConfig, index: int) -> None:
        super().__init__()
        self.heads, self.head_dim = config.heads, config.dim // config.heads
        self.rotates = index >= config.rotate_from
        self.normalises = normalises = index >= config.normalise_qk_from
        self.qkv = nn.Linear(config.dim, 3 * config.dim)
        self.q_norm = nn.LayerNorm(self.head_dim, eps=QK_EPS) if normalises else nn.Identity()
        self.k_norm = nn.LayerNorm(self.head_dim, eps=QK_EPS) if normalises else nn.Identity()
        self.proj = nn.Linear(config.dim, config.dim)

    def forward(self, x: Tensor, rotary: Rotary) -> Tensor:
        """(B, T, D) -> (B, T, D)"""
        qkv = in_own_precision(self.qkv, x).unflatten(-1, (3, self.heads, self.head_dim))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, T, head_dim) each
        q, k = self._placed(self.q_norm, q, rotary), self._placed(self.k_norm, k, rotary)
        y = attend(q, k, v, ATTENTION_BYTES if x.device.type == "mps" else None)
        return in_own_precision(self.proj, y.transpose(1, 2).flatten(2))

    def _placed(self, norm: nn.Module, x: Tensor, rotary: Rotary) -> Tensor:
        """Queries or keys normalised and turned, in float32 while that is done; as they are in the first blocks."""
        if not self.normalises and not self.rotates:
            return x
        placed = norm(x.float())
        return (rotary.turn(placed) if self.rotates else placed).to(x.dtype)


class SwiGlu(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.w12 = nn.Linear(dim, 2 * hidden)
        self.w3 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = in_own_precision(self.w12, x).chunk(2, dim=-1)
        return in_own_precision(self.w3, F.silu(gate, inplace=True).mul_(value))


class Mlp(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return in_own_precision(self.fc2, F.gelu(in_own_precision(self.fc1, x)))


class LayerScale(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(dim))

    def added(self, x: Tensor, y: Tensor) -> Tensor:
        """x + gamma y"""
        return torch.addcmul(x, y.to(x.dtype), self.gamma)


class Block(nn.Module):
    def __init__(self, config: NetworkConfig, index: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.dim, eps=BLOCK_EPS)
        self.attn = Attention(config, index)
        self.ls1 = LayerScale(config.dim)
        self.norm2 = nn.LayerNorm(config.dim, eps=BLOCK_EPS)
        self.mlp = (SwiGlu if config.swiglu else Mlp)(config.dim, config.hidden)
        self.ls2 = LayerScale(config.dim)

    def forward(self, x: Tensor, rotary: Rotary) -> Tensor:
        """(B, T, D) -> (B, T, D)"""
        x = self.ls1.added(x, self.attn(self.norm1(x), rotary))
        return self.ls2.added(x, self.mlp(self.norm2(x)))


class PatchEmbedding(nn.Module):
    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, config.dim, config.patch, stride=config.patch)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, rows * columns, D), row by row"""
        return in_own_precision(self.proj, images).flatten(2).transpose(1, 2).float()


class Backbone(nn.Module):
    """N views of one scene in, one `Tap` for each entry of `config.taps` out, in the views' given order."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.cls_token = nn.Parameter(torch.zeros(1, 1, config.dim))
        self.camera_token = nn.Parameter(torch.zeros(1, 2, config.dim))  # the reference view's, the others'
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + config.table_side**2, config.dim))
        self.patch_embed = PatchEmbedding(config)
        self.blocks = nn.ModuleList(Block(config, index) for index in range(config.depth))
        self.norm = nn.LayerNorm(config.dim, eps=FINAL_EPS)

    def forward(self, images: Tensor) -> list[Tap]:
        """(N, 3, H, W) normalised pictures, H and W multiples of the patch size -> taps"""
        config, views = self.config, len(images)
        grid = images.shape[-2] // config.patch, images.shape[-1] // config.patch
        rotary_local = self._rotary(local_positions(*grid))
        rotary_global = self._rotary(global_positions(views, *grid))
        x = local = self._embed(images, *grid)  # (N, T, D)
        order: Tensor | None = None  # of the views, where it is not the given one
        taps = []
        for index, block in enumerate(self.blocks):
            if index == config.alternate_from - 1 and views >= VIEWS_TO_CHOOSE_FROM:
                order = reference_first(x[:, 0])
                x = x[order]
            if index == config.alternate_from:
                self._set_camera_tokens(x)
            if config.is_global(index):
                x = block(x.reshape(1, -1, config.dim), rotary_global).view_as(x)
            else:
                x = local = block(x, rotary_local)
            if index in config.taps:
                taps.append(self._tap(local, x, order))
        return taps

    def _rotary(self, positions: Tensor) -> Rotary:
        head_dim = self.config.dim // self.config.heads
        return Rotary.at(positions, head_dim, self.config.rotary_base, self.cls_token.device)

    def _embed(self, images: Tensor, rows: int, columns: int) -> Tensor:
        """(N, 3, H, W) -> (N, 1 + rows * columns, D)"""
        patches = self.patch_embed(images)
        cls = self.cls_token.expand(len(images), -1, -1)
        table = resize_position_table(self.pos_embed, self.config.table_side, rows, columns)
        return torch.cat([cls, patches], dim=1) + table

    def _set_camera_tokens(self, x: Tensor) -> None:
        """Replace each view's token 0; the first view is the reference and gets a token of its own.

        In place as in the original, where the last local stream changes with it.
        """
        reference, other = self.camera_token[0]
        x[0, 0] = reference
        x[1:, 0] = other

    def _tap(self, local: Tensor, x: Tensor, order: Tensor | None) -> Tap:
        """Both streams side by side, in the given order again; only the present one's patches are normalised."""
        if order is not None:
            back = order.argsort()
            local, x = local[back], x[back]
        camera = torch.cat([local[:, 0], x[:, 0]], dim=-1)
        return Tap(torch.cat([local, self.norm(x)], dim=-1)[:, 1:], camera)


def reference_first(tokens: Tensor) -> Tensor:
    """The order of views with the reference moved to the front.

    The reference is the view of middling likeness to the others, length and spread ("saddle balanced").

    Args:
        tokens: (N, D) cls tokens, N >= 3.

    Returns:
        (N,) indices of the views.
    """
    unit = F.normalize(tokens, dim=-1)
    likeness = ((unit @ unit.T).sum(1) - 1) / (len(tokens) - 1)
    scores = torch.stack([likeness, tokens.norm(dim=-1), unit.var(dim=-1)])  # (3, N)
    low, high = scores.amin(1, keepdim=True), scores.amax(1, keepdim=True)
    scores = (scores - low) / (high - low + 1e-8)
    reference = (scores - 0.5).abs().sum(0).argmin()
    views = torch.arange(len(tokens), device=tokens.device)
    return torch.cat([reference[None], views[views != reference]])
