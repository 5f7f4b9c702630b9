"""Performances over real sockets on this machine, read by decoders of their own."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import time
from dataclasses import replace

import numpy as np
import pytest
from support.datagrams import decode_livelink, decode_osc, receiver, waiting
from support.performance import make_performance

from faceanything_addon import cli
from faceanything_addon.errors import UserError
from faceanything_addon.exchange import osc
from faceanything_addon.exchange.livelink import head_angles, write_livelink
from faceanything_addon.exchange.protocols import Sampler
from faceanything_addon.exchange.send import Sender, parse_address, play, preferred
from faceanything_addon.template.names import arkit_names

FAST = 2000.0  # frames a second: nothing here waits


def received(protocol, performance):
    """The datagrams of all samples, without the pauses between them."""
    sampler = Sampler(performance)
    with receiver() as (opened, address), Sender(address, protocol, "Actor") as sender:
        for seconds in performance.time - performance.time[0]:
            sender.send(sampler.at(float(seconds)))
        return waiting(opened)


def test_live_link_packets_hold_what_is_played():
    played = make_performance(5, FAST)
    packets = [decode_livelink(data) for data in received("livelink", played)]
    assert played.head is not None
    turns = head_angles(played.head)
    assert len(packets) == 5
    for number, packet in enumerate(packets):
        assert (packet["version"], packet["subject"], len(packet["device"])) == (6, "Actor", 36)
        assert (packet["numerator"], packet["denominator"]) == (2000, 1) and 0 <= packet["part"] < 1
        values = packet["values"]
        shown = [values[name[0].upper() + name[1:]] for name in played.names]
        assert shown == pytest.approx(played.coefficients[number].tolist(), abs=1e-6)
        assert [values[f"Head{axis}"] for axis in ("Yaw", "Pitch", "Roll")] == pytest.approx(turns[number], abs=1e-6)
    assert len({packet["device"] for packet in packets}) == 1


def test_live_link_frames_tell_the_time_of_day():
    packet = decode_livelink(received("livelink", replace(make_performance(1), rate=30.0))[0])
    now = time.localtime()
    seconds = now.tm_hour * 3600 + now.tm_min * 60 + now.tm_sec
    assert abs(packet["frame"] / 30 - seconds) % 86400 < 3


def test_osc_bundles_hold_what_is_played():
    played = make_performance(1, FAST)
    parts = [decode_osc(data) for data in received("osc", played)]
    messages = dict(message for part in parts for message in part[1:])
    assert messages["/face/jawOpen"] == pytest.approx([played.coefficients[0, played.names.index("jawOpen")]])
    assert all(f"/face/{name}" in messages for name in played.names) and messages["/face/time"] == [0.0]
    assert played.head is not None and messages["/face/head"] == pytest.approx(head_angles(played.head)[0], abs=1e-6)
    assert len(messages["/face/eyeLeft"]) == len(messages["/face/eyeRight"]) == 3
    times = [part[0][1][0] - 2208988800 for part in parts]
    assert times[0] == times[1] == pytest.approx(time.time(), abs=5)


def test_vmc_sends_perfect_sync_and_applies_it_last():
    played = make_performance(1, FAST)
    datagrams = received("vmc", played)
    assert all(len(data) <= osc.MOST_BYTES for data in datagrams)
    messages = [message for data in datagrams for message in decode_osc(data)[1:]]
    assert messages[0] == ("/VMC/Ext/OK", [1]) and messages[-1] == ("/VMC/Ext/Blend/Apply", [])
    values = dict(arguments for address, arguments in messages if address == "/VMC/Ext/Blend/Val")
    assert len(values) == 52
    assert values["JawOpen"] == pytest.approx(played.coefficients[0, played.names.index("jawOpen")])


def test_osc_pads_text_and_knows_its_types():
    assert osc.message("/abc", 1, 0.5, "xyz") == b"/abc\0\0\0\0,ifs\0\0\0\0\0\0\0\1\x3f\0\0\0xyz\0"
    assert osc.message("/ab") == b"/ab\0,\0\0\0"
    assert osc.time_tag(0.5) == (2208988800 << 32) + (1 << 31)


def test_what_a_performance_lacks_is_zero_or_left_out():
    bare = replace(make_performance(1, FAST), head=None, gaze=None)
    assert decode_livelink(received("livelink", bare)[0])["values"]["HeadYaw"] == 0
    sent = [address for data in received("osc", bare) for address, _ in decode_osc(data)]
    assert "/face/jawOpen" in sent and "/face/head" not in sent


def test_between_samples_and_beyond_the_ends():
    played = make_performance(3, 10.0, start=5.0)
    sampler, jaw = Sampler(played), played.coefficients[:, played.names.index("jawOpen")]
    for seconds, expected in ((-1, jaw[0]), (0.05, jaw[:2].mean()), (0.1, jaw[1]), (9, jaw[2])):
        assert sampler.at(seconds).coefficients["jawOpen"] == pytest.approx(float(expected), abs=1e-6)
    assert Sampler(make_performance(1)).at(3.0).coefficients["jawOpen"] >= 0


def test_playing_takes_as_long_as_the_performance_and_ends_with_its_last_frame():
    played = make_performance(6, 20.0)
    with receiver() as (opened, address), Sender(address, "livelink") as sender:
        begin = time.monotonic()
        play(played, sender)
        assert time.monotonic() - begin >= 0.25
        last = decode_livelink(waiting(opened)[-1])["values"]["JawOpen"]
    assert last == pytest.approx(float(played.coefficients[-1, played.names.index("jawOpen")]), abs=1e-6)


def test_a_loop_begins_again():
    class Enough(Exception):
        pass

    def report(done, total):
        seen.append(done)
        if len(seen) == 5:
            raise Enough

    seen: list[int] = []
    with receiver() as (_, address), Sender(address, "osc") as sender, pytest.raises(Enough):
        play(replace(make_performance(2), time=np.array([0, 1e-3]), rate=1000.0), sender, True, report)
    assert seen[:2] == [1, 2] and seen.count(2) >= 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1", 9000)),
        ("box:1234", ("box", 1234)),
        ("[::1]:1234", ("::1", 1234)),
        ("::1", ("::1", 9000)),
    ],
)
def test_addresses(text, expected):
    assert parse_address(text, 9000) == expected


@pytest.mark.parametrize("text", ["", ":9000", "box:", "box:0", "box:65536", "box:http", "box:-1"])
def test_what_is_no_address_is_told(text):
    with pytest.raises(UserError, match="give HOST:PORT"):
        parse_address(text, 9000)


def test_of_a_name_with_both_kinds_of_address_the_older_kind_is_taken():
    """What a machine answers for `localhost` where ::1 comes first."""
    six = (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("::1", 9000, 0, 0))
    four = (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", 9000))
    assert preferred([six, four]) == preferred([four, six]) == four
    assert preferred([six]) == six


def test_localhost_reaches_a_receiver_that_has_the_older_kind_of_address_only():
    """Over a real socket."""
    with receiver() as (opened, address), Sender(address.replace("127.0.0.1", "localhost"), "osc") as sender:
        sender.send(Sampler(make_performance(1)).at(0))
        assert waiting(opened) and sender.local


def test_an_unknown_host_is_told_in_one_line():
    with pytest.raises(UserError, match="this host is not known") as caught:
        Sender("no.such.host.invalid:9000", "osc")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("subject", ["", "x" * 65])
def test_a_name_that_no_packet_holds_is_told(subject):
    with pytest.raises(UserError, match="give a name"):
        Sender("127.0.0.1", "livelink", subject)


def test_the_command_sends_a_recording(tmp_path, capsys):
    recording = write_livelink(make_performance(3, 60.0), tmp_path / "a.csv")
    with receiver() as (opened, address):
        assert cli.main(["send", str(recording), "--to", address, "--protocol", "livelink", "--subject", "Eve"]) == 0
        packets = [decode_livelink(data) for data in waiting(opened)]
    assert {packet["subject"] for packet in packets} == {"Eve"}
    jaw = make_performance(3, 60.0).coefficients[-1, arkit_names().index("jawOpen")]
    assert packets[-1]["values"]["JawOpen"] == pytest.approx(float(jaw), abs=1e-6)
    assert cli.main(["send", str(tmp_path), "--to", "127.0.0.1", "--protocol", "osc"]) == 2
    assert "is not a take" in capsys.readouterr().err
