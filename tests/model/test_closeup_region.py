"""Second looks at mouth and brows: where they look, what becomes of both networks' answers."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from faceanything_addon.errors import UserError
from faceanything_addon.model.closeup import EyePoints
from faceanything_addon.model.closeup_region import (
    BROWS,
    MOUTH,
    Region,
    RegionCloseUp,
    RegionLook,
    RegionNetwork,
)
from faceanything_addon.model.maps import FaceMaps, Inside
from faceanything_addon.reconstruct.evidence import observe
from faceanything_addon.template import load_template

TEMPLATE = load_template()
NAMES = TEMPLATE.expression_names
BOTH = pytest.mark.parametrize("region", [MOUTH, BROWS], ids=lambda region: region.name)


def maps_at(place: tuple[float, float]) -> FaceMaps:
    """Maps that put every sparse point at one place, coefficients at a tenth."""
    empty, count = np.zeros((4, 4), np.float32), len(TEMPLATE.points)
    maps = FaceMaps(True, np.zeros((4, 4, 3), np.float32), empty, empty.astype(np.uint8), empty,
                    np.eye(3, dtype=np.float32)[:2], np.tile(np.array(place, np.float32), (count, 1)),
                    np.full(count, 10, np.float32))  # fmt: skip
    return replace(maps, arkit=np.full(len(NAMES), 0.1, np.float32))


class Marked(RegionNetwork):
    """Puts every point on the brightest spot of the picture."""

    def __init__(self, region: Region) -> None:
        self.region, self.shape = region, (0, 0)

    def look(self, image: np.ndarray) -> RegionLook:
        self.shape = image.shape[:2]
        bright = image[..., 0].astype(float)
        y, x = (
            float((bright * axis).sum() / max(1, bright.sum())) for axis in np.mgrid[: self.shape[0], : self.shape[1]]
        )
        count = len(self.region.rows(TEMPLATE))
        known = len(self.region.coefficients(NAMES))
        return RegionLook(np.tile((x, y), (count, 1)), np.full(count, np.log(0.1)), np.full(known, 0.7))


@BOTH
def test_a_regions_points_mirror_each_other_and_leave_the_eyes_alone(region: Region) -> None:
    rows = region.rows(TEMPLATE)
    places = TEMPLATE.vertices[TEMPLATE.points[rows]]
    gap = np.linalg.norm((places * (-1, 1, 1))[:, None] - places, axis=2).min(axis=1)
    assert gap.max() < 1e-4
    assert not np.isin(rows, EyePoints.of(TEMPLATE).rows).any()


def test_mouth_and_brows_tell_what_is_seen_there() -> None:
    told = {region.name: {NAMES[i] for i in region.coefficients(NAMES)} for region in (MOUTH, BROWS)}
    assert {"mouthPucker", "jawOpen", "tongueOut"} <= told["mouth"] and "browInnerUp" not in told["mouth"]
    assert {"browDownLeft", "browInnerUp", "eyeSquintRight"} <= told["brows"] and "eyeBlinkLeft" not in told["brows"]


@BOTH
@pytest.mark.parametrize("roll", [0.0, 0.4])
def test_a_mark_in_the_frame_is_told_at_its_place(region: Region, roll: float) -> None:
    frame = np.zeros((240, 320, 3), np.uint8)
    frame[98:102, 168:172] = 255
    network = Marked(region)
    closeup = RegionCloseUp(region, TEMPLATE, network=network)
    maps = closeup.better(frame, maps_at((160, 105)), region.width / region.side, roll)
    assert network.shape == (region.height, region.width)
    assert np.allclose(maps.points[closeup.rows], (169.5, 99.5), atol=0.15)
    others = np.setdiff1d(np.arange(len(TEMPLATE.points)), closeup.rows)
    assert np.allclose(maps.points[others], (160, 105))
    assert maps.arkit is not None
    assert np.allclose(maps.arkit[closeup.names], 0.7)
    assert np.allclose(np.delete(maps.arkit, closeup.names), 0.1)


def test_a_network_without_coefficients_gets_none() -> None:
    maps = replace(maps_at((40, 40)), arkit=None)
    seen = RegionCloseUp(MOUTH, TEMPLATE, network=Marked(MOUTH)).better(
        np.zeros((80, 80, 3), np.uint8), maps, 900.0, 0.0
    )
    assert seen.arkit is None


@BOTH
def test_a_region_outside_of_the_frame_is_no_fault(region: Region) -> None:
    maps = RegionCloseUp(region, TEMPLATE).better(np.zeros((50, 60, 3), np.uint8), maps_at((-400, -400)), 2000.0, 0.1)
    assert np.isfinite(maps.points).all() and np.isfinite(maps.point_sigma).all()


@BOTH
def test_a_damaged_file_is_one_line(region: Region, tmp_path) -> None:
    path = tmp_path / region.file.name
    path.write_bytes(b"nothing")
    picture = np.zeros((region.height, region.width, 3), np.uint8)
    with pytest.raises(UserError, match=f"{path.name}.*reinstall"):
        RegionNetwork(path).look(picture)
    with pytest.raises(UserError, match="another version"):
        RegionNetwork(region.file, points=7).look(picture)


@BOTH
def test_the_shipped_network_answers_in_range(region: Region) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (region.height, region.width, 3), dtype=np.uint8)
    look = RegionNetwork(region.file, 1, len(region.rows(TEMPLATE)), region.outputs).look(picture)
    assert look.coefficients.shape == (len(region.coefficients(NAMES)),)
    assert (look.coefficients >= 0).all() and (look.coefficients <= 1).all()
    assert np.isfinite(look.points).all() and np.isfinite(look.point_log_sigma).all()
    assert (look.inside is None) == (region is BROWS)
    if look.inside is not None:
        assert look.inside.shape == (4, region.height, region.width) and (look.inside >= 0).all()
        assert np.allclose(look.inside.sum(axis=0), 1, atol=1e-4)


class Toothed(Marked):
    """Sees upper teeth on the bright spot."""

    def look(self, image: np.ndarray) -> RegionLook:
        shares = np.zeros((4, *image.shape[:2]), np.float32)
        shares[Inside.UPPER_TEETH] = image[..., 0] > 128
        shares[Inside.OTHER] = 1 - shares[Inside.UPPER_TEETH]
        return replace(super().look(image), inside=shares)


def test_teeth_in_the_frame_are_told_at_their_place() -> None:
    frame = np.zeros((240, 320, 3), np.uint8)
    frame[96:104, 166:174] = 255
    maps = RegionCloseUp(MOUTH, TEMPLATE, network=Toothed(MOUTH)).better(frame, maps_at((160, 105)), 1000.0, 0.3)
    seen = observe(maps, TEMPLATE)
    told = seen["inside_kind"] > 0
    assert told.any() and (seen["inside_kind"][told] == Inside.UPPER_TEETH).all()
    assert np.allclose(seen["inside_xy"][told].mean(axis=0), (169.5, 99.5), atol=0.5)
    assert seen["inside_spacing"] == pytest.approx(1000 * MOUTH.side / MOUTH.width, rel=1e-3)
