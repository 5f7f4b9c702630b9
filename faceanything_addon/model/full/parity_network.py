"""Whole-network parity: small configurations with generated parameters, block by block."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from .camera import decode_pose
from .config import from_published
from .generated import generated
from .network import FaceNetwork, NetworkOutput, empty_network, released_name
from .parity import Check, Comparer

# Recorded name -> ours in `NetworkOutput`.
OUTPUTS = {
    "depth": "depth",
    "depth_conf": "depth_confidence",
    "ray": "rays",
    "ray_conf": "ray_confidence",
    "deformation": "canonical",
    "deformation_conf": "canonical_confidence",
    "pose_enc": "pose",
}
INPUT = "input"


def check_networks(arrays: dict[str, np.ndarray], description: dict[str, Any], comparer: Comparer) -> Iterator[Check]:
    """Every array `configuration/run/name` of a fixture; one that no run explains is wrong."""
    unexplained = set(arrays)
    for config_name, entry in description["configs"].items():
        network, digest = build(entry)
        wanted = np.array(entry["sha256_all_in_order"])
        yield comparer.check(f"parameters of {config_name}", np.array(digest), wanted)
        for run in entry["runs"]:
            prefix = f"{config_name}/{run}/"
            recorded = {name[len(prefix) :]: a for name, a in arrays.items() if name.startswith(prefix)}
            unexplained -= {prefix + name for name in recorded}
            ours = run_network(network, recorded.pop(INPUT))
            for name, array in recorded.items():
                yield comparer.check(prefix + name, ours.get(name), array)
    for name in sorted(unexplained):
        yield comparer.check(name, None, arrays[name])


def build(entry: dict[str, Any]) -> tuple[FaceNetwork, str]:
    """The described network with generated parameters, and the SHA-256 of all of them in the listed order."""
    network = empty_network(from_published(entry["config"]))
    needed = {released_name(name): name for name in network.state_dict()}
    digest, state = hashlib.sha256(), {}
    for tensor in entry["tensors"]:
        values = parameter(tensor, entry["seed"])
        digest.update(values.astype("<f4").tobytes())
        if tensor["key"] in needed:
            state[needed[tensor["key"]]] = torch.from_numpy(values)
    network.load_state_dict(state, assign=True)
    return network.eval(), digest.hexdigest()


def parameter(tensor: dict[str, Any], seed: int) -> np.ndarray:
    """One described tensor, float32; tensors that share memory share the name they are made from."""
    values = generated(tensor.get("alias_of", tensor["key"]), tensor["shape"], seed)
    return (tensor["mean"] + tensor["scale"] * values).astype(np.float32)


def run_network(network: FaceNetwork, images: np.ndarray) -> dict[str, np.ndarray]:
    """Outputs, taps, raw blocks and cameras under their recorded names; images are (N, 3, H, W)."""
    seen: dict[str, np.ndarray] = {}
    hooks = [network.backbone.register_forward_hook(lambda _m, _i, taps: _keep_taps(seen, taps))]
    for index, block in enumerate(network.backbone.blocks):
        hooks.append(block.register_forward_hook(_keeper(seen, f"block{index}")))
    with torch.inference_mode():
        output = network(torch.from_numpy(images))
    for hook in hooks:
        hook.remove()
    return seen | _named(output, *images.shape[2:])


def _named(output: NetworkOutput, height: int, width: int) -> dict[str, np.ndarray]:
    named = {theirs: getattr(output, ours).numpy() for theirs, ours in OUTPUTS.items()}
    cameras = decode_pose(named["pose_enc"], height, width)
    return named | {"extrinsics": cameras.extrinsics, "intrinsics": cameras.intrinsics}


def _keep_taps(seen: dict[str, np.ndarray], taps: Any) -> None:
    for index, tap in enumerate(taps):
        seen[f"tap{index}_patch"], seen[f"tap{index}_cam"] = tap.patches.numpy(), tap.camera.numpy()


def _keeper(seen: dict[str, np.ndarray], name: str) -> Any:
    def keep(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
        # Shares memory, as the recording did: the block before the camera tokens shows them.
        seen[name] = output.numpy()

    return keep
