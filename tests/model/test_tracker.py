"""Where the tracker looks, and whether its affine maps say where things are."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import sys
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.footage import open_footage
from faceanything_addon.model import FaceTracker
from faceanything_addon.model.crop import Crop, apply, cut, tiles, whole_frame
from faceanything_addon.model.embedded import EmbeddedNetwork
from faceanything_addon.model.framing import affine_camera, head_roll
from faceanything_addon.model.maps import FaceMaps
from faceanything_addon.model.tracker import STAYS
from faceanything_addon.template import load_template

sys.path.insert(0, str(Path(__file__).parent))
from fake import HEIGHT, TEMPLATE, WIDTH, ClipNetwork, TruthNetwork, coded_frame

DEMO = Path(__file__).parents[2] / "demo" / "clip.mp4"

JUMP = 0.35  # pixels, of a face 200 wide: as one look differs from the next; from the square of a mask 0.4 to 0.6


@pytest.fixture
def network() -> TruthNetwork:
    return TruthNetwork()


@pytest.mark.parametrize("side", [40.0, 96.0, 150.0, 400.0, 640.0])
@pytest.mark.parametrize("roll", [0.0, 0.5, -2.0])
def test_cut_lies_where_the_affine_says(network: TruthNetwork, side: float, roll: float) -> None:
    crop = Crop(300.3, 220.7, side, roll)
    measured = network.place(cut(coded_frame(), crop, network.size))
    corners = np.array([[0, 0], [95, 0], [0, 95], [95, 95]])
    assert np.abs(apply(measured, corners) - apply(crop.to_frame(96), corners)).max() < 0.02 * side / 10 + 0.5


def test_map_pixels_are_centred_between_picture_pixels() -> None:
    crop = Crop(50.0, 40.0, 192.0)
    picture, maps = crop.to_frame(192), crop.map_to_frame(192, 96)
    assert np.allclose(apply(maps, np.array([3.0, 5.0])), apply(picture, np.array([6.5, 10.5])))
    assert np.allclose(apply(picture, np.array([95.5, 95.5])), [50, 40])


def test_tiles_cover_the_frame() -> None:
    seen = np.zeros((HEIGHT, WIDTH), bool)
    for t in tiles(WIDTH, HEIGHT, 200.0):
        x, y = t.x - t.side / 2 + 0.5, t.y - t.side / 2 + 0.5
        assert x > -1 and y > -1
        seen[int(y) : int(y + t.side), int(x) : int(x + t.side)] = True
    assert seen[:-1, :-1].all()


@pytest.mark.parametrize("roll", [-1.2, 0.0, 0.7])
def test_roll_is_read_from_points(network: TruthNetwork, roll: float) -> None:
    network.roll = roll
    camera = affine_camera(TEMPLATE.vertices, network.truth(), np.ones(network.points))
    assert head_roll(camera) == pytest.approx(roll, abs=0.03)


@pytest.mark.parametrize("roll", [0.0, 0.6])
@pytest.mark.parametrize("scale", [400.0, 1500.0])
def test_finds_frames_and_reports_frame_pixels(network: TruthNetwork, roll: float, scale: float) -> None:
    network.roll, network.scale = roll, scale
    maps = FaceTracker(TEMPLATE, network=network).next(coded_frame())
    assert maps.found
    assert np.abs(maps.points - network.truth()).max() < 1.0
    y, x = np.nonzero(maps.part)
    there = maps.canonical[y, x] @ network.camera().T + network.center
    here = apply(maps.to_frame, np.stack([x, y], axis=-1).astype(float))
    assert np.abs(here - there).max() < 1.5
    upright = np.arctan2(maps.to_frame[1, 0], maps.to_frame[0, 0])
    assert upright == pytest.approx(roll, abs=0.05)
    assert maps.confidence[maps.part > 0].min() > 0.5
    assert not maps.depth_known  # the embedded network's is a guess


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_face_that_lies_or_stands_on_its_head_is_found(turns: int) -> None:
    frame = next(iter(open_footage(DEMO).frames())).image
    upright, lying = (FaceTracker(load_template()).next(np.rot90(frame, k).copy()) for k in (0, turns))
    assert lying.found
    width, height = frame.shape[1], frame.shape[0]
    points = upright.points
    for number in range(turns):  # np.rot90: a picture's right edge becomes its top
        points = np.stack([points[:, 1], (height if number % 2 else width) - 1 - points[:, 0]], axis=1)
    assert np.linalg.norm(lying.points - points, axis=1).mean() < 3


@pytest.mark.parametrize("number", [0, 15, 70])
def test_a_face_that_does_not_move_does_not_jump_at_the_second_frame(number: int) -> None:
    frame = next(f.image for k, f in enumerate(open_footage(DEMO).frames()) if k == number)
    tracker = FaceTracker(load_template())
    first, second, *_, last = (tracker.next(frame).points for _ in range(5))
    for earlier, later in ((first, second), (first, last)):
        assert np.linalg.norm(later - earlier, axis=1).mean() < JUMP


def test_small_face_fills_the_crop_after_the_search(network: TruthNetwork) -> None:
    network.scale = 250.0
    maps = FaceTracker(TEMPLATE, network=network).next(coded_frame())
    assert maps.found
    assert 0.3 < (maps.part > 0).mean() < 0.9


def test_follows_with_one_look_when_the_head_is_still(network: TruthNetwork) -> None:
    tracker, frame = FaceTracker(TEMPLATE, network=network), coded_frame()
    tracker.next(frame)
    network.looks = 0
    network.center = np.array([404.0, 201.0])
    assert np.abs(tracker.next(frame).points - network.truth()).max() < 1.0
    assert network.looks == 1


def test_looks_begun_early_change_nothing() -> None:
    drift = [np.array([400.0 - 2 * n, 200.0 + n]) for n in range(8)]
    jumps_and_leaves = [np.array([360.0, 200.0]), np.array([310.0, 210.0]), None, None, np.array([250.0, 230.0])]
    network = ClipNetwork(drift + jumps_and_leaves)
    early, late = FaceTracker(TEMPLATE, network=network), FaceTracker(TEMPLATE, network=network)
    frames = [coded_frame(number) for number in range(len(network.centers))]
    for number, frame in enumerate(frames):
        for after in frames[number + 1 : number + 2]:
            early.foresee(after)
        one, other = early.next(frame), late.next(frame)
        assert one.found == other.found == (network.centers[number] is not None)
        assert np.array_equal(one.points, other.points) and np.array_equal(one.to_frame, other.to_frame)
        assert early.state() == late.state()


def test_a_frame_seen_early_is_not_looked_at_again() -> None:
    network = ClipNetwork([np.array([400.0 - 2 * n, 200.0]) for n in range(8)])
    tracker, frames = FaceTracker(TEMPLATE, network=network), [coded_frame(number) for number in range(8)]
    for frame, after in pairwise(frames):
        tracker.foresee(after)
        tracker.next(frame)
    here = threading.current_thread().name
    before = network.threads.count(here)
    assert tracker.next(frames[-1]).found
    assert network.threads.count(here) == before


def test_faces_that_come_and_go_leave_nothing_begun() -> None:
    network = ClipNetwork([np.array([400.0, 200.0]) if n % 2 else None for n in range(12)])
    tracker, frames = FaceTracker(TEMPLATE, network=network), [coded_frame(number) for number in range(12)]
    for frame, after in pairwise(frames):
        tracker.foresee(after)
        tracker.next(frame)
        assert tracker.foresight.waiting <= 1


def test_a_head_that_moves_is_looked_at_once_per_frame(network: TruthNetwork) -> None:
    tracker, frame = FaceTracker(TEMPLATE, network=network), coded_frame()
    tracker.next(frame)
    network.looks = 0
    for step in range(10):
        network.center = np.array([400.0 + 2 * step, 200.0])
        assert np.abs(tracker.next(frame).points - network.truth()).max() < 1.0
    assert network.looks == 10


def test_losing_the_face_costs_few_looks_and_recovers(network: TruthNetwork) -> None:
    tracker, frame, place = FaceTracker(TEMPLATE, network=network), coded_frame(), network.center
    tracker.next(frame)
    network.center, network.looks = None, 0
    assert not any(tracker.next(frame).found for _ in range(20))
    assert network.looks < 20 + 2 * 40
    network.center = place
    assert tracker.next(frame).found


def two_people(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """One picture, the second person on the right and smaller."""
    out = np.full((first.shape[0], 2 * first.shape[1], 3), 90, np.uint8)
    out[:, : first.shape[1]] = first
    small = second[::2, ::2][:, ::-1]
    out[: small.shape[0], -small.shape[1] :] = small
    return out


def on_the_left(maps: FaceMaps, picture: np.ndarray) -> bool:
    return bool(maps.found) and float(maps.points[:, 0].mean()) < picture.shape[1] / 2


def test_a_hand_over_the_face_does_not_make_the_tracker_follow_somebody_else() -> None:
    """The best face anywhere was taken at the first frame that lost the one it had, and kept from then on."""
    face = next(iter(open_footage(DEMO).frames())).image
    hidden = face.copy()
    hidden[:, face.shape[1] // 6 : -face.shape[1] // 6] = (150, 110, 90)
    tracker, both = FaceTracker(load_template(), threads=1), two_people(face, face)
    assert on_the_left(tracker.next(both), both)
    for _ in range(6):
        assert not tracker.next(two_people(hidden, face)).found
    assert on_the_left(tracker.next(both), both)


def test_somebody_else_is_found_at_once_after_a_cut_and_in_the_end_where_nobody_returns() -> None:
    face = next(iter(open_footage(DEMO).frames())).image
    nobody = np.full_like(face, 120)
    tracker, both = FaceTracker(load_template(), threads=1), two_people(face, face)
    tracker.next(both)
    after = two_people(nobody, face)
    after[:, : face.shape[1]] = 10
    found = tracker.next(after)
    assert found.found and not on_the_left(found, after)
    tracker = FaceTracker(load_template(), threads=1)
    tracker.next(both)
    hidden = both.copy()
    hidden[:, : face.shape[1]] = face.mean(axis=(0, 1)).astype(np.uint8)
    hidden[::2, : face.shape[1]] += 9
    seen = [bool(tracker.next(hidden).found) for _ in range(STAYS + 1)]
    assert not any(seen[:STAYS]) and seen[STAYS]


def test_a_head_that_lies_is_found_at_once_after_a_cut_that_no_face_came_before() -> None:
    """Heads that lie are looked for in one frame of ten without a face; the first of a new shot is one of them."""
    face = next(iter(open_footage(DEMO).frames())).image
    nobody = np.tile(np.linspace(0, 90, face.shape[1]).astype(np.uint8)[:, None], (face.shape[0], 1, 3))
    tracker = FaceTracker(load_template(), threads=1)
    assert not any(tracker.next(nobody).found for _ in range(3))
    assert tracker.next(np.ascontiguousarray(np.rot90(face))).found


def test_state_survives_json_exactly(network: TruthNetwork) -> None:
    one, two, frame = FaceTracker(TEMPLATE, network=network), FaceTracker(TEMPLATE, network=network), coded_frame()
    one.next(frame)
    two.restore(json.loads(json.dumps(one.state())))
    network.center = np.array([410.0, 190.0])
    a, b = one.next(frame), two.next(frame)
    assert np.array_equal(a.points, b.points) and np.array_equal(a.to_frame, b.to_frame)
    assert one.state() == two.state()


def test_nothing_has_the_shapes_of_something(network: TruthNetwork) -> None:
    tracker = FaceTracker(TEMPLATE, network=network)
    found = tracker.next(coded_frame())
    network.center = None
    nothing = FaceTracker(TEMPLATE, network=network).next(coded_frame())
    for name in ("canonical", "depth", "part", "confidence", "to_frame", "points", "point_sigma"):
        assert getattr(found, name).shape == getattr(nothing, name).shape
        assert getattr(found, name).dtype == getattr(nothing, name).dtype or name == "to_frame"


def test_whole_frame_is_letterboxed() -> None:
    assert whole_frame(1920, 1080) == Crop(959.5, 539.5, 1920.0)


def test_missing_or_damaged_network_is_one_line_for_the_user(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.onnx.*reinstall"):
        _ = EmbeddedNetwork(tmp_path / "gone.onnx").size
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a network")
    with pytest.raises(UserError, match=r"broken\.onnx"):
        _ = EmbeddedNetwork(broken).size
