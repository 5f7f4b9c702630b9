"""Decoders that share no code with the senders: OSC 1.0, and Live Link Face as its receivers read it."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_EPIC_ORDER = """
EyeBlinkLeft EyeLookDownLeft EyeLookInLeft EyeLookOutLeft EyeLookUpLeft EyeSquintLeft EyeWideLeft EyeBlinkRight
EyeLookDownRight EyeLookInRight EyeLookOutRight EyeLookUpRight EyeSquintRight EyeWideRight JawForward JawLeft JawRight
JawOpen MouthClose MouthFunnel MouthPucker MouthLeft MouthRight MouthSmileLeft MouthSmileRight MouthFrownLeft
MouthFrownRight MouthDimpleLeft MouthDimpleRight MouthStretchLeft MouthStretchRight MouthRollLower MouthRollUpper
MouthShrugLower MouthShrugUpper MouthPressLeft MouthPressRight MouthLowerDownLeft MouthLowerDownRight MouthUpperUpLeft
MouthUpperUpRight BrowDownLeft BrowDownRight BrowInnerUp BrowOuterUpLeft BrowOuterUpRight CheekPuff CheekSquintLeft
CheekSquintRight NoseSneerLeft NoseSneerRight TongueOut HeadYaw HeadPitch HeadRoll LeftEyeYaw LeftEyePitch LeftEyeRoll
RightEyeYaw RightEyePitch RightEyeRoll
"""
EPIC_ORDER = _EPIC_ORDER.split()


@contextmanager
def receiver() -> Iterator[tuple[socket.socket, str]]:
    """A UDP socket on this machine, and the HOST:PORT that reaches it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(5)
        yield opened, f"127.0.0.1:{opened.getsockname()[1]}"


def waiting(opened: socket.socket) -> list[bytes]:
    """All datagrams that have come, at least one."""
    out = [opened.recv(4096)]
    while select.select([opened], [], [], 0.05)[0]:
        out.append(opened.recv(4096))
    return out


class _Bytes:
    """Big-endian numbers one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> bytes:
        part = self.data[self.place : self.place + count]
        assert len(part) == count, "cut short"
        self.place += count
        return part

    def integer(self, count: int = 4) -> int:
        return int.from_bytes(self.take(count), "big")

    def real(self) -> float:
        bits = self.integer()
        sign, exponent, fraction = bits >> 31, bits >> 23 & 255, bits & 0x7FFFFF
        value = fraction * 2.0**-149 if exponent == 0 else (1 + fraction * 2.0**-23) * 2.0 ** (exponent - 127)
        return -value if sign else value

    def padded(self) -> str:
        end = self.data.index(b"\0", self.place)
        text = self.data[self.place : end].decode("ascii")
        self.take((end - self.place) // 4 * 4 + 4)
        return text


def decode_livelink(data: bytes) -> dict[str, Any]:
    """One packet, as Unreal's plug-in and the readers of third parties take it apart."""
    stream = _Bytes(data)
    out: dict[str, Any] = {"version": stream.integer(1)}
    for name in ("device", "subject"):
        out[name] = stream.take(stream.integer()).decode("utf-8")
    out |= {"frame": stream.integer(), "part": stream.real()}
    out |= {"numerator": stream.integer(), "denominator": stream.integer()}
    assert stream.integer(1) == 61
    out["values"] = {name: stream.real() for name in EPIC_ORDER}
    assert stream.place == len(data)
    return out


def decode_osc(data: bytes) -> list[tuple[str, list[Any]]]:
    """Messages of a bundle, each (address, arguments); the first is ("#time", [NTP seconds])."""
    stream = _Bytes(data)
    assert len(data) % 4 == 0 and stream.padded() == "#bundle"
    out: list[tuple[str, list[Any]]] = [("#time", [stream.integer(8) / 2**32])]
    while stream.place < len(data):
        message = _Bytes(stream.take(stream.integer()))
        address, tags = message.padded(), message.padded()
        read = {"f": message.real, "i": message.integer, "s": message.padded}
        assert tags[0] == ","
        out.append((address, [read[tag]() for tag in tags[1:]]))
        assert message.place == len(message.data)
    return out
