# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import csv

import numpy as np
import pytest
from support.performance import make_performance
from support.stand_in import make_take, make_template
from support.store import store_take

from faceanything_addon.errors import UserError
from faceanything_addon.exchange.livelink import columns, head_angles, head_turns, read_livelink, write_livelink
from faceanything_addon.exchange.sources import read_performance
from faceanything_addon.exchange.timecode import format_timecode, parse_timecodes
from faceanything_addon.take.performance import Performance, take_performance


def assert_same_turns(first: Performance, second: Performance, tolerance: float) -> None:
    assert first.head is not None and second.head is not None and first.gaze is not None and second.gaze is not None
    assert np.allclose(first.head, second.head, atol=tolerance) and np.allclose(first.gaze, second.gaze, atol=tolerance)


def rows_of(file) -> list[list[str]]:
    with open(file, newline="") as opened:
        return list(csv.reader(opened))


def test_a_written_recording_reads_back(tmp_path):
    played = make_performance(50, 25.0, start=7.0)
    back = read_livelink(write_livelink(played, tmp_path / "a.csv"))
    assert back.names == played.names and back.rate == pytest.approx(25, abs=0.05)
    assert np.allclose(back.time, played.time - 7, atol=1e-5)
    assert np.allclose(back.coefficients, played.coefficients, atol=1e-7)
    assert_same_turns(back, played, 1e-7)


def test_the_columns_stand_in_the_apps_order(tmp_path):
    header, first = rows_of(write_livelink(make_performance(2), tmp_path / "a.csv"))[:2]
    assert header[:3] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft"] and len(header) == 63
    assert header[16:20] == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert header[23:25] == ["MouthRight", "MouthLeft"] and header[53] == "TongueOut"
    assert header[54:] == [f"{w}{a}" for w in ("Head", "LeftEye", "RightEye") for a in ("Yaw", "Pitch", "Roll")]
    assert first[:2] == ["00:00:00:00.000", "61"] and len(first) == 63


def test_a_take_keeps_coefficients_head_and_gaze(tmp_path):
    take = make_take(make_template(4), 70)
    folder = store_take(take, tmp_path / "take")
    played, back = take_performance(folder), read_livelink(write_livelink(read_performance(folder), tmp_path / "a.csv"))
    assert np.allclose(back.coefficients, take.frames.arkit, atol=1e-6)
    assert_same_turns(back, played, 1e-6)
    assert back.head is not None
    camera = np.einsum("ij,fjk->fik", np.diag([1.0, -1, -1]), back.head)
    assert np.allclose(camera, take.frames.head_pose[:, :3, :3], atol=1e-5)


@pytest.mark.parametrize(
    ("angles", "moved", "direction"),
    [
        ([0.3, 0, 0], [0, 0, 1], [-1, 0, 0]),  # yaw: the face turns to the subject's right
        ([0, 0.3, 0], [0, 0, 1], [0, 1, 0]),  # pitch: it looks up
        ([0, 0, 0.3], [1, 0, 0], [0, 1, 0]),  # roll: the left ear rises
    ],
)
def test_signs_of_the_heads_angles(angles, moved, direction):
    turn = head_turns(np.array([angles]))[0]
    assert np.dot(turn @ moved - np.array(moved), direction) > 0.2
    assert np.allclose(turn @ turn.T, np.eye(3)) and np.allclose(head_angles(turn[None])[0], angles)


def test_angles_come_back_from_any_turn():
    angles = np.random.default_rng(1).uniform(-1.4, 1.4, (50, 3))
    assert np.allclose(head_angles(head_turns(angles)), angles)


def phone_file(file, stamps, count="61", columns=("jawOpen", "EyeBlinkLeft"), extra=""):
    lines = [",".join(("Timecode", "BlendShapeCount", *columns)) + extra]
    lines += [f"{stamp},{count},0.25,0.5" + extra for stamp in stamps]
    file.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_columns_are_read_by_name_in_any_order_and_case(tmp_path):
    file = phone_file(tmp_path / "a.csv", ["10:00:00:00.000", "10:00:00:01.000"], columns=("JAWOPEN", "eyeblinkleft"))
    back = read_livelink(file)
    assert back.names == ("eyeBlinkLeft", "jawOpen") and back.coefficients.tolist() == [[0.5, 0.25]] * 2
    assert back.head is None and back.gaze is None


def test_rows_without_a_face_are_left_out(tmp_path):
    file = phone_file(tmp_path / "a.csv", ["00:00:00:00.000", "00:00:00:02.000"])
    text = file.read_text("utf-8").replace("00:00:00:02.000,61", "00:00:00:01.000,0,0,0\n00:00:00:02.000,61")
    file.write_text(text, "utf-8")
    assert read_livelink(file).time.tolist() == pytest.approx([0, 2 / 60])


def since_first(stamps):
    times = parse_timecodes(stamps)
    return times - times[0]


@pytest.mark.parametrize("rate", [24, 25, 30, 60])
def test_the_time_codes_rate_is_found_from_its_rhythm(rate):
    stamps = [f"14:03:{50 + n // rate}:{n % rate:02d}.{n * 37 % 40:03d}" for n in range(3 * rate)]
    assert np.allclose(since_first(stamps), np.arange(3 * rate) / rate, atol=0.05 / rate)


