"""Small full-size networks, and rays of known cameras."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import numpy as np
import torch

from faceanything_addon.model.full.config import HeadConfig, NetworkConfig
from faceanything_addon.model.full.network import FaceNetwork, released_name
from faceanything_addon.model.full.ray_pose import cell_plane

TOY = NetworkConfig(
    dim=32,
    depth=8,
    heads=2,
    hidden=48,
    alternate_from=2,
    normalise_qk_from=2,
    rotate_from=2,
    taps=(4, 5, 6, 7),
    depth_head=HeadConfig(8, (8, 8, 16, 16), 2),
    canonical_head=HeadConfig(8, (8, 8, 16, 16), 4),
)


def toy_network(config: NetworkConfig = TOY, seed: int = 0) -> FaceNetwork:
    """Random weights of the size that keeps a signal alive."""
    torch.manual_seed(seed)
    network = FaceNetwork(config).eval().requires_grad_(False)
    for name, tensor in network.state_dict().items():
        fan_in = max(1, tensor[0].numel()) if tensor.ndim > 1 else 1
        if name.endswith("weight") and tensor.ndim > 1:
            tensor.normal_(0, fan_in**-0.5)
        elif name.endswith(("weight", "gamma")):
            tensor.normal_(1, 0.1)
        else:
            tensor.normal_(0, 0.1 if name.endswith("bias") else 1.0)
    return network


def released_state(network: FaceNetwork) -> dict[str, torch.Tensor]:
    """The network's tensors under the released names."""
    return {released_name(name): tensor.clone() for name, tensor in network.state_dict().items()}


def turn(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3) rotation from degrees about y, then x, then z."""
    a, b, c = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def camera_rays(rotation: np.ndarray, centre: np.ndarray, k: np.ndarray, grid: tuple[int, int], size: tuple[int, int]):
    """(rows, columns, 6) rays of a camera-to-world rotation and centre; k in pixels of a (height, width) picture."""
    height, width = size
    place = (cell_plane(*grid)[:, :2] + 1) / 2 * [width, height]
    directions = np.column_stack([place, np.ones(len(place))]) @ np.linalg.inv(k).T @ rotation.T
    rays = np.column_stack([directions, np.broadcast_to(centre, directions.shape)])
    return rays.reshape(*grid, 6).astype(np.float32)
