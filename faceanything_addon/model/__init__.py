"""Networks and their runtimes: pictures in, `FaceMaps` out."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .maps import FaceMaps
from .tracker import FaceTracker

__all__ = ["FaceMaps", "FaceTracker"]
