"""Where the full-size network runs, and how many pictures a call may have there."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ...errors import UserError
from .config import NetworkConfig

DEVICES = ("cuda", "mps", "cpu")
SAFETY = 1.25  # allocators and kernels take more than the tensors
HEAD_BYTES = 0.9e9  # of one picture of 504 x 504 in the released heads, measured on a processor
HEAD_PIXELS = 504 * 504
HEAD_FEATURES = 256
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED")
OUTPUT_FLOATS = 12  # kept for every pixel: depth, canonical coordinate, rays, confidences


def choose_device(wanted: str) -> str:
    """ "auto" takes the first of `DEVICES` that is there.

    Raises:
        UserError: what is asked for is not there.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name in DEVICES if there[name])
    if not there.get(wanted, False):
        known = " or ".join(name for name in DEVICES if there[name])
        raise UserError(f"--device {wanted}: PyTorch {torch.__version__} finds no such device here; give {known}")
    return wanted


def free_bytes(device: str) -> int | None:
    """Memory that can be had now; None where that cannot be told."""
    import torch

    if device == "cuda":
        return torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    if device == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return free_main_memory()


def free_main_memory() -> int | None:
    """Bytes of main memory that programs can still take without swapping."""
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    if sys.platform == "win32":
        return _free_on_windows()
    try:  # macOS keeps most of what is not in use filled with files; half of the whole is a cautious guess
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError):
        return None


def _free_on_windows() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_uint32), ("load", ctypes.c_uint32)] + [
            (name, ctypes.c_uint64)
            for name in ("total", "free", "total_page", "free_page", "total_virtual", "free_virtual", "extended")
        ]

    status = Status(length=ctypes.sizeof(Status))
    system: Any = getattr(ctypes, "windll", None)
    if system is None or not system.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        return None
    return int(status.free)


def view_bytes(config: NetworkConfig, height: int, width: int, product_bytes: int) -> int:
    """What one more picture of a call keeps in the backbone, and of its results.

    Four taps and the streams in float32, and in a block the normalised stream, queries, keys and values before and
    after they are turned, or the feed-forward part's hidden channels.

    Args:
        product_bytes: of one number in the backbone's products, 2 or 4.
    """
    tokens = height // config.patch * (width // config.patch) + 1
    kept = 4 * (2 * config.dim + len(config.taps) * config.tap_dim)
    attention = config.dim * (4 * 5 + 5 * product_bytes)
    forward = config.dim * (4 + product_bytes) + 2 * config.hidden * product_bytes
    results = OUTPUT_FLOATS * 4 * height * width
    return int(SAFETY * (tokens * (kept + max(attention, forward)) + results))


def base_bytes(config: NetworkConfig, height: int, width: int) -> int:
    """What the heads need for the one picture that they look at."""
    features = max(config.depth_head.features, config.canonical_head.features)
    return int(HEAD_BYTES * height * width / HEAD_PIXELS * features / HEAD_FEATURES)


def views_that_fit(config: NetworkConfig, height: int, width: int, product_bytes: int, free: int) -> int:
    """How many pictures of a call `free` bytes beside the weights are enough for; 0: not even for one."""
    return max(0, int((free - base_bytes(config, height, width)) // view_bytes(config, height, width, product_bytes)))


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether a runtime says that memory has run out; each has words of its own."""
    spoken = str(error) if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or any(words in spoken for words in OUT_OF_MEMORY)
