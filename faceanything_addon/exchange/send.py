"""A performance over the network, frame by frame as it was played. Only to the one host that the user names."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from ..errors import UserError
from ..take.performance import Performance
from .protocols import DEFAULT_SUBJECT, PORTS, Sample, Sampler, encoder

Report = Callable[[int, int], None]
MOST_SUBJECT = 64  # bytes of the name
LATE = 0.1  # seconds by which a frame may be late; the next one is sent instead


class Sender:
    """A UDP socket with one receiver."""

    def __init__(self, to: str, protocol: str, subject: str = DEFAULT_SUBJECT) -> None:
        """Make ready to send to HOST or HOST:PORT.

        Raises:
            UserError: the host is not known, the port is none, or the subject's name is empty or too long.
        """
        if not 0 < len(subject.encode(errors="replace")) <= MOST_SUBJECT or not subject.isprintable():
            raise UserError(f"--subject: give a name of 1 to {MOST_SUBJECT} letters")
        self._encode = encoder(protocol, subject)
        host, port = parse_address(to, PORTS[protocol])
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            family, kind, _, _, self._address = preferred(answers)
            self._socket = socket.socket(family, kind)
        except (OSError, UnicodeError) as error:
            raise UserError(f"{to}: this host is not known ({error}); give its name or address") from error
        self._name = to

    def send(self, sample: Sample) -> None:
        """Raises UserError: the network refuses."""
        try:
            for data in self._encode(sample):
                self._socket.sendto(data, self._address)
        except OSError as error:
            raise UserError(f"{self._name}: cannot be sent to ({error.strerror}); check address and network") from error

    @property
    def local(self) -> bool:
        """Whether the receiver is this very machine."""
        return ip_address(str(self._address[0]).partition("%")[0]).is_loopback

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def preferred(answers: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Of getaddrinfo's answers the first of IPv4, as many receivers have nothing else; `localhost` often has both."""
    return min(answers, key=lambda answer: answer[0] != socket.AF_INET)


def parse_address(text: str, port: int) -> tuple[str, int]:
    """HOST, HOST:PORT, [IPv6]:PORT -> (host, port).

    Raises:
        UserError: there is no host, or the port is none.
    """
    host, separator, number = text.rpartition(":")
    if not separator or (":" in host and not host.endswith("]")):  # a bare host, or a bare IPv6 address
        host, number = text, str(port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (number.isascii() and number.isdigit()) or not 0 < int(number) < 65536:
        raise UserError(f"{text}: is no receiver; give HOST:PORT, such as 127.0.0.1:{port}")
    return host, int(number)


def play(performance: Performance, sender: Sender, loop: bool = False, report: Report | None = None) -> None:
    """Send all frames at the distances of their time stamps; frames that would come too late are left out.

    Args:
        loop: begin again after the last frame, without end.
        report: called with frames done and frames in all; what it raises ends the playing.

    Raises:
        UserError: the network refuses.
    """
    sampler, begin = Sampler(performance), time.monotonic()
    due = performance.time - performance.time[0]
    while True:
        for number in range(len(performance)):
            now = time.monotonic() - begin
            if number + 1 < len(due) and due[number + 1] + LATE <= now:
                continue
            time.sleep(max(0.0, float(due[number]) - now))
            sender.send(sampler.at(float(due[number])))
            if report:
                report(number + 1, len(performance))
        if not loop:
            return
        begin += float(due[-1]) + 1 / performance.rate
