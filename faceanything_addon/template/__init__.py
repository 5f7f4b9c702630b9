"""The canonical face: topology, canonical space, shape and ARKit bases."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .template import PART_NAMES, Part, Template, load_template

__all__ = ["PART_NAMES", "Part", "Template", "load_template"]
