"""The full-size network: the released Face Anything architecture in PyTorch, and its checkpoint.

Importing this package is light. Its modules with networks in them import PyTorch, so they are imported only where
they are used, after `require_torch()`.

Door: `weights.load_network(file) -> FaceNetwork`, `network.FaceNetwork(images) -> NetworkOutput`,
`preprocess.preprocess(pictures) -> NetworkInput`, `ray_pose.cameras_from_rays(rays, ...) -> Cameras`.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from importlib import import_module

from ...errors import UserError


def require_torch() -> None:
    """Load what the full-size network needs.

    Raises:
        UserError: PyTorch or safetensors cannot be loaded.
    """
    for package in ("torch", "safetensors"):
        try:
            import_module(package)
        except ImportError as error:
            line = str(error).strip().splitlines()[0]
            raise UserError(
                f"{package}: cannot be loaded ({line}); the full-size network needs it: "
                "pip install 'faceanything[full]'"
            ) from error
