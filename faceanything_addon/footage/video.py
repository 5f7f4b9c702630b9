"""Video files through PyAV (FFmpeg)."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..errors import UserError
from ..timecode import exact
from .footage import DEFAULT_FPS, Frame
from .images import parse_focal

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

# FFmpeg also takes plain text, playlists and device formats for videos; these are files that people film or export.
FORMATS = "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,gif,h264,hevc,av1,ivf,dv,yuv4mpegpipe,m4v"
JOINED = 0.5  # seconds by which a time stamp jumps back where two files were joined
APART = 0.01  # frames between pictures of the same time stamp
MOST_OBLONG = 4.0  # pixel aspects of real formats lie between 0.5 and 2.2
SQUARE = 0.01  # a pixel this much wider than high is square: some files round
DROPPED = 1.5  # intervals long: a picture is missing before the next one
LIKE = 2e-3  # share by which rates differ that are the same
REORDERED = ("h264", "hevc")  # whose pictures AVI, which has no time of showing, stamps in the order of decoding
FOCAL_KEYS = ("com.apple.quicktime.camera.focal_length.35mm_equivalent", "focal_length_35mm")


class VideoSource:
    """One video stream.

    The packets are read once without decoding: their time stamps, sorted, number the frames. So a broken frame does
    not shift the numbers of those after it, and a start far into the file is reached from its key frame.
    """

    kind: Literal["video"] = "video"

    def __init__(self, path: Path) -> None:
        self.path, self.broken = path, 0
        with _open(path) as (container, stream):
            self.stamps, self.keys, self.count = _scan(container, stream)
            self.fps = _nominal_rate(stream, self.stamps)
            self.time_base = float(stream.time_base or 1)
            self.pixel_aspect = _pixel_aspect(stream)
            self.focal_35mm = _focal({**container.metadata, **stream.metadata})
            self.timecode = _timecode(container)
            self.reordered = container.format.name == "avi" and stream.codec_context.name in REORDERED
        with _open(path) as (container, stream):
            image = next((upright(f, self.pixel_aspect) for f in _decode(container, stream) if f), None)
        if image is None:
            raise UserError(f"{path}: no picture in it can be decoded; convert it to H.264 MP4 and try again")
        self.height, self.width = image.shape[:2]

    def frames(self, start: int, first: int, end: int) -> Iterator[Frame]:
        """Frames first..end. Decoding always begins at start's key frame, so that a frame never depends on `first`."""
        self.broken, seen, clock = 0, start - 1, Clock(self.fps)
        with _open(self.path) as (container, stream):
            self._seek(container, stream, start)
            counter = 0
            for picture in _decode(container, stream):
                index, counter = self._number(picture, counter), counter + 1
                if index is None or picture is None or index < start or index <= seen:
                    continue
                if index >= end:
                    break
                self.broken += index - seen - 1
                seen = index
                time = clock.read(self._stamp(picture, index))
                if index >= first:
                    yield self._frame(picture, index, time)
        self.broken += max(0, end - 1 - seen)

    def _stamp(self, picture: av.VideoFrame, index: int) -> float:
        """Seconds at which a picture is shown."""
        if self.reordered and self.stamps:
            return self.stamps[index] * self.time_base
        return index / self.fps if picture.pts is None or self.reordered else picture.pts * self.time_base

    def _frame(self, picture: av.VideoFrame, index: int, time: float) -> Frame:
        image = upright(picture, self.pixel_aspect)
        if image.shape[:2] != (self.height, self.width):
            raise UserError(f"{self.path}: the picture size changes at frame {index}; cut the video there")
        return Frame(image, index, time)

    def _seek(self, container: InputContainer, stream: VideoStream, start: int) -> None:
        keys = [stamp for number, stamp in self.keys if number <= start]
        # One key frame earlier than needed: the first pictures after a seek may lean on pictures before it.
        if self.stamps and len(keys) > 2 and not self.reordered:
            container.seek(keys[-2], stream=stream, backward=True)

    def _number(self, picture: av.VideoFrame | None, counter: int) -> int | None:
        """Frame number of a decoded picture; None for a broken one, or one beyond those that were counted."""
        if picture is None:
            return None
        if not self.stamps or picture.pts is None:
            return counter
        if self.reordered:
            return counter if counter < self.count else None
        index = bisect_left(self.stamps, picture.pts)
        return index if index < self.count else None


class Clock:
    """Time stamps in, seconds that rise out.

    Some containers repeat a stamp: those frames are told apart by a little. Files joined end to end start their stamps
    anew: the second one's follow on from the first one's.
    """

    def __init__(self, fps: float) -> None:
        self.fps, self.offset = fps, 0.0
        self.last: float | None = None

    def read(self, stamp: float) -> float:
        """Of the next frame."""
        time = stamp + self.offset
        if self.last is not None and time < self.last - JOINED:
            self.offset = self.last + 1 / self.fps - stamp
            time = stamp + self.offset
        if self.last is not None:
            time = max(time, self.last + APART / self.fps)
        self.last = time
        return time


