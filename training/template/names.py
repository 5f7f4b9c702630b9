"""ARKit's blendshape names, Apple's spelling and order."""

# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

ARKIT_NAMES = (Path(__file__).parent / "arkit_names.txt").read_text(encoding="ascii").split()
