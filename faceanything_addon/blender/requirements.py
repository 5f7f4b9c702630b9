"""What must be there before a capture can run, asked without importing any of it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

PYTHONS = ((3, 11), (3, 13))
PACKAGES = {"onnxruntime": "onnxruntime", "cv2": "opencv-python-headless", "av": "av", "scipy": "scipy"}


def missing() -> list[str]:
    """Names of the packages that this Python cannot find."""
    return [package for module, package in PACKAGES.items() if find_spec(module) is None]


def problem(version: tuple[int, ...] = tuple(sys.version_info[:2])) -> str | None:
    """One line that says why nothing can run here and what cures it; None where all is well."""
    absent = missing()
    if absent and version not in PYTHONS:
        known = " or ".join(".".join(map(str, v)) for v in PYTHONS)
        return (
            f"this Blender runs Python {'.'.join(map(str, version))}, Face Anything has packages for {known}; "
            "use Blender from blender.org (4.2 or later)"
        )
    if absent:
        return f"packages are missing ({', '.join(absent)}); install Face Anything again from the zip for this system"
    return None


def package_folders() -> list[str]:
    """Folders in which the packages lie, for a worker process of the same Python."""
    folders = []
    for module in (*PACKAGES, "numpy"):
        spec = find_spec(module)
        if spec and spec.origin:
            folder = str(Path(spec.origin).parent.parent)
            if folder not in folders:
                folders.append(folder)
    return folders
