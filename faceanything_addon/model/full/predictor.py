"""The full-size network on frames: pictures in, maps and focal lengths out."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ...errors import UserError
from ..merge import FullMaps
from ..prediction import Prediction
from .capacity import free_bytes, is_out_of_memory, views_that_fit
from .network import FaceNetwork, NetworkOutput
from .preprocess import NetworkInput, preprocess
from .ray_pose import cameras_from_rays
from .weights import load_network

RAY_BLOCK = 4  # cells a side whose mean ray stands for them: the rays of a pinhole camera change evenly
BACKBONE_SHARE = 0.75  # of the time of a call


class FullPredictor:
    """The network with its weights, loaded at the first call.

    Args:
        checkpoint: made by `faceanything convert`.
        device: "cuda", "mps" or "cpu".
        threads: of a processor; None leaves it to PyTorch.
    """

    def __init__(self, checkpoint: Path, device: str = "cpu", threads: int | None = None) -> None:
        self.checkpoint, self.device = checkpoint, device
        self._network: FaceNetwork | None = None
        if threads:
            torch.set_num_threads(threads)

    @property
    def network(self) -> FaceNetwork:
        """Raises UserError: the weights cannot be loaded, or the device cannot hold them."""
        if self._network is None:
            with _told(self._cannot_hold):
                self._network = load_network(self.checkpoint, self.device, float32=self.device == "cpu")
        return self._network

    def predict(
        self, images: Sequence[np.ndarray], pulse: Callable[[float], None] = lambda share: None
    ) -> list[Prediction]:
        """One call of the network: all pictures see each other.

        Args:
            images: (H, W, 3) RGB uint8, of one size.
            pulse: told now and then which share of the call is done; may raise to end it.

        Raises:
            UserError: the pictures are too narrow, the device has not enough memory, or the weights cannot be loaded.
        """
        try:
            given = preprocess(images)
        except ValueError as error:
            raise UserError(
                f"the footage is too narrow for the full-size network ({error}); use wider footage"
            ) from error
        network = self.network
        with _told(lambda: self._what_fits(given)), torch.inference_mode(), _Beat(network, len(images), pulse):
            out = network(torch.from_numpy(given.images).to(self.device))
            return to_predictions(out, given)

    def _what_fits(self, given: NetworkInput) -> str:
        """What to do where `given` was too much."""
        views, _, height, width = given.images.shape
        line = f"--device {self.device}: the memory is not enough for {views} frames a window"
        if views == 1:
            return f"--device {self.device}: the memory is not enough for one frame; free some or use --device cpu"
        if self.device == "cuda":
            torch.cuda.empty_cache()
        free, product = free_bytes(self.device), product_bytes(self.network)
        fits = views_that_fit(self.network.config, height, width, product, free) if free is not None else views
        # The estimate let this one pass: where it still says so it is not to be believed.
        fits = min(fits, views // 2)
        return f"{line}; --window {fits} would fit" if fits > 1 else f"{line}; --mode one-by-one would fit"

    def _cannot_hold(self) -> str:
        return (
            f"--device {self.device}: the memory is not enough for the weights in {self.checkpoint.name}; free some, "
            "convert the checkpoint with --dtype bfloat16, or use --device cpu"
        )


def product_bytes(network: FaceNetwork) -> int:
    """Of one number in the backbone's products."""
    return network.backbone.state_dict()["blocks.0.attn.qkv.weight"].element_size()


class _told:
    """Turns what the runtimes say when memory runs out into the user's line."""

    def __init__(self, line: Callable[[], str]) -> None:
        self.line = line

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if is_out_of_memory(error):
            raise UserError(self.line()) from error


class _Beat:
    """Tells how far a call is: before every block of the backbone, and before every picture of the heads."""

    def __init__(self, network: FaceNetwork, views: int, pulse: Callable[[float], None]) -> None:
        self.network, self.views, self.pulse = network, views, pulse
        self.blocks = self.heads = 0
        self.hooks: list[Any] = []

    def __enter__(self) -> None:
        blocks = [block.register_forward_pre_hook(self._block) for block in self.network.backbone.blocks]
        self.hooks = [*blocks, self.network.head.register_forward_pre_hook(self._head)]

    def __exit__(self, *_: object) -> None:
        for hook in self.hooks:
            hook.remove()

    def _block(self, *_: object) -> None:
        self.pulse(BACKBONE_SHARE * self.blocks / len(self.network.backbone.blocks))
        self.blocks += 1

    def _head(self, *_: object) -> None:
        self.pulse(BACKBONE_SHARE + (1 - BACKBONE_SHARE) * self.heads / self.views)
        self.heads += 1


def to_predictions(out: NetworkOutput, given: NetworkInput) -> list[Prediction]:
    """Maps over the frame; the focal length in frame pixels, NaN where the rays are of no camera."""
    focal = focal_lengths(out, given)
    canonical, depth = (t.float().cpu().numpy() for t in (out.canonical, out.depth))
    confidence = out.canonical_confidence.float().cpu().numpy()
    return [
        Prediction(FullMaps(canonical[n], depth[n], confidence[n], to_frame(given.matrices[n])), float(focal[n]))
        for n in range(len(depth))
    ]


def to_frame(matrix: np.ndarray) -> np.ndarray:
    """(2, 3) affine from the network's pixels to the frame's, whole numbers at pixel centres.

    Args:
        matrix: (3, 3) the other way, counted from the edge.
    """
    centre = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return (np.linalg.inv(centre) @ np.linalg.inv(matrix) @ centre)[:2]


def focal_lengths(out: NetworkOutput, given: NetworkInput) -> np.ndarray:
    """(N,) frame pixels: the mean of both axes, as pixels are square."""
    height, width = given.images.shape[2:]
    rays = F.avg_pool2d(out.rays.permute(0, 3, 1, 2), RAY_BLOCK).permute(0, 2, 3, 1).cpu().numpy()
    confidence = F.avg_pool2d(out.ray_confidence[:, None], RAY_BLOCK)[:, 0].cpu().numpy()
    focal = np.full(len(rays), math.nan)
    for number in range(len(rays)):
        one = slice(number, number + 1)
        try:
            k = cameras_from_rays(rays[one], confidence[one], height, width).intrinsics[0]
        except np.linalg.LinAlgError:
            continue
        both = float(k[0, 0] / given.matrices[number][0, 0]) * float(k[1, 1] / given.matrices[number][1, 1])
        focal[number] = math.sqrt(both) if both > 0 and math.isfinite(both) else math.nan
    return focal
