"""The text of iFacialMocap."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random

import numpy as np
import pytest

from faceanything_addon import cli
from faceanything_addon.errors import UserError
from faceanything_addon.exchange.ifacialmocap import read_ifacialmocap
from faceanything_addon.exchange.sources import read_performance
from faceanything_addon.template.names import arkit_names

TAIL = "=head#-20,10,5,-0.03,-0.1,-0.65|rightEye#6,2,0.2|leftEye#6,-2,-0.1|"


def spelled(name):
    for side in ("Left", "Right"):
        # mouthLeft and jawLeft are no sides of a pair.
        if name.endswith(side) and name not in ("mouthLeft", "mouthRight", "jawLeft", "jawRight"):
            return name.removesuffix(side) + "_" + side[0]
    return name


def line(values, tail=TAIL, separator="-"):
    return "|".join(f"{spelled(name)}{separator}{value}" for name, value in values.items()) + "|" + tail


def store(file, *lines, end="\n"):
    file.write_text(end.join(lines) + end, "utf-8")
    return file


def test_all_coefficients_are_read_whatever_their_order(tmp_path):
    values = {name: number for number, name in enumerate(reversed(arkit_names()))}
    read = read_ifacialmocap(store(tmp_path / "a.txt", line(values), line(dict.fromkeys(values, 100))))
    assert read.names == arkit_names() and read.rate == 60
    assert read.coefficients[0].tolist() == pytest.approx([values[name] / 100 for name in arkit_names()])
    assert (read.coefficients[1] == 1).all() and read.time.tolist() == pytest.approx([0, 1 / 60])


def test_the_second_version_facemotion_and_tcp_are_read_too(tmp_path):
    lines = ("mouthSmile_L&80|jawOpen&-3|hapihapi&0|" + TAIL, "mouthSmileLeft&10|jawOpen&130|FM_SAD&4|" + TAIL)
    read = read_ifacialmocap(store(tmp_path / "a.txt", *lines, end="___iFacialMocap"))
    assert read.names == ("jawOpen", "mouthSmileLeft")
    assert read.coefficients.ravel().tolist() == pytest.approx([0, 0.8, 1, 0.1])


def test_signs_of_the_turns(tmp_path):
    """The example on the app's page looks down (X = 6) and inwards with both eyes, as its eyeLook values say."""
    read = read_ifacialmocap(store(tmp_path / "a.txt", "jawOpen-1|" + TAIL))
    assert read.head is not None and read.gaze is not None
    forward = read.head[0] @ [0, 0, 1]
    assert forward[1] > 0.3 and forward[0] > 0.1  # up, and to the subject's left
    assert (read.head[0] @ [1, 0, 0])[1] > 0  # the left ear is up
    left, right = read.gaze[0]
    assert left[1] < -0.1 and right[1] < -0.1 and left[0] < 0 < right[0]
    assert np.allclose(np.linalg.norm(read.gaze, axis=-1), 1)


def test_times_before_the_frames_are_kept(tmp_path):
    lines = [
        f"{stamp}{gap}jawOpen-{10 * n}|" for n, (stamp, gap) in enumerate([("2.5", " "), ("2.6", "\t"), ("2.9", ";")])
    ]
    read = read_ifacialmocap(store(tmp_path / "a.txt", *lines))
    assert read.time.tolist() == pytest.approx([0, 0.1, 0.4]) and read.head is None and read.gaze is None


def test_frames_without_a_face_are_left_out_and_time_goes_on(tmp_path):
    lines = ("trackingStatus-1|jawOpen-1|", "trackingStatus-0|jawOpen-1|", "trackingStatus-1|jawOpen-3|")
    read = read_ifacialmocap(store(tmp_path / "a.txt", *lines))
    assert read.time.tolist() == pytest.approx([0, 2 / 60]) and len(read) == 2


BAD = ["", "\n\n", "hello", "trackingStatus-0|jawOpen-1|", "jawOpen-1|=head#1,x,3|", "jawOpen-1|=head#1,2|",
       "jawOpen-1|=head#nan,0,0|", "1.0 jawOpen-1|\njawOpen-2|", "\0\0\0\0", "9" * 400 + " jawOpen-1|"]  # fmt: skip


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_such_text_is_told_in_one_line(tmp_path, text):
    file = tmp_path / "bad.txt"
    file.write_text(text)
    with pytest.raises(UserError, match="is no iFacialMocap text") as caught:
        read_ifacialmocap(file)
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)


def test_cut_and_spoiled_files_never_raise_anything_else(tmp_path):
    whole = (line(dict.fromkeys(arkit_names(), 50)) + "\n").encode() * 3
    dice = random.Random(1)
    for trial in range(200):
        data = bytearray(whole[: dice.randrange(len(whole))])
        for _ in range(trial % 5):
            if data:
                data[dice.randrange(len(data))] = dice.randrange(256)
        (tmp_path / "a.txt").write_bytes(data)
        try:
            read = read_ifacialmocap(tmp_path / "a.txt")
            assert np.isfinite(read.coefficients).all() and (np.diff(read.time) > 0).all()
        except UserError as error:
            assert "\n" not in str(error)


def test_a_recording_becomes_any_other_performance(tmp_path):
    file = store(tmp_path / "a.txt", *(line({"jawOpen": n, "eyeBlinkLeft": 2 * n}) for n in range(40)))
    for kind, name in (("arkit-json", "a.json"), ("livelink", "a.csv")):
        assert cli.main(["export", str(file), "--format", kind, "--out", str(tmp_path / name)]) == 0
        read = read_performance(tmp_path / name)
        jaw = read.coefficients[:, read.names.index("jawOpen")]
        assert jaw.tolist() == pytest.approx([n / 100 for n in range(40)], abs=1e-6)
