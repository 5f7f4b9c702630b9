"""SMPTE time codes."""

# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from faceanything_addon.timecode import Timecode

NTSC = 1000 / 1001


@pytest.mark.parametrize(
    ("text", "rate", "frame", "seconds"),
    [
        ("01:00:00:00", 25.0, 90000, 3600.0),
        ("01:00:00:00", 24.0, 86400, 3600.0),
        ("01:00:00:00", 24 * NTSC, 86400, 3603.6),
        ("01:00:00:00", 30 * NTSC, 108000, 3603.6),
        ("01:00:00;00", 30 * NTSC, 107892, 3599.9964),
        ("01:00:00;00", 60 * NTSC, 215784, 3599.9964),
        ("00:01:00;02", 30 * NTSC, 1800, 60.06),
        ("00:10:00;00", 30 * NTSC, 17982, 599.9994),
        ("23:59:59:59", 60.0, 5183999, 86400 - 1 / 60),
        ("10:20:30.12", 25.0, 930762, 37230.48),
    ],
)
def test_a_time_code_is_a_frame_count_and_real_seconds(text, rate, frame, seconds):
    code = Timecode.parse(text, rate)
    assert code.frame == frame and code.seconds == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("rate", [30 * NTSC, 60 * NTSC])
def test_dropped_numbers_are_not_shown_and_every_frame_comes_back(rate):
    shown = [str(Timecode(frame, rate, drop=True)) for frame in range(0, 80000, 7)]
    assert [Timecode.parse(text, rate).frame for text in shown] == list(range(0, 80000, 7))
    minute = round(60 * rate / NTSC)
    assert str(Timecode(minute - 1, rate, True))[:8] == "00:00:59"
    assert str(Timecode(minute, rate, True)) == f"00:01:00;{2 * round(rate / 30):02d}"


def test_a_days_frames_are_all_there():
    assert Timecode.parse("23:59:59;29", 30 * NTSC).frame == 2589407
    assert str(Timecode.parse("09:58:07:11", 24.0) + 13) == "09:58:08:00"


@pytest.mark.parametrize("text", ["", "noon", "1:2:3:4", "24:00:00:00", "00:60:00:00", "00:00:00:25", "00:00:00"])
def test_what_is_no_time_code_is_refused(text):
    with pytest.raises(ValueError, match="no time code"):
        Timecode.parse(text, 25.0)
