# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from support.video import (
    break_packet,
    level,
    number_of,
    picture,
    repeat_stamp,
    show_by,
    turn_clockwise,
    write_sound,
    write_talkie,
    write_video,
)

from faceanything_addon.errors import UserError
from faceanything_addon.footage import open_footage
from faceanything_addon.footage.images import natural_key
from faceanything_addon.footage.sound import sound_start


def complaint(path: Path, *args) -> str:
    """The one line a user reads when the footage is opened and read."""
    with pytest.raises(UserError) as caught:
        list(open_footage(path, *args).frames())
    line = str(caught.value)
    assert "\n" not in line and str(path) in line
    return line


def test_a_video_gives_every_frame_in_order_with_its_time_stamp(tmp_path):
    footage = open_footage(write_video(tmp_path / "a.mp4"))
    frames = list(footage.frames())
    assert (footage.kind, footage.width, footage.height, footage.frame_count) == ("video", 64, 48, 20)
    assert footage.fps == pytest.approx(25, rel=1e-3)
    assert [f.index for f in frames] == [number_of(f.image) for f in frames] == list(range(20))
    assert [f.time for f in frames] == pytest.approx([i * 0.04 for i in range(20)], abs=1e-4)
    assert all(f.image.dtype == np.uint8 and f.image.flags.c_contiguous for f in frames)


def test_variable_frame_rate_keeps_true_times(tmp_path):
    stamps = list(np.cumsum([0, 33, 33, 80, 20, 33, 200, 10, 33, 33]))
    footage = open_footage(write_video(tmp_path / "vfr.mp4", 10, [int(s) for s in stamps]))
    assert [f.time for f in footage.frames()] == pytest.approx([s / 1000 for s in stamps], abs=1e-4)


def test_a_repeated_time_stamp_does_not_stop_the_clock_and_later_pictures_keep_their_times(tmp_path):
    path = repeat_stamp(write_video(tmp_path / "a.mkv", bframes=0), tmp_path / "b.mkv", 9)
    times = [f.time for f in open_footage(path).frames()]
    assert len(times) == 20 and min(np.diff(times)) > 0
    assert times[:9] + times[10:] == pytest.approx([0.04 * i for i in range(20) if i != 9], abs=2e-3)
    assert [f.time for f in open_footage(path).frames(7)] == times[7:]


def test_pictures_of_files_that_were_joined_follow_on_from_each_other(tmp_path):
    one, both = write_video(tmp_path / "a.ts", 30, bframes=0), tmp_path / "b.ts"
    both.write_bytes(2 * one.read_bytes())
    times = [f.time for f in open_footage(both).frames()]
    assert len(times) == 60
    assert np.diff(times) == pytest.approx(np.full(59, 0.04), abs=2e-3)


@pytest.mark.parametrize("later", [0, 6000])
def test_joined_files_with_other_stamps_keep_all_their_pictures(tmp_path, later):
    first = write_video(tmp_path / "a.ts", 30, [later + 40 * i for i in range(30)], bframes=0)
    second = write_video(tmp_path / "b.ts", 30, [17 + 33 * i for i in range(30)], bframes=0)
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    footage = open_footage(both)
    times = [f.time for f in footage.frames()]
    assert len(times) == 60 and footage.broken == 0 and 20 < footage.fps < 40
    assert np.diff(times)[:29] == pytest.approx(np.full(29, 0.04), abs=2e-3)
    assert np.diff(times)[30:] == pytest.approx(np.full(29, 0.033), abs=2e-3)


def test_oblong_pixels_are_made_square(tmp_path):
    path = write_video(tmp_path / "a.mp4", pixel_aspect=Fraction(4, 3))
    footage = open_footage(path)
    image = next(footage.frames()).image
    assert (footage.width, footage.height) == (85, 48) and image.shape == (48, 85, 3)
    assert image[4, 19].min() > 230 and image[4, 24].max() < 100  # the corner was 16 wide
    turned = open_footage(turn_clockwise(path))
    assert (turned.width, turned.height) == (48, 85)


@pytest.mark.parametrize("aspect", [Fraction(1, 500), Fraction(500), Fraction(1001, 1000)])
def test_a_pixel_aspect_that_no_camera_has_is_not_believed(tmp_path, aspect):
    footage = open_footage(write_video(tmp_path / "a.mp4", pixel_aspect=aspect))
    assert (footage.width, footage.height) == (64, 48) and len(list(footage.frames())) == 20


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_title_in_an_old_encoding_does_not_hide_the_pictures(tmp_path, name):
    assert len(list(open_footage(write_video(tmp_path / name, title="caf\u00e9")).frames())) == 20


