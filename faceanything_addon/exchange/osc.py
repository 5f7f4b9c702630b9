"""Open Sound Control 1.0: what is needed to send numbers.

Source: M. Wright, The Open Sound Control 1.0 Specification, 2002.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct

Argument = str | float | int

MOST_BYTES = 1400  # of a datagram that no usual network takes apart
IMMEDIATELY = 1  # the time tag that asks for no delay
NTP_EPOCH = 2208988800  # seconds from 1900 to 1970


def message(address: str, *arguments: Argument) -> bytes:
    """One message; int, float and str become i, f and s."""
    tags, body = ",", b""
    for argument in arguments:
        if isinstance(argument, str):
            tags, body = tags + "s", body + _text(argument)
        elif isinstance(argument, int):
            tags, body = tags + "i", body + struct.pack(">i", argument)
        else:
            tags, body = tags + "f", body + struct.pack(">f", argument)
    return _text(address) + _text(tags) + body


def bundle(messages: list[bytes], tag: int = IMMEDIATELY) -> bytes:
    """Messages that belong together; tag as `time_tag` makes it."""
    head = _text("#bundle") + struct.pack(">Q", tag)
    return head + b"".join(struct.pack(">i", len(part)) + part for part in messages)


def bundles(messages: list[bytes], tag: int = IMMEDIATELY, most: int = MOST_BYTES) -> list[bytes]:
    """As few bundles as hold the messages in order, each of at most `most` bytes."""
    parts: list[list[bytes]] = [[]]
    for part in messages:
        if parts[-1] and len(bundle([*parts[-1], part])) > most:
            parts.append([])
        parts[-1].append(part)
    return [bundle(part, tag) for part in parts]


def time_tag(unix_seconds: float) -> int:
    """NTP time stamp: whole seconds from 1900 in the upper 32 bits, their fraction in the lower."""
    return round((unix_seconds + NTP_EPOCH) * (1 << 32))


def _text(text: str) -> bytes:
    """ASCII with at least one zero byte, padded to four."""
    data = text.encode("ascii")
    return data + b"\0" * (4 - len(data) % 4)
