"""What a device is good at: which numbers it multiplies fast, and how it attends."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


def pick_device(name: str) -> str:
    """auto -> cuda where there is one."""
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


def pick_bf16(precision: str, device: torch.device) -> bool:
    """auto -> bfloat16 where the processor multiplies it natively."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    check = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(check())


def attention(device: torch.device) -> AbstractContextManager[Any]:
    """Plain products on a processor: its fused attention is slow for so few tokens (a sixth of a step)."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()