@pytest.mark.parametrize("start", [0, 4, 10, 17, 25])
def test_a_start_in_a_program_stream_loses_no_frame(tmp_path, start):
    path = tmp_path / "a.mpg"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25, options={"bf": "2", "b_strategy": "0"})
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        stream.codec_context.gop_size = 3
        for i in range(40):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(i, 720, 576), format="rgb24")))
        container.mux(stream.encode())
    assert [f.index for f in open_footage(path, start=start).frames()] == list(range(start, 40))


@pytest.mark.parametrize("first", [0, 3, 61, 99])
def test_a_late_start_gives_the_same_pictures(tmp_path, first):
    path = write_video(tmp_path / "a.mp4", 100)
    whole = {f.index: f.image for f in open_footage(path).frames()}
    for frames in (open_footage(path, start=first).frames(), open_footage(path).frames(first)):
        part = list(frames)
        assert [f.index for f in part] == list(range(first, 100))
        assert all(np.array_equal(f.image, whole[f.index]) for f in part)


def test_the_end_is_exclusive_and_at_most_the_last_frame(tmp_path):
    path = write_video(tmp_path / "a.mp4")
    assert [f.index for f in open_footage(path, 5, 8).frames()] == [5, 6, 7]
    assert open_footage(path, 5, 1000).end == 20


def test_a_phone_video_comes_upright(tmp_path):
    footage = open_footage(turn_clockwise(write_video(tmp_path / "phone.mp4")))
    image = next(footage.frames()).image
    assert (footage.width, footage.height) == (48, 64) and image.shape == (64, 48, 3)
    # The bright corner was top left; turned clockwise it is top right.
    assert image[4, -4].min() > 230 and image[4, 4].max() < 100


@pytest.mark.parametrize("matrix", [(a, 0, 0, d) for a in (1, -1) for d in (1, -1)]
                         + [(0, b, c, 0) for b in (1, -1) for c in (1, -1)])  # fmt: skip
def test_a_video_is_turned_and_mirrored_as_its_file_asks_for(tmp_path, matrix):
    path = write_video(tmp_path / "a.mp4")
    plain = next(open_footage(path).frames()).image
    a, b, c, d = matrix
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    across, down = a * x + c * y, b * x + d * y
    wanted = np.zeros_like(plain if a else plain.transpose(1, 0, 2))
    wanted[down - down.min(), across - across.min()] = plain
    shown = next(open_footage(show_by(path, matrix)).frames()).image
    assert np.array_equal(shown, wanted)


@pytest.mark.parametrize("start", [0, 13])
def test_an_avi_with_frames_out_of_order_loses_none(tmp_path, start):
    """AVI stamps pictures in the order of decoding; those that went back were taken for broken."""
    path = write_video(tmp_path / "a.avi", 40, bframes=3, clock=Fraction(1, 25))
    footage = open_footage(path, start=start)
    frames = list(footage.frames())
    assert [number_of(f.image) for f in frames] == [f.index for f in frames] == list(range(start, 40))
    assert footage.broken == 0 and np.diff([f.time for f in frames]) == pytest.approx(0.04, abs=1e-3)


@pytest.mark.parametrize("missing", [{7}, {7, 8, 20}])
def test_a_camera_that_drops_pictures_keeps_its_rate(tmp_path, missing):
    """One picture less in ten seconds made 29.9 of 30, and put time codes minutes off."""
    stamps = [40 * i for i in range(40) if i not in missing]
    footage = open_footage(write_video(tmp_path / "a.mov", len(stamps), stamps))
    assert footage.fps == pytest.approx(25, abs=1e-6)
    assert [f.time for f in footage.frames()] == pytest.approx([s / 1000 for s in stamps], abs=1e-4)


def test_a_broken_frame_is_left_out_and_counted_and_the_others_keep_their_numbers(tmp_path):
    path = break_packet(write_video(tmp_path / "a.mp4", 30, gop=5, bframes=0), 17)
    footage = open_footage(path)
    frames = list(footage.frames())
    assert 1 <= footage.broken == 30 - len(frames) <= 3
    # Pictures up to the next key frame build on the broken one and may show its traces.
    assert all(number_of(f.image) == f.index for f in frames if not 15 <= f.index < 20)
    assert frames[-1].index == 29


def test_a_truncated_video_gives_what_is_there(tmp_path):
    path = write_video(tmp_path / "a.mkv", 60)
    path.write_bytes(path.read_bytes()[:-400])
    frames = list(open_footage(path).frames())
    assert 10 < len(frames) < 60 and [f.index for f in frames] == list(range(len(frames)))


def test_a_folder_of_pictures_is_in_natural_order_at_25_per_second(tmp_path):
    for i in (1, 2, 10, 9):
        cv2.imwrite(str(tmp_path / f"frame{i}.png"), np.full((4, 6, 3), i, np.uint8))
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._frame3.png").write_text("left by a Mac")
    footage = open_footage(tmp_path)
    frames = list(footage.frames())
    assert footage.kind == "sequence"
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 2, 9, 10]
    assert [f.time for f in frames] == [0, 0.04, 0.08, 0.12]
    assert [f.time for f in open_footage(tmp_path, fps=50).frames()][1] == 0.02


