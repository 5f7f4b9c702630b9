"""The datagrams of Epic's Live Link Face, version 6. docs/sending.md tells their layout."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
import uuid
from fractions import Fraction

import numpy as np

from ..template.names import arkit_names

VERSION = 6
DEVICE = str(uuid.uuid5(uuid.NAMESPACE_URL, "https://faceanything/live-link")).upper()
ANGLES = tuple(f"{part}{axis}" for part in ("head", "lefteye", "righteye") for axis in ("yaw", "pitch", "roll"))


def packet_order() -> tuple[str, ...]:
    """The 61 values in Epic's order, in lower case: Apple's coefficients, then the angles of head and eyes.

    The app's CSV has another order: there jawRight comes before jawLeft, and mouthRight before mouthLeft.
    """
    return (*(name.lower() for name in arkit_names()), *ANGLES)


def encode_packet(subject: str, seconds: float, rate: float, values: np.ndarray) -> bytes:
    """One frame.

    Args:
        subject: name under which Unreal shows the face.
        seconds: its time of day. rate: frames a second.
        values: (61,) in `packet_order`; angles in radians.
    """
    ratio = Fraction(rate).limit_denominator(1001)
    frame, part = divmod(max(seconds, 0.0) * float(ratio), 1)
    head = struct.pack(">B", VERSION) + _text(DEVICE) + _text(subject)
    time = struct.pack(">ifii", int(frame) & 0x7FFFFFFF, part, ratio.numerator, ratio.denominator)
    return head + time + struct.pack(f">B{len(values)}f", len(values), *values)


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return struct.pack(">i", len(data)) + data
