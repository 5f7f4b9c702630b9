"""ARKit shape keys for characters that have none."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .pieces import chosen_meshes, read_pieces
from .result import accept, add_copies, add_keys, discard

__all__ = ["accept", "add_copies", "add_keys", "chosen_meshes", "discard", "read_pieces"]
