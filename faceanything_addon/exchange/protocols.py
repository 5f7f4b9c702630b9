"""Performances as datagrams for other programs: which bytes each frame is."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..take.performance import Performance
from . import osc
from .livelink import values_by_column
from .livelink_packet import encode_packet, packet_order

PROTOCOLS = ("livelink", "osc", "vmc")
PORTS = {"livelink": 11111, "osc": 9000, "vmc": 39539}  # where programs usually listen
DEFAULT_SUBJECT = "FaceAnything"


@dataclass(frozen=True)
class Sample:
    """One moment of a performance."""

    seconds: float  # since the performance's beginning
    rate: float  # nominal frames a second
    coefficients: dict[str, float]  # Apple's spelling, 0..1
    angles: dict[str, float]  # headyaw, headpitch, ..., righteyeroll: radians, see docs/sending.md


Encoder = Callable[[Sample], list[bytes]]


class Sampler:
    """A performance at any moment: linear between its samples, constant beyond its ends."""

    def __init__(self, performance: Performance) -> None:
        columns = values_by_column(performance)
        self._names = {name.lower(): name for name in performance.names}
        self._columns = tuple(columns)
        self._table = np.stack([np.asarray(columns[name], np.float64) for name in columns], axis=1)
        self._time = performance.time - performance.time[0]
        self._rate = performance.rate

    def at(self, seconds: float) -> Sample:
        """The sample at seconds from the performance's beginning."""
        after = int(np.clip(np.searchsorted(self._time, seconds), 1, max(1, len(self._time) - 1)))
        before, after = after - 1, min(after, len(self._time) - 1)
        step = float(self._time[after] - self._time[before]) or 1.0
        share = min(max((seconds - float(self._time[before])) / step, 0.0), 1.0)
        row = self._table[before] * (1 - share) + self._table[after] * share
        values = dict(zip(self._columns, row.tolist(), strict=True))
        coefficients = {name: values.pop(lower) for lower, name in self._names.items()}
        return Sample(seconds, self._rate, coefficients, values)


def encoder(protocol: str, subject: str = DEFAULT_SUBJECT) -> Encoder:
    """How a sample becomes datagrams. protocol: one of PROTOCOLS."""
    return {"livelink": lambda sample: _livelink(sample, subject), "osc": _osc, "vmc": _vmc}[protocol]


def _livelink(sample: Sample, subject: str) -> list[bytes]:
    now = time.time()
    today = time.localtime(now)
    seconds = today.tm_hour * 3600 + today.tm_min * 60 + today.tm_sec + now % 1
    known = {name.lower(): value for name, value in sample.coefficients.items()} | sample.angles
    values = np.array([known.get(name, 0.0) for name in packet_order()], np.float32)
    return [encode_packet(subject, seconds, sample.rate, values)]


def _osc(sample: Sample) -> list[bytes]:
    """/face/NAME f for each coefficient, /face/head and the eyes' angles."""
    messages = [osc.message("/face/time", sample.seconds)]
    messages += [osc.message(f"/face/{name}", value) for name, value in sample.coefficients.items()]
    for address, part in (("/face/head", "head"), ("/face/eyeLeft", "lefteye"), ("/face/eyeRight", "righteye")):
        angles = [sample.angles.get(part + axis) for axis in ("yaw", "pitch", "roll")]
        if angles[0] is not None and angles[1] is not None:
            messages.append(osc.message(address, *(float(angle or 0.0) for angle in angles)))
    return osc.bundles(messages, osc.time_tag(time.time()))


def _vmc(sample: Sample) -> list[bytes]:
    """Perfect Sync's clips, by the Virtual Motion Capture protocol.

    Without the head: its message would have to give the bone's place too, which the avatar alone knows.
    """
    messages = [osc.message("/VMC/Ext/OK", 1), osc.message("/VMC/Ext/T", sample.seconds)]
    values = ((name[0].upper() + name[1:], value) for name, value in sample.coefficients.items())
    messages += [osc.message("/VMC/Ext/Blend/Val", name, value) for name, value in values]
    messages.append(osc.message("/VMC/Ext/Blend/Apply"))
    return osc.bundles(messages)
