"""The whole full-size network."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .backbone import Backbone
from .config import NetworkConfig
from .heads import CameraDecoder, CanonicalHead, DepthRayHead

RELEASED_PREFIX = "model."


@dataclass(frozen=True)
class NetworkOutput:
    """What the network says about N views of H x W pixels, float32.

    Lengths are in a unit of the network's own, one for all views of a call; the world is the reference view's.
    """

    depth: Tensor  # (N, H, W) along the optical axis
    depth_confidence: Tensor  # (N, H, W) above 1
    rays: Tensor  # (N, 8h, 8w, 6) direction, origin
    ray_confidence: Tensor  # (N, 8h, 8w) above 1
    canonical: Tensor  # (N, H, W, 3)
    canonical_confidence: Tensor  # (N, H, W) above 1
    pose: Tensor  # (N, 9) encoded camera, see `camera.decode_pose`


class FaceNetwork(nn.Module):
    """Backbone, depth and ray head, canonical head, camera decoder."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config)
        self.head = DepthRayHead(config)
        self.deformation_head = CanonicalHead(config)
        self.cam_dec = CameraDecoder(config)

    def forward(self, images: Tensor, views_at_once: int = 1) -> NetworkOutput:
        """All views of one scene.

        Args:
            images: (N, 3, H, W) from `preprocess`.
            views_at_once: in the heads, which need about 0.4 GB a view at 504 x 504; the result is the same.

        Raises:
            ValueError: the sides are no multiples of the patch size.
        """
        patch, size = self.config.patch, (images.shape[-2], images.shape[-1])
        if images.ndim != 4 or size[0] % patch or size[1] % patch or 0 in size:
            raise ValueError(f"pictures of {tuple(images.shape)}, not (N, 3, H, W) with sides that {patch} divides")
        taps = self.backbone(images)
        starts = range(0, len(images), views_at_once)
        parts = [self._maps([tap.patches[i : i + views_at_once] for tap in taps], size) for i in starts]
        maps = [torch.cat(same) for same in zip(*parts, strict=True)]
        return NetworkOutput(*maps, pose=self.cam_dec(taps[-1].camera))

    def _maps(self, taps: list[Tensor], size: tuple[int, int]) -> tuple[Tensor, ...]:
        patch = self.config.patch
        return *self.head(taps, size, patch), *self.deformation_head(taps, size, patch)


def released_name(name: str) -> str:
    """The released checkpoint's name of one of `FaceNetwork`'s tensors."""
    if name.startswith("backbone."):
        name = name.replace("backbone.", "backbone.pretrained.", 1)
    return RELEASED_PREFIX + name


def empty_network(config: NetworkConfig) -> FaceNetwork:
    """A network without memory for its tensors: names and shapes only."""
    with torch.device("meta"):
        return FaceNetwork(config)
