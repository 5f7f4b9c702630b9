"""The embedded network: one small picture of a face in, dense maps, sparse points and a few scalars out.

A convolutional stem brings the picture from stride 2 to stride 16, a ViT thinks on the tokens, a decoder with skips
goes back to stride 2. Dense heads read the decoder at S/2; the points are soft-argmaxes over heatmaps at
S/8, refined from what is seen there.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MEAN, STD = 0.45, 0.27  # of the training pictures, all channels alike
MAPS = 12  # canonical 3, log sigma 1, depth 1, part logits 7
CANONICAL_UNIT = 0.1  # raw output 1 is a decimetre: heads then span about -1..1
DEPTH_UNIT = 0.1


@dataclass(frozen=True)
class Config:
    """Sizes of the network. `size` is only what it was trained at; any multiple of 16 runs."""

    size: int = 192
    points: int = 250
    parts: int = 7
    coefficients: int = 52
    stem: tuple[int, int, int] = (32, 64, 128)  # channels at stride 2, 4, 8
    width: int = 192
    blocks: int = 8
    heads: int = 3
    mixes: int = 1  # residual stages of the decoder at stride 8
    looks: int = 8  # learned heatmaps whose pooled features feed the global head

    def to_dict(self) -> dict:
        """Plain dictionary for checkpoints and metadata."""
        return asdict(self)

    @staticmethod
    def from_dict(fields: dict) -> Config:
        """Inverse of `to_dict`."""
        return Config(**{**fields, "stem": tuple(fields["stem"])})


def conv(cin: int, cout: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution and batch norm: the norm folds into the convolution at export."""
    return nn.Sequential(
        nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(cout, momentum=0.03),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions around a skip: (B, C, h, w) -> (B, C, h, w)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.one = conv(channels, channels)
        self.two = conv(channels, channels)
        zero = self.two[1]
        assert isinstance(zero, nn.BatchNorm2d)
        nn.init.zeros_(zero.weight)  # starts as identity

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.two(F.relu(self.one(x))))


