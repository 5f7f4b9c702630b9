"""The full-size network: the released Face Anything architecture in PyTorch, and its checkpoint.

Importing this package is light. Its modules with networks in them import PyTorch, so they are imported only where
they are used, after `require("torch")`.

Door: `weights.load_network(file) -> FaceNetwork`, `network.FaceNetwork(images) -> NetworkOutput`,
`preprocess.preprocess(pictures) -> NetworkInput`, `ray_pose.cameras_from_rays(rays, ...) -> Cameras`.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from importlib import import_module

from ...errors import UserError


def require(package: str) -> None:
    """See that a package of the extra "full" can be loaded: "torch" or "safetensors".

    Raises:
        UserError: it cannot.
    """
    try:
        import_module(package)
    except ImportError as error:
        line = str(error).strip().splitlines()[0]
        raise UserError(
            f"{package}: cannot be loaded ({line}); the full-size network needs it: pip install 'faceanything[full]'"
        ) from error
