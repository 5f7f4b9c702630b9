"""Time stamps as frames."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest

from faceanything_addon.take.timing import frame_positions


@pytest.mark.parametrize("rate", [24.0, 60.0, 120.0, 240.0])
def test_whole_milliseconds_are_whole_frames(rate: float) -> None:
    time = np.round(np.arange(200) / rate, 3)
    assert np.array_equal(frame_positions(time, rate), np.arange(200))


def test_frames_of_a_varying_rate_keep_their_places() -> None:
    time = np.array([0.0, 0.033, 0.050, 0.1])
    assert frame_positions(time, 30.0) == pytest.approx(time * 30)
