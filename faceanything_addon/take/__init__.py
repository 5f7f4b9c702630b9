"""The take: everything known about one performance, in memory and on disk."""

# SPDX-License-Identifier: GPL-3.0-or-later
from .evidence import EvidenceChunk
from .files import CHUNK, TakeReader, TakeWriter, read_take
from .take import Actor, Frames, Take, TakeInfo, camera_vertices, project

__all__ = [
    "CHUNK",
    "Actor",
    "EvidenceChunk",
    "Frames",
    "Take",
    "TakeInfo",
    "TakeReader",
    "TakeWriter",
    "camera_vertices",
    "project",
    "read_take",
]
