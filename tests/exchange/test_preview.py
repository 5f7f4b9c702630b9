"""The video of the mesh over its plate."""

# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
from support.stand_in import make_take, make_template
from support.video import write_video

from faceanything_addon.errors import UserError
from faceanything_addon.exchange.preview import SUFFIXES, MeshPainter, PreviewStyle, write_preview
from faceanything_addon.take.take import camera_vertices, project
from faceanything_addon.template import Part

STAMPS = (0, 33, 71, 100, 150, 200)  # milliseconds: a rate that varies

LONG = 90  # frames; more than the encoder keeps


@pytest.fixture(scope="module")
def template():
    return make_template(8)


def write_footage(file, width, height):
    with av.open(str(file), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for stamp in STAMPS:
            frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), 90, np.uint8), format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def stored(file):
    with av.open(str(file)) as container:
        return [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]


def test_it_has_the_footages_own_time_stamps(template, tmp_path):
    write_footage(tmp_path / "clip.mp4", 160, 120)
    take = make_take(template, len(STAMPS), 160, 120, footage=str(tmp_path / "clip.mp4"))
    take = replace(take, frames=replace(take.frames, time=np.array(STAMPS) / 1000))
    assert write_preview(take, template, tmp_path / "out.mp4") == len(STAMPS)
    frames = stored(tmp_path / "out.mp4")
    assert [t for t, _ in frames] == pytest.approx(np.array(STAMPS) / 1000, abs=2e-3)
    changed = np.abs(frames[2][1].astype(int) - 90).max(axis=2) > 20
    truth = project(camera_vertices(take.frames), take.frames.intrinsics)[2, template.part == Part.SKIN]
    rows, columns = np.nonzero(changed)
    assert abs(columns.min() - truth[:, 0].min()) < 3 and abs(columns.max() - truth[:, 0].max()) < 3
    assert abs(rows.min() - truth[:, 1].min()) < 3 and abs(rows.max() - truth[:, 1].max()) < 3


def test_odd_sizes_become_even(template, tmp_path):
    write_footage(tmp_path / "clip.avi", 162, 122)
    take = make_take(template, len(STAMPS), 162, 122, footage=str(tmp_path / "clip.avi"))
    write_preview(take, template, tmp_path / "out.mp4", PreviewStyle(size=101, side_by_side=True))
    assert stored(tmp_path / "out.mp4")[0][1].shape == (76, 200, 3)


def test_near_parts_hide_far_ones(template):
    take = make_take(template, 1, 200, 200)
    points = camera_vertices(take.frames)[0]
    pixels = project(points[None], take.frames.intrinsics)[0]
    style = PreviewStyle(opacity=1, wire=0)
    painted = MeshPainter(template, take.actor.neutral, style).paint(np.zeros((200, 200, 3), np.uint8), points, pixels)
    x, y = np.round(pixels[template.part == Part.TONGUE].mean(axis=0)).astype(int)
    assert painted[y, x, 2] > painted[y, x, 0]  # skin, not the red tongue behind it


def test_shoulders_are_left_out(template):
    low = (template.vertices[:, 1] < np.median(template.vertices[:, 1])).astype(np.float32)
    clipped = replace(template, regions=template.regions | {"shoulders": low})
    take = make_take(template, 1, 200, 200)
    points = camera_vertices(take.frames)[0]
    pixels = project(points[None], take.frames.intrinsics)[0]
    rows = []
    for shown in (template, clipped):
        painter = MeshPainter(shown, take.actor.neutral, PreviewStyle(opacity=1, wire=0))
        painted = painter.paint(np.zeros((200, 200, 3), np.uint8), points, pixels)
        rows.append(np.flatnonzero(painted.any(axis=(1, 2))))
    assert rows[1].min() == rows[0].min() and rows[1].max() < rows[0].max() - 5


def test_missing_footage_is_named(template, tmp_path):
    with pytest.raises(UserError, match="clip.mp4"):
        write_preview(make_take(template, 2), template, tmp_path / "out.mp4")


def test_a_preview_over_the_takes_own_footage_is_refused(template, tmp_path):
    """By another path too."""
    write_footage(tmp_path / "clip.mp4", 160, 120)
    (tmp_path / "soft.mp4").symlink_to(tmp_path / "clip.mp4")
    before = (tmp_path / "clip.mp4").read_bytes()
    take = make_take(template, len(STAMPS), 160, 120, footage=str(tmp_path / "clip.mp4"))
    for name in ("clip.mp4", "soft.mp4"):
        with pytest.raises(UserError, match=f"{name}: is the take's own footage; give another name") as caught:
            write_preview(take, template, tmp_path / name)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "clip.mp4").read_bytes() == before


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, OSError])
def test_a_preview_that_is_stopped_leaves_an_earlier_one_as_it_was(template, tmp_path, trouble):
    """Late, when the encoder has given its first pictures."""
    footage = write_video(tmp_path / "clip.mp4", LONG)
    take, out = make_take(template, LONG, 64, 48, footage=str(footage)), tmp_path / "new" / "out.mp4"
    out.parent.mkdir()
    out.write_bytes(b"earlier")

    def stop(done, total):
        if done == LONG:
            raise trouble

    for left in ([out], []):
        with pytest.raises((KeyboardInterrupt, UserError)):
            write_preview(take, template, out, report=stop)
        assert list(out.parent.iterdir()) == left and (not left or out.read_bytes() == b"earlier")
        out.unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["out.avi", "out.webm", "out.gif", "out.txt", "out"])
def test_a_name_that_is_no_videos_is_told_in_one_line(template, tmp_path, name):
    """Before the footage is looked for, and nothing is left."""
    with pytest.raises(UserError, match=f"{name}: .* give a name that ends with .mp4") as caught:
        write_preview(make_take(template, 2), template, tmp_path / name)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".MP4"])
def test_every_name_that_is_taken_can_be_written(template, tmp_path, suffix):
    """All of them hold H.264, each picture's time, and the rate."""
    write_footage(tmp_path / "clip.mp4", 160, 120)
    take, out = (
        make_take(template, len(STAMPS), 160, 120, footage=str(tmp_path / "clip.mp4")),
        tmp_path / f"out{suffix}",
    )
    assert write_preview(take, template, out) == len(STAMPS)
    assert [time for time, _ in stored(out)] == pytest.approx(np.array(STAMPS) / 1000, abs=2e-3)
    with av.open(str(out)) as container:
        rate = container.streams.video[0].average_rate
        assert rate is not None and 15 < rate < 60
