"""From any canonical space to the template's, learned from noisy pairs."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from faceanything_addon.errors import UserError
from faceanything_addon.model.bridge import Bridge, fit_bridge
from faceanything_addon.take.storage import read_npz, write_npz
from faceanything_addon.template import Part, load_template
from faceanything_addon.template.shape import neutral_shape

FRAMES, PIXELS = 24, 300
TEMPLATE = load_template()
FACE = np.flatnonzero(
    (TEMPLATE.part == Part.SKIN) & (TEMPLATE.vertices[:, 2] > -0.05) & (TEMPLATE.vertices[:, 1] > -0.11)
)
PERSON = neutral_shape(TEMPLATE, np.clip(np.random.default_rng(0).normal(size=len(TEMPLATE.identity)), -2, 2))


@dataclass(frozen=True)
class Case:
    """Pairs, and the whole face in both spaces."""

    source: np.ndarray
    target: np.ndarray
    frame: np.ndarray
    face: np.ndarray

    def fit(self) -> Bridge:
        return fit_bridge(self.source, self.target, np.ones(len(self.source), np.float32), self.frame)

    def error(self, bridge: Bridge | None = None) -> np.ndarray:
        """(N,) metres, over the face."""
        return np.linalg.norm((bridge or self.fit()).apply(self.face) - TEMPLATE.vertices[FACE], axis=1)


def foreign(vertices: np.ndarray, scale: float = 37.0, mirrored: bool = False) -> np.ndarray:
    """Another canonical space: bent, turned, maybe mirrored, in another unit, far from the origin."""
    bent = vertices + 0.004 * np.sin(vertices[:, [2, 0, 1]] * 45)
    flip = np.array([-1.0 if mirrored else 1.0, 1, 1])
    turn = Rotation.from_quat([0.4, -0.6, 0.5, 0.2]).as_matrix()
    return ((bent @ turn.T * flip + [3, -0.5, 0.1]) * scale).astype(np.float32)


def case(noise: float, outliers: float, scale: float = 37.0, mirrored: bool = False, seed: int = 0) -> Case:
    """Errors that are smooth in each frame, have long tails, and are now and then somewhere else."""
    random, face = np.random.default_rng(seed), foreign(PERSON[FACE], scale, mirrored)
    rows = np.stack([random.choice(len(FACE), PIXELS) for _ in range(FRAMES)])
    target = TEMPLATE.vertices[FACE][rows].astype(np.float64)
    waves = random.normal(size=(FRAMES, 1, 3, 3)) * 80
    phase = np.einsum("fpc,fpcd->fpd", target, np.broadcast_to(waves, (FRAMES, PIXELS, 3, 3)))
    target += noise * np.sin(phase + random.uniform(0, 6, (FRAMES, 1, 3)))
    target += noise / 2 * random.standard_t(3, target.shape)
    wrong = random.random(rows.shape) < outliers
    target[wrong] = TEMPLATE.vertices[random.choice(FACE, wrong.sum())]
    frame = np.repeat(np.arange(FRAMES), PIXELS)
    return Case(face[rows].reshape(-1, 3), target.reshape(-1, 3).astype(np.float32), frame, face)


@pytest.mark.parametrize(("scale", "mirrored"), [(1.0, False), (1e-3, False), (250.0, True)])
def test_unit_axes_and_shape_are_found_among_errors(scale, mirrored):
    noisy = case(noise=0.004, outliers=0.2, scale=scale, mirrored=mirrored)
    bridge = noisy.fit()
    assert bridge.mirrored == mirrored and bridge.scale == pytest.approx(1 / scale, rel=0.05)
    error = noisy.error(bridge)
    assert error.mean() < 0.0016 and np.quantile(error, 0.95) < 0.0035


def test_without_errors_the_shape_is_followed():
    clean = case(noise=0.0, outliers=0.0)
    bridge = clean.fit()
    assert clean.error(bridge).mean() < 0.0006 and bridge.residual < 0.0004


def test_a_part_that_differs_is_followed_although_all_else_agrees_closely():
    """What a stiff warp leaves of it at first is no mistake, however small the rest of the face makes it look one."""
    below = np.exp(-(((TEMPLATE.vertices[FACE, 1] - TEMPLATE.vertices[FACE, 1].min()) / 0.03) ** 2))
    face = (TEMPLATE.vertices[FACE] + 0.005 * below[:, None] * (0.3, 1, 0.5)).astype(np.float32)
    rows = np.random.default_rng(0).choice(len(FACE), (8, 600))
    frame = np.repeat(np.arange(8), 600)
    clean = Case(face[rows].reshape(-1, 3), TEMPLATE.vertices[FACE][rows].reshape(-1, 3), frame, face)
    assert clean.error()[below > 0.3].mean() < 0.0012


def test_noise_is_not_followed():
    """With ever more frames, the error falls although the noise does not."""
    noisy = case(noise=0.006, outliers=0.1)
    few = noisy.frame < 4
    small = Case(noisy.source[few], noisy.target[few], noisy.frame[few], noisy.face)
    assert noisy.error().mean() < 0.7 * small.error().mean()
    assert small.error().mean() < 0.006


def test_the_same_pairs_give_the_same_bridge():
    one, two = (case(noise=0.004, outliers=0.1).fit() for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one.arrays().values(), two.arrays().values(), strict=True))


def test_a_bridge_survives_its_file(tmp_path):
    noisy = case(noise=0.004, outliers=0.1)
    bridge = noisy.fit()
    write_npz(tmp_path / "b.npz", bridge.arrays())
    again = Bridge.from_arrays(read_npz(tmp_path / "b.npz", lambda *_: True))
    picture = noisy.face[:60].reshape(6, 10, 3)
    assert np.array_equal(again.apply(picture), bridge.apply(picture)) and again.apply(picture).shape == (6, 10, 3)
    assert again.apply(np.zeros((0, 3))).shape == (0, 3)
    for name, bad in (("radial", np.zeros((2, 3))), ("residual", np.zeros(3)), ("centers", None)):
        arrays = {**bridge.arrays(), name: bad}
        with pytest.raises(ValueError, match="not a bridge"):
            Bridge.from_arrays({k: v for k, v in arrays.items() if v is not None})


def test_pairs_that_are_no_numbers_do_not_count():
    noisy = case(noise=0.002, outliers=0.1)
    noisy.source[::7] = np.nan
    assert noisy.error().mean() < 0.002


def complaint(source: np.ndarray, target: np.ndarray) -> str:
    with pytest.raises(UserError) as caught:
        fit_bridge(source, target, np.ones(len(source)))
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300
    return str(caught.value)


def test_what_cannot_be_bridged_is_refused():
    noisy = case(noise=0.002, outliers=0.05)
    source, target = noisy.source, noisy.target
    assert "only 300 pixels" in complaint(source[:300], target[:300])
    assert "all the same" in complaint(np.ones_like(source), target)
    patch = np.linalg.norm(target - target[0], axis=1) < 0.015
    assert "too small or too hidden" in complaint(np.tile(source[patch], (20, 1)), np.tile(target[patch], (20, 1)))
    assert "do not agree" in complaint(source, np.random.default_rng(0).permutation(target))


def test_a_folded_space_is_refused():
    """Both halves of the face on one side: no similarity and no honest warp does that."""
    noisy = case(noise=0.001, outliers=0.0)
    folded = noisy.target * [1, 1, 1]
    folded[:, 0] = np.abs(folded[:, 0])
    assert "folded" in complaint(noisy.source, folded)