def numbered(folder: Path, numbers: list[int]) -> Path:
    """A folder with a picture of each number, as bright."""
    for i in numbers:
        cv2.imwrite(str(folder / f"shot v2.{1000 + i}.png"), np.full((4, 6, 3), i, np.uint8))
    return folder


def test_a_picture_that_is_missing_from_a_sequence_costs_one_frame(tmp_path):
    """Closed up, the take ran ahead of the plate from there on."""
    footage = open_footage(numbered(tmp_path, [1, 2, 4, 5]))
    frames = list(footage.frames())
    assert [int(f.image[0, 0, 0]) for f in frames] == [1, 2, 4, 5]
    assert [f.index for f in frames] == [0, 1, 3, 4] and [f.time for f in frames] == [0, 0.04, 0.12, 0.16]
    assert footage.frame_count == 5 and footage.broken == 1 and footage.timecode == "00:00:40:01"
    part = open_footage(tmp_path, 3, 5)
    assert [f.index for f in part.frames()] == [3, 4] and part.broken == 0


def test_numbers_that_count_something_else_are_closed_up(tmp_path):
    footage = open_footage(numbered(tmp_path, [1, 40, 90]))
    assert [f.index for f in footage.frames()] == [0, 1, 2] and "one after another" in footage.note
    assert open_footage(numbered(tmp_path, [*range(1, 91)])).note == ""


def test_the_number_that_counts_is_found_wherever_it_stands(tmp_path):
    for number in (1001, 1002, 1004, 1005):
        cv2.imwrite(str(tmp_path / f"shot2_{number}_v2.png"), np.full((4, 6, 3), number - 1000, np.uint8))
    footage = open_footage(tmp_path)
    assert [f.index for f in footage.frames()] == [0, 1, 3, 4] and footage.timecode == "00:00:40:01"
    assert "rename them" in footage.note  # Blender would show v2 of every frame


def test_names_that_differ_in_case_and_zeros_only_have_an_order(tmp_path):
    names = [tmp_path / name for name in ("a01.png", "A1.png", "a1.png", "a2.png")]
    turned = list(reversed(names))
    assert sorted(names, key=natural_key) == sorted(turned, key=natural_key)


def test_pictures_of_several_sequences_are_taken_one_after_another_and_that_is_told(tmp_path):
    for name in ("a1", "a2", "b3"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.zeros((4, 6, 3), np.uint8))
    footage = open_footage(tmp_path)
    assert len(list(footage.frames())) == 3 and "one after another" in footage.note and footage.timecode is None


def test_a_rate_written_with_two_digits_is_meant_exactly(tmp_path):
    numbered(tmp_path, [1, 2])
    assert open_footage(tmp_path, fps=23.98).fps == open_footage(tmp_path, fps=23.976).fps == 24000 / 1001
    assert open_footage(tmp_path, fps=24).fps == 24 and open_footage(tmp_path, fps=23.9).fps == 23.9


def test_a_rate_that_is_none_is_refused_and_a_video_keeps_its_own(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((4, 6, 3), np.uint8))
    for rate in (0.0, -5.0, float("nan"), float("inf")):
        assert "no frame rate" in complaint(tmp_path, None, None, rate)
    assert open_footage(write_video(tmp_path / "a.mp4"), fps=30.0).fps == pytest.approx(25, rel=1e-3)


def test_a_power_in_a_picture_s_name_is_a_letter(tmp_path):
    for name in ("\u00b21.png", "2.png"):
        cv2.imwrite(str(tmp_path / "p.png"), np.zeros((4, 6, 3), np.uint8))
        (tmp_path / "p.png").rename(tmp_path / name)
    assert len(list(open_footage(tmp_path).frames())) == 2


@pytest.mark.parametrize(
    "stored",
    [
        np.full((5, 7, 3), (10, 20, 200), np.uint8),
        np.full((5, 7, 3), (10 * 257, 20 * 257, 200 * 257), np.uint16),
        np.full((5, 7, 4), (10, 20, 200, 30), np.uint8),
    ],
    ids=["8 bit", "16 bit", "RGBA"],
)
def test_a_png_of_any_depth_comes_as_8_bit_rgb(tmp_path, stored):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), stored)
    image = next(open_footage(path).frames()).image
    assert image.shape == (5, 7, 3) and image.dtype == np.uint8 and image[2, 2].tolist() == [200, 20, 10]