def test_time_codes_pass_midnight_and_come_in_other_forms():
    assert parse_timecodes(["23:59:59:30.000", "00:00:00:00.000"]).tolist() == pytest.approx([86399.5, 86400])
    assert parse_timecodes(["00:00:01.250", "00:00:02.750"]).tolist() == pytest.approx([1.25, 2.75])
    assert parse_timecodes(["3.5", "4.0"]).tolist() == pytest.approx([3.5, 4.0])
    assert format_timecode(3661.5) == "01:01:01:30.000" and format_timecode(0.9999999) == "00:00:01:00.000"


def test_stamps_that_do_not_rise_are_dropped(tmp_path):
    stamps = ["00:00:00:00.000", "00:00:00:02.000", "00:00:00:02.000", "00:00:00:01.000", "00:00:00:03.000"]
    assert (np.diff(read_livelink(phone_file(tmp_path / "a.csv", stamps)).time) > 0).all()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n1,2\n",
        "Timecode,Nothing\n00:00:00:00,1\n",
        "Timecode,BlendShapeCount,JawOpen\n",
        "Timecode,BlendShapeCount,JawOpen\n00:00:00:00,61,x\n",
        "Timecode,BlendShapeCount,JawOpen\n00:00:00:00,61\n",
        "Timecode,BlendShapeCount,JawOpen\nnoon,61,0.5\n",
        "Timecode,BlendShapeCount,JawOpen\n00:00:00:00,61,nan\n",
        "Timecode,BlendShapeCount,JawOpen\n00:00:00:00,61,1e300\n",
        "Timecode,BlendShapeCount,JawOpen\n1e307:00:00:00,61,0.5\n",
    ],
)
def test_what_is_no_recording_is_told_in_one_line(tmp_path, text):
    file = tmp_path / "bad.csv"
    file.write_text(text)
    with pytest.raises(UserError, match="is no Live Link Face recording") as caught:
        read_livelink(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_files_and_other_kinds_are_told(tmp_path):
    (tmp_path / "a.bvh").write_text("")
    for name, told in (("none.csv", "cannot be read"), ("a.bvh", "is no performance"), ("none", "is not a take")):
        with pytest.raises(UserError, match=told):
            read_performance(tmp_path / name)
    with pytest.raises(UserError, match="give the name of a file"):
        write_livelink(make_performance(2), tmp_path)
    assert len(columns()) == 61


HEADER = "Timecode,BlendShapeCount,JawOpen,EyeBlinkLeft"
WHOLE = [f"00:00:00:{frame:02d}.000,61,0.25,0.5" for frame in range(3)]


def written(file, lines, end="\n"):
    file.write_text("\n".join(lines) + end)
    return file


@pytest.mark.parametrize(
    "lines",
    [
        [HEADER + ",Note", *(line + ",take one" for line in WHOLE)],
        [HEADER + ",", *(line + "," for line in WHOLE)],
        [HEADER, *(line + "," for line in WHOLE)],
        [HEADER + ",Note", *(line + ",nan" for line in WHOLE)],
        ["Note," + HEADER, *("x," + line for line in WHOLE)],
        [HEADER, *WHOLE, "00:00:00:03.000,0,,"],
        [HEADER, "00:00:00:00.000,0", *WHOLE[1:], "00:00:00:03.000,61,0.25,0.5"],
    ],
)
def test_what_a_recording_holds_besides_is_not_read(tmp_path, lines):
    """Other columns, commas at the ends, and rows without a face, whatever stands in them."""
    back = read_livelink(written(tmp_path / "a.csv", lines))
    assert back.names == ("eyeBlinkLeft", "jawOpen") and back.coefficients.tolist() == [[0.5, 0.25]] * 3


@pytest.mark.parametrize("cut", ["00:00", "00:00:00:03.000", "00:00:00:03.000,6", "00:00:00:03.000,61,0.25,", "\0\0"])
def test_a_last_line_that_was_cut_off_is_left_out(tmp_path, cut):
    """The phone's battery or its disk ended the recording; what came before is sound."""
    back = read_livelink(written(tmp_path / "a.csv", [HEADER, *WHOLE, cut], ""))
    assert back.coefficients.tolist() == [[0.5, 0.25]] * 3


def test_a_last_line_without_its_end_that_is_whole_is_read(tmp_path):
    """Editors leave the last line's end out."""
    assert len(read_livelink(written(tmp_path / "a.csv", [HEADER, *WHOLE], ""))) == 3


@pytest.mark.parametrize(
    "wrong", ["61,x,0.5", "61,,0.5", "61,nan,0.5", "61,1e300,0.5", "61,0.25", "many,0.25,0.5", ",0.25,0.5"]
)
def test_a_wrong_entry_in_the_middle_is_told_with_its_line(tmp_path, wrong):
    """In one line that names the file."""
    file = written(tmp_path / "a.csv", [HEADER, WHOLE[0], f"00:00:00:01.000,{wrong}", WHOLE[2]])
    with pytest.raises(UserError, match="line 3 has an entry missing, too great or not a number") as caught:
        read_livelink(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


def test_a_wrong_number_in_a_last_line_that_is_whole_is_told(tmp_path):
    """Only what was cut off is left out."""
    with pytest.raises(UserError, match="line 5"):
        read_livelink(written(tmp_path / "a.csv", [HEADER, *WHOLE, "00:00:00:03.000,61,0.25,x"]))