@contextmanager
def _open(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file's main video stream, ready to decode."""
    import av
    from av.error import FFmpegError

    try:
        # Only local files: nothing inside a file may reach the network.
        options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
        container = av.open(str(path.absolute()), options=options, metadata_errors="replace")
    except (FFmpegError, ValueError) as error:
        raise UserError(f"{path}: is not a video that can be read; give a video file such as MP4 or MOV") from error
    with container:
        streams = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
        if not streams:
            raise UserError(f"{path}: has no pictures, only sound or data; give a video file")
        streams[0].thread_type = "AUTO"
        yield container, streams[0]


def _scan(container: InputContainer, stream: VideoStream) -> tuple[list[int], list[tuple[int, int]], int]:
    """Sorted time stamps, the key frames' numbers and where to seek for them, frame count.

    No stamps where the container has none, repeats some, or begins anew with them as files joined end to end do.
    """
    from av.error import FFmpegError

    stamps: list[int | None] = []
    keys: list[tuple[int, int]] = []
    decoded: list[int] = []
    try:
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                stamps.append(packet.pts)
                decoded += [] if packet.dts is None else [packet.dts]
                if packet.is_keyframe and packet.pts is not None:
                    # Some containers seek by the time of decoding, which lies before that of showing.
                    keys.append((packet.pts, packet.pts if packet.dts is None else min(packet.pts, packet.dts)))
    except FFmpegError:
        pass  # truncated: what came before it is the footage
    known = sorted({s for s in stamps if s is not None})
    joined = len(decoded) > 1 and np.diff(decoded).min() * float(stream.time_base or 1) < -JOINED
    if len(known) != len(stamps) or joined:
        return [], [], len(stamps)
    return known, sorted((bisect_left(known, shown), stamp) for shown, stamp in keys), len(known)


def _decode(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame | None]:
    """Pictures in display order; None for each packet or picture that is broken."""
    from av.error import EOFError as EndOfFile
    from av.error import FFmpegError

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            for frame in packet.decode():
                yield None if frame.is_corrupt else frame  # type: ignore[union-attr]
        except EndOfFile:
            return
        except FFmpegError:
            yield None


def upright(picture: av.VideoFrame, pixel_aspect: float = 1.0) -> np.ndarray:
    """(H, W, 3) u1 RGB in square pixels, turned by 90 degrees and mirrored as the container asks for."""
    width = None if abs(pixel_aspect - 1) < SQUARE else round(picture.width * pixel_aspect)
    image = picture.to_ndarray(format="rgb24", width=width)
    turns, mirrored = stored_turn(picture)
    turned = np.rot90(image, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)


def stored_turn(picture: av.VideoFrame) -> tuple[int, bool]:
    """Quarter turns, counter-clockwise, that a picture is to be shown with, and whether in a mirror after that."""
    told = picture.side_data.get("DISPLAYMATRIX")
    if told is None:
        return 0, False
    a, b, _, c, d = np.frombuffer(bytes(told), np.int32)[:5].astype(float)  # x to a x + c y, y to b x + d y
    mirrored = a * d - b * c < 0
    if mirrored:
        a, c = -a, -c
    return round(np.degrees(np.arctan2(-b, a)) / 90) % 4, bool(mirrored)


def _pixel_aspect(stream: VideoStream) -> float:
    """Width of a pixel over its height; 1 where the file does not tell, or tells what no camera has."""
    told = float(stream.sample_aspect_ratio or 1)
    return told if 1 / MOST_OBLONG <= told <= MOST_OBLONG else 1.0


def _nominal_rate(stream: VideoStream, stamps: list[int]) -> float:
    """The container's rate where it agrees with the time stamps, else their mean rate.

    A camera that drops a picture now and then films no slower for it: where some are missing, the others tell.
    """
    told = stream.average_rate or stream.guessed_rate
    if len(stamps) < 2 or not stream.time_base:
        return float(told) if told else DEFAULT_FPS
    gaps = np.diff(stamps)
    even = gaps[gaps < DROPPED * np.median(gaps)]
    if 0.5 * len(gaps) < len(even) < len(gaps):
        mean = 1 / (float(even.mean()) * float(stream.time_base))
        rates = [float(rate) for rate in (stream.guessed_rate, stream.base_rate) if rate]
        return exact(next((rate for rate in rates if abs(rate / mean - 1) < LIKE), mean))
    mean = len(gaps) / float((stamps[-1] - stamps[0]) * stream.time_base)
    return float(told) if told and abs(told / mean - 1) < 0.01 else mean


def _timecode(container: InputContainer) -> str | None:
    """The time code that the container, or one of its streams, carries."""
    holders = [container.metadata, *(stream.metadata for stream in container.streams)]
    return next((holder["timecode"] for holder in holders if "timecode" in holder), None)


def _focal(metadata: dict[str, str]) -> float | None:
    for key, value in metadata.items():
        if any(key.lower().endswith(k) for k in FOCAL_KEYS):
            return parse_focal(value)
    return None
