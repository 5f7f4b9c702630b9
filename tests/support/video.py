"""Real video files, encoded on the spot. Frame i is a flat grey of level(i), so that a picture tells its number."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

MILLISECOND = Fraction(1, 1000)


def level(index: int) -> int:
    return 40 + 5 * (index % 40)


def picture(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    """Grey of level(index) with a bright top left corner."""
    image = np.full((height, width, 3), level(index), np.uint8)
    image[: height // 4, : width // 4] = 255
    return image


def number_of(image: np.ndarray) -> int:
    """Which frame (modulo 40) a decoded picture is."""
    middle = image[image.shape[0] // 2 :, image.shape[1] // 2 :]
    return round((float(middle.mean()) - 40) / 5)


def write_video(
    path: Path,
    frames: int = 20,
    stamps: list[int] | None = None,
    gop: int = 12,
    bframes: int = 2,
    title: str = "",
    pixel_aspect: Fraction = Fraction(1),
    clock: Fraction = MILLISECOND,
) -> Path:
    """H.264; stamps in milliseconds, default 40 apart; the title is written in Latin-1."""
    with av.open(str(path), "w", metadata_encoding="latin-1") as container:
        container.metadata.update({"title": title} if title else {})
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "bf": str(bframes)})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.gop_size = gop
        stream.codec_context.sample_aspect_ratio = pixel_aspect
        stream.codec_context.time_base = clock
        for i in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(i), format="rgb24")
            frame.pts, frame.time_base = stamps[i] if stamps else i * 40, MILLISECOND
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def repeat_stamp(path: Path, out: Path, number: int) -> Path:
    """The same packets, one with the time stamp of the one before it."""
    with av.open(str(path)) as source, av.open(str(out), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        before = None
        for count, packet in enumerate(p for p in source.demux(video=0) if p.size):
            if count == number:
                packet.pts = packet.dts = before
            before, packet.stream = packet.pts, stream
            container.mux(packet)
    return out


def write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        wave = path.suffix == ".wav"
        stream = container.add_stream("pcm_s16le" if wave else "aac", rate=44100, layout="mono")
        samples = np.zeros((1, 1024), np.int16) if wave else np.zeros((1, 1024), np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="s16" if wave else "fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn_clockwise(path: Path) -> Path:
    """Make an MP4 one that a phone held upright wrote: display matrix of 90 degrees clockwise."""
    return show_by(path, (0, 1, -1, 0))


def show_by(path: Path, matrix: tuple[int, int, int, int], width: int = 64, height: int = 48) -> Path:
    """Give an MP4 a display matrix (a, b, c, d): x is shown at a x + c y, y at b x + d y."""
    a, b, c, d = matrix
    left, top = min(0, a) * width + min(0, c) * height, min(0, b) * width + min(0, d) * height
    data = bytearray(path.read_bytes())
    at = data.find(b"tkhd") + 4 + 40
    rows = (a << 16, b << 16, 0, c << 16, d << 16, 0, -left << 16, -top << 16, 1 << 30)
    data[at : at + 36] = struct.pack(">9i", *rows)
    path.write_bytes(data)
    return path


def break_packet(path: Path, number: int) -> Path:
    """Overwrite the body of one packet with noise."""
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    position, size = packets[number]
    assert position is not None
    data = bytearray(path.read_bytes())
    data[position : position + size] = bytes([255] * size)
    path.write_bytes(data)
    return path


def write_talkie(
    path: Path, seconds: float = 3.0, rate: Fraction = Fraction(25), click: float = 1.0, timecode: str = ""
) -> Path:
    """A video with sound: silence, but for a click of 10 ms that begins at a time of the pictures' clock."""
    with av.open(str(path), "w") as container:
        if timecode:
            container.metadata["timecode"] = timecode
        video = container.add_stream("libx264", rate=rate, options={"bf": "0"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        for i in range(round(seconds * rate)):
            frame = av.VideoFrame.from_ndarray(picture(i), format="rgb24")
            frame.pts, frame.time_base = i, 1 / rate
            container.mux(video.encode(frame))
        container.mux(video.encode())
        samples = np.zeros(round(seconds * 48000), np.int16)
        samples[round(click * 48000) :][:480] = 20000
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path
