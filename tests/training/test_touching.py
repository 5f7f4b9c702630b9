"""People of the template and of the generator have lips that touch where they are shut."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.faces import expression

from faceanything_addon.reconstruct.lips import find_seam
from faceanything_addon.template import Template
from faceanything_addon.template.template import TEMPLATE_FILE, load_template
from training.template.touching import seal_file, touching_modes

UP = 1  # from this axis on: up and outwards


@pytest.fixture(name="template")
def packaged_template() -> Template:
    return load_template()


def apart(displacement: np.ndarray, template: Template) -> np.ndarray:
    """(..., P) metres by which displacements (..., V, 3) part the lips, up and outwards."""
    seam = find_seam(template)
    return np.linalg.norm((displacement[..., seam.upper, :] - displacement[..., seam.lower, :])[..., UP:], axis=-1)


def parting(template: Template) -> Template:
    """With one more mode, which opens the jaw by some millimetres."""
    jaw = template.expressions[template.expression_names.index("jawOpen")]
    return replace(template, identity=np.concatenate([template.identity, 0.1 * jaw[None]]))


def test_no_mode_of_the_templates_identity_parts_the_lips(template: Template) -> None:
    assert apart(template.identity, template).max() < 2e-6


def test_what_seals_modes_takes_the_gap_out_of_all_and_leaves_the_rest(template: Template) -> None:
    opened = parting(template)
    assert apart(opened.identity[-1], template).max() > 1e-3
    modes = touching_modes(opened)
    assert apart(modes, template).max() < 1e-6
    np.testing.assert_allclose(modes[:-1], template.identity, atol=2e-6)
    chin = np.linalg.norm(template.vertices - template.landmarks(template.vertices)[8], axis=1).argmin()
    np.testing.assert_allclose(modes[-1, chin], opened.identity[-1, chin], atol=1e-7)


def test_a_templates_file_is_sealed_and_otherwise_kept(tmp_path: Path, template: Template) -> None:
    with np.load(TEMPLATE_FILE, allow_pickle=False) as data:
        arrays = dict(data)
    arrays["identity"] = parting(template).identity.astype(np.float16)
    file = tmp_path / "template.npz"
    shutil.copy(TEMPLATE_FILE, file)
    load_template(file)  # what the file held before is remembered
    np.savez_compressed(file, **arrays)
    seal_file(file)
    sealed = load_template(file)
    assert len(sealed.identity) == len(template.identity) + 1
    assert apart(sealed.identity, sealed).max() < 2e-6
    np.testing.assert_array_equal(sealed.vertices, template.vertices)
    np.testing.assert_array_equal(sealed.expressions, template.expressions)


@pytest.mark.parametrize("shapes", [{}, {"mouthSmileLeft": 0.8, "mouthRollLower": 0.6, "mouthRollUpper": 0.6}])
def test_shut_lips_of_the_generators_people_touch_along_their_whole_length(
    shapes: dict[str, float], template: Template
) -> None:
    pytest.importorskip("numba")
    from training.generator.render import with_touching_lips

    wave = 0.1 * template.expressions[template.expression_names.index("jawOpen")]
    neutral = template.vertices + wave + template.identity[:20].sum(axis=0)
    rest, shape = with_touching_lips(template, neutral, expression(**shapes) - template.vertices)
    assert apart(neutral - template.vertices, template).max() > 1e-3
    for face in (rest, shape):
        assert np.abs(apart(face - template.vertices, template)).max() < 1e-5


def test_an_open_mouth_of_the_generators_people_stays_open(template: Template) -> None:
    pytest.importorskip("numba")
    from training.generator.render import with_touching_lips

    moved = expression(jawOpen=0.5) - template.vertices
    rest, shape = with_touching_lips(template, template.vertices, moved)
    np.testing.assert_allclose(shape - rest, moved, atol=1e-6)