def test_a_grey_picture_and_one_of_a_single_pixel_are_footage(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((5, 7), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "one.png"), np.full((1, 1, 3), 9, np.uint8))
    assert next(open_footage(tmp_path / "grey.png").frames()).image[0, 0].tolist() == [90, 90, 90]
    footage = open_footage(tmp_path / "one.png")
    assert footage.kind == "still" and next(footage.frames()).image.shape == (1, 1, 3)


def jpeg_with_exif(path: Path, orientation: int, focal_35mm: int) -> Path:
    """A 60 x 40 JPEG as a camera writes it."""
    _, encoded = cv2.imencode(".jpg", np.zeros((40, 60, 3), np.uint8))
    outer = struct.pack("<H", 2) + struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    outer += struct.pack("<HHII", 0x8769, 4, 1, 8 + 2 + 24 + 4) + struct.pack("<I", 0)
    inner = struct.pack("<H", 1) + struct.pack("<HHIHH", 0xA405, 3, 1, focal_35mm, 0) + struct.pack("<I", 0)
    body = b"Exif\0\0" + b"II*\0" + struct.pack("<I", 8) + outer + inner
    data = encoded.tobytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:])
    return path


def test_exif_turns_a_photo_upright_and_gives_the_focal_length(tmp_path):
    footage = open_footage(jpeg_with_exif(tmp_path / "a.jpg", 6, 28))
    assert (footage.width, footage.height) == (40, 60)
    assert footage.focal == pytest.approx(28 / 43.2666 * np.hypot(40, 60))


def test_an_unknown_focal_length_is_none(tmp_path):
    assert open_footage(jpeg_with_exif(tmp_path / "a.jpg", 1, 0)).focal is None
    assert open_footage(write_video(tmp_path / "a.mp4")).focal is None


def test_pictures_of_mixed_sizes_are_refused_by_name(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((4, 6, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "2.png"), np.zeros((5, 6, 3), np.uint8))
    assert "2.png: is 6 x 5 pixels" in complaint(tmp_path)


def test_footage_that_is_none_is_told_in_one_line(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("I am a text\n" * 99)
    (tmp_path / "text.png").write_text("I am a text\n" * 99)
    (tmp_path / "short.mp4").write_text("hello")
    (tmp_path / "list.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1/a.ts\n")
    (tmp_path / "folder").mkdir()
    assert "no such file" in complaint(tmp_path / "missing.mp4")
    assert "empty" in complaint(tmp_path / "empty.mp4")
    assert "not a video" in complaint(tmp_path / "text.mp4")
    assert "not a video" in complaint(tmp_path / "short.mp4")
    assert "not a picture" in complaint(tmp_path / "text.png")
    assert "not a video" in complaint(tmp_path / "list.mp4")
    assert "no pictures" in complaint(tmp_path / "folder")
    assert "only sound" in complaint(write_sound(tmp_path / "sound.mp4"))
    assert "not a video" in complaint(write_sound(tmp_path / "sound.wav"))


@pytest.mark.parametrize("start, end", [(20, None), (5, 5), (7, 3), (-1, None), (0, -2)])
def test_a_range_without_frames_is_refused(tmp_path, start, end):
    complaint(write_video(tmp_path / "a.mp4"), start, end)


def test_the_levels_of_neighbouring_frames_differ():
    assert len({level(i) for i in range(40)}) == 40


def test_the_containers_time_code_is_told(tmp_path):
    for code in ("01:00:00:00", "10:20:30:12"):
        assert open_footage(write_talkie(tmp_path / "tc.mov", 0.4, timecode=code)).timecode == code
    dropped = write_talkie(tmp_path / "df.mov", 0.4, Fraction(30000, 1001), timecode="01:00:00;02")
    assert open_footage(dropped).timecode == "01:00:00;02"
    assert open_footage(write_video(tmp_path / "none.mp4")).timecode is None


@pytest.mark.parametrize(("name", "code"), [("shot.1001.png", "00:00:40:01"), ("f0025.png", "00:00:01:00")])
def test_a_sequences_number_is_its_time_code(tmp_path, name, code):
    cv2.imwrite(str(tmp_path / name), np.zeros((4, 4, 3), np.uint8))
    assert open_footage(tmp_path).timecode == code


def test_pictures_without_a_number_and_stills_have_no_time_code(tmp_path):
    cv2.imwrite(str(tmp_path / "face.png"), np.zeros((4, 4, 3), np.uint8))
    assert open_footage(tmp_path).timecode is None and open_footage(tmp_path / "face.png").timecode is None


def test_sound_is_known_where_there_is_some(tmp_path):
    assert sound_start(write_talkie(tmp_path / "talk.mov", 0.4)) == 0
    assert sound_start(write_video(tmp_path / "mute.mp4")) is None
    assert sound_start(write_sound(tmp_path / "only.wav")) is None
    assert sound_start(tmp_path / "gone.mov") is None
