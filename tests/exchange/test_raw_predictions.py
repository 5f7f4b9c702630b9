# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.exchange.raw_predictions import find_fit, map_to_frame, open_raw
from faceanything_addon.model.full.preprocess import preprocess

N, H, W = 3, 28, 56


def arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    depth = random.uniform(1, 2, (N, H, W)).astype(np.float32)
    depth[0, 0, :3] = [0, -1, np.nan]
    valid = np.ones((N, H, W), bool)
    valid[:, 5] = False
    return {
        "depth": depth,
        "intrinsics": np.tile(np.eye(3, dtype=np.float32), (N, 1, 1)),
        "extrinsics": np.tile(np.eye(4, dtype=np.float32), (N, 1, 1)),
        "valid": valid,
        "canonical": random.normal(size=(N, H, W, 3)).astype(np.float32),
        "conf": random.uniform(1, 5, (N, H, W)).astype(np.float32),
    }


def write(path: Path, **changes: np.ndarray | None) -> Path:
    content = {**arrays(), **changes}
    np.savez_compressed(path, **{k: v for k, v in content.items() if v is not None})
    return path


def test_maps_come_frame_by_frame_as_they_were_stored(tmp_path):
    raw = open_raw(write(tmp_path / "a.npz")).over(112, 56)
    assert (raw.frame_count, raw.size) == (N, (W, H))
    frames, content = list(raw.frames()), arrays()
    for number, maps in enumerate(frames):
        assert np.array_equal(maps.canonical, content["canonical"][number])
        assert np.array_equal(maps.depth, content["depth"][number], equal_nan=True)
        assert not maps.weight[5].any() and (maps.weight[6:] > 0).all()
    assert not frames[0].weight[0, :3].any() and frames[0].weight[0, 3] > 0
    (late,) = raw.frames(2)
    assert np.array_equal(late.canonical, frames[2].canonical)


def test_a_sure_pixel_counts_more_and_a_file_without_confidence_is_read(tmp_path):
    confidence = np.full((N, H, W), 3, np.float32)
    confidence[:, 10] = 1.0
    (maps, *_) = open_raw(write(tmp_path / "a.npz", conf=confidence)).over(112, 56).frames()
    assert maps.weight[10].max() < 0.01 < 0.8 < maps.weight[11].min()
    for name, missing in (("empty.npz", np.zeros(0)), ("none.npz", None)):
        (maps, *_) = open_raw(write(tmp_path / name, conf=missing)).over(112, 56).frames()
        assert set(np.unique(maps.weight)) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("source", "size"),
    [
        ((1920, 1080), (504, 280)), ((640, 480), (504, 378)), ((802, 550), (504, 350)), ((504, 371), (504, 378)),
        ((123, 456), (140, 504)), ((480, 480), (504, 504)), ((1920, 1080), (1008, 574)), ((1280, 720), (252, 140)),
    ],
)  # fmt: skip
def test_the_released_tools_scaling_is_recognised(source, size):
    fit = find_fit(source, size)
    assert fit is not None and fit.final == size and not fit.crop


def test_cut_maps_are_told_from_stretched_ones():
    fit = find_fit((1920, 1080), (1008, 560))  # stretched it would be 574 high
    assert fit is not None and fit.crop
    assert np.allclose(map_to_frame(fit) @ [0, 0, 1], [0.452, 0.5 * 1080 / 567 + 3 * 1080 / 567 - 0.5], atol=1e-3)


def test_map_pixels_lie_where_the_network_saw_the_footages_pixels():
    """A picture whose colour is its own coordinate, put through the network's preprocessing."""
    width, height = 802, 550
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    picture = np.stack([x * 255 / width, y * 255 / height, 0 * x], axis=-1).round().astype(np.uint8)
    image = preprocess([picture]).images[0] * np.array([0.229, 0.224, 0.225])[:, None, None]
    image += np.array([0.485, 0.456, 0.406])[:, None, None]
    fit = find_fit((width, height), (image.shape[2], image.shape[1]))
    assert fit is not None
    affine = map_to_frame(fit)
    v, u = np.mgrid[20:300:40, 20:480:40]
    frame = np.stack([u, v, np.ones_like(u)], axis=-1) @ affine.T
    coded = np.stack([image[0, v, u] * width, image[1, v, u] * height], axis=-1)
    assert np.abs(np.mean(coded - frame, axis=(0, 1))).max() < 0.6  # a level of grey is 3 pixels: it evens out
    corners = affine @ np.array([[-0.5, -0.5, 1], [fit.final[0] - 0.5, fit.final[1] - 0.5, 1]]).T
    assert np.allclose(corners.T, [[-0.5, -0.5], [width - 0.5, height - 0.5]])


def complaint(path: Path, width: int = 112, height: int = 56) -> str:
    with pytest.raises(UserError) as caught:
        for _ in open_raw(path).over(width, height).frames():
            pass
    line = str(caught.value)
    assert line.startswith(str(path)) and "\n" not in line and len(line) < 300 + len(str(path))
    return line


def test_predictions_of_other_footage_are_refused(tmp_path):
    path = write(tmp_path / "a.npz")
    assert "do not fit footage of 100 x 100" in complaint(path, 100, 100)
    assert "turned upright" in complaint(path, 56, 112)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"canonical": np.zeros(0)}, "holds no canonical maps"),
        ({"canonical": None}, "holds no canonical maps"),
        ({"depth": None}, "holds no depth maps"),
        ({"depth": np.zeros((0, H, W), np.float32)}, "holds no depth maps"),
        ({"canonical": np.zeros((N, H, W, 2), np.float32)}, "does not go with"),
        ({"canonical": np.zeros((N + 1, H, W, 3), np.float32)}, "does not go with"),
        ({"depth": np.zeros((N, H, W), np.int32)}, "cannot be read"),
        ({"depth": np.zeros((N, H), np.float32)}, "does not go with"),
        ({"valid": np.ones((N, H, W), np.float32)}, "does not go with"),
        ({"conf": np.ones((N, H), np.float32)}, "does not go with"),
        ({"canonical": np.zeros((N, H, W, 3), object)}, "cannot be read"),
        ({"canonical": np.asfortranarray(np.ones((N, H, W, 3), np.float32))}, "cannot be read"),
        ({n: np.zeros((1, 2, 2), t) for n, t in (("depth", "f4"), ("valid", "?"), ("conf", "f4"))}
         | {"canonical": np.zeros((1, 2, 2, 3), "f4")}, "no maps of the released tool"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_line(tmp_path, change, line):
    assert line in complaint(write(tmp_path / "a.npz", **change))


def test_a_file_that_is_none_or_broken_is_one_line(tmp_path):
    assert "no such file" in complaint(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    assert "cannot be read" in complaint(tmp_path / "text.npz")
    whole = write(tmp_path / "a.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    assert "cannot be read" in complaint(tmp_path / "cut.npz")
    turned = bytearray(whole)
    turned[len(whole) // 3 : len(whole) // 3 + 40] = b"\x55" * 40
    (tmp_path / "turned.npz").write_bytes(bytes(turned))
    assert "cannot be read" in complaint(tmp_path / "turned.npz")


def test_a_header_that_promises_more_than_there_is_allocates_nothing(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name, kind, tail in (("depth", "<f4", ""), ("canonical", "<f4", ", 3"), ("valid", "|b1", "")):
            header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': (9, 100000, 100000{tail})}}\n".encode()
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    assert "bytes" in complaint(tmp_path / "a.npz")
