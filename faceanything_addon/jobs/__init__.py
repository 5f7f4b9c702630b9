"""Long work: a clip from footage to take, here or in a process of its own."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .progress import Cancelled, Progress

__all__ = ["Cancelled", "Progress"]