class Block(nn.Module):
    """Pre-norm transformer block on (B, T, D) tokens."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        d = config.width
        self.heads = config.heads
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.up, self.down = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        qkv = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, H, T, D/H)
        a = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(a.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


def position_code(h: int, w: int, width: int) -> Tensor:
    """2D sin-cos code (1, h*w, width) over the picture's extent, so that every size sees the same range."""
    freq = torch.exp(torch.linspace(math.log(0.5), math.log(16.0), width // 4)) * math.pi
    y = (torch.arange(h) + 0.5)[:, None] / h * freq - 0.5 * freq  # (h, D/4), centred
    x = (torch.arange(w) + 0.5)[:, None] / w * freq - 0.5 * freq
    y, x = y[:, None].expand(h, w, -1), x[None].expand(h, w, -1)
    return torch.cat([y.sin(), y.cos(), x.sin(), x.cos()], dim=-1).reshape(1, h * w, width)


def pixel_grid(h: int, w: int, stride: int) -> Tensor:
    """Centres of the cells in input pixels: (h*w, 2) as x, y."""
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(h * w, 2).float() * stride + (stride - 1) / 2


class Decoder(nn.Module):
    """Tokens and skips -> features at stride 8 and 2."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        c2, c4, c8 = config.stem
        self.to8, self.to4, self.to2 = nn.Conv2d(config.width, c8, 1), nn.Conv2d(c8, c4, 1), nn.Conv2d(c4, c2, 1)
        self.skip8, self.skip4, self.skip2 = nn.Conv2d(c8, c8, 1), nn.Conv2d(c4, c4, 1), nn.Conv2d(c2, c2, 1)
        self.mix8, self.mix4, self.mix2 = Residual(c8), Residual(c4), Residual(c2)
        self.more8 = nn.Sequential(*(Residual(c8) for _ in range(config.mixes - 1)))

    def forward(self, s2: Tensor, s4: Tensor, s8: Tensor, s16: Tensor) -> tuple[Tensor, Tensor]:
        x8 = self.more8(self.mix8(F.relu(double(self.to8(s16)) + self.skip8(s8))))
        x4 = self.mix4(F.relu(double(self.to4(x8)) + self.skip4(s4)))
        x2 = self.mix2(F.relu(double(self.to2(x4)) + self.skip2(s2)))
        return x8, x2


def double(x: Tensor) -> Tensor:
    """Bilinear upsampling by two."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class PointHead(nn.Module):
    """Heatmap per point -> where it is, how sure, and what is seen there.

    The mean of a heatmap cannot leave the picture, so an offset read from the pooled features is added: it also
    refines below the size of a cell and places points beyond the border.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        c, n = config.stem[2], config.points
        self.heat = nn.Linear(c, n + config.looks)
        self.query = nn.Parameter(torch.randn(n, c) * 0.1)
        self.context = nn.Linear(config.width, c)
        self.hidden, self.out = nn.Linear(c, c), nn.Linear(c, 3)
        self.count = n

    def forward(self, x8: Tensor, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, h, w), (B, D) -> points (B, P, 2) px, log sigma (B, P) of px, looks (B, L*C)."""
        h, w = x8.shape[2:]
        size = 8.0 * w
        cells = x8.flatten(2).transpose(1, 2)  # (B, h*w, C)
        heat = self.heat(cells).transpose(1, 2).float().softmax(-1)  # (B, P+L, h*w)
        pooled = heat.to(cells.dtype) @ cells  # (B, P+L, C)
        seen = pooled[:, : self.count] + self.query + self.context(mean)[:, None]
        out = self.out(F.gelu(self.hidden(seen))).float()  # (B, P, 3)
        with torch.autocast(x8.device.type, enabled=False):
            center = heat[:, : self.count] @ pixel_grid(h, w, 8).to(heat)  # (B, P, 2)
        points = center + 0.25 * size * out[..., :2]
        log_sigma = (out[..., 2] + math.log(4.0)).clamp(-3.0, 5.0)
        return points, log_sigma, pooled[:, self.count :].flatten(1)


class GlobalHead(nn.Module):
    """Face or not, 52 coefficients, gaze: from the mean token and the looks."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width + config.looks * config.stem[2])
        self.hidden = nn.Linear(config.width + config.looks * config.stem[2], 256)
        self.out = nn.Linear(256, 1 + config.coefficients + 6)

    def forward(self, mean: Tensor, looks: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """-> face logit (B,), coefficient logits (B, 52), gaze (B, 2, 3) unit vectors."""
        out = self.out(F.gelu(self.hidden(self.norm(torch.cat([mean, looks], dim=-1))))).float()
        gaze = out[:, -6:].unflatten(1, (2, 3)) + out.new_tensor([0.0, 0.0, -1.0])  # towards the camera
        return out[:, 0], out[:, 1:-6], F.normalize(gaze, dim=-1, eps=1e-4)


class FaceNetwork(nn.Module):
    """RGB (B, 3, S, S) in 0..1 -> dictionary of raw outputs, see `forward`."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        c2, c4, c8 = config.stem
        self.stem2 = nn.Sequential(conv(3, c2, 3, 2), nn.ReLU())
        self.stem4 = nn.Sequential(conv(c2, c4, 3, 2), nn.ReLU(), Residual(c4))
        self.stem8 = nn.Sequential(conv(c4, c8, 3, 2), nn.ReLU(), Residual(c8))
        self.stem16 = conv(c8, config.width, 3, 2)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.decoder = Decoder(config)
        self.coarse = nn.Conv2d(config.width, MAPS, 1)  # straight from the tokens: the decoder adds detail
        self.dense = nn.Conv2d(c2, MAPS, 1)
        self.points = PointHead(config)
        self.scalars = GlobalHead(config)
        self.apply(initialise)
        nn.init.zeros_(self.points.out.weight)
        for block in self.blocks:  # residual branches start small
            assert isinstance(block, Block)
            block.out.weight.data.mul_(0.3)
            block.down.weight.data.mul_(0.3)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """See the module's docstring.

        Returns:
            canonical (B, 3, h, w) metres, log_sigma (B, h, w) of metres, depth (B, h, w) metres,
            part (B, 7, h, w) logits, points (B, P, 2) input pixels, point_log_sigma (B, P),
            face (B,) logit, arkit (B, 52) logits, gaze (B, 2, 3); h = w = S/2.
            Depth and gaze are in the terms of `sight`.
        """
        s2 = self.stem2((image - MEAN) / STD)  # (B, c2, S/2, S/2)
        s4 = self.stem4(s2)
        s8 = self.stem8(s4)
        s16 = self.stem16(s8)  # (B, D, S/16, S/16)
        h, w = s16.shape[2:]
        tokens = s16.flatten(2).transpose(1, 2)  # (B, T, D)
        tokens = tokens + position_code(h, w, self.config.width).to(tokens)
        for block in self.blocks:
            tokens = block(tokens)
        tokens = self.norm(tokens)
        mean = tokens.mean(1)
        s16 = tokens.transpose(1, 2).unflatten(2, (h, w))
        x8, x2 = self.decoder(s2, s4, s8, s16)
        maps = self.dense(x2).float() + self.upsample8(self.coarse(s16).float())
        points, point_log_sigma, looks = self.points(x8, mean)
        face, arkit, gaze = self.scalars(mean, looks)
        out = {"points": points, "point_log_sigma": point_log_sigma, "face": face, "arkit": arkit, "gaze": gaze}
        return {**self.split(maps), **out}

    @staticmethod
    def upsample8(x: Tensor) -> Tensor:
        """Bilinear by eight."""
        return F.interpolate(x, scale_factor=8.0, mode="bilinear", align_corners=False)

    @staticmethod
    def split(maps: Tensor) -> dict[str, Tensor]:
        """(B, 12, h, w) -> the dense outputs in metres."""
        return {
            "canonical": maps[:, :3] * CANONICAL_UNIT,
            "log_sigma": maps[:, 3].clamp(-4.0, 3.0) + math.log(0.01),  # raw 0 is a centimetre
            "depth": maps[:, 4] * DEPTH_UNIT,
            "part": maps[:, 5:],
        }


def initialise(module: nn.Module) -> None:
    """Truncated normal for matrices, He for convolutions."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=1 / math.sqrt(module.in_features))
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
            module.weight.data.mul_(0.1)  # heads start near zero


def parameter_count(model: nn.Module) -> int:
    """Trainable numbers."""
    return sum(p.numel() for p in model.parameters())
