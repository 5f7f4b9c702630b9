"""The parity command, on fixtures made here and on the recorded ones where they are at hand."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from support.full_size import TOY, released_state, toy_network

from faceanything_addon import cli
from faceanything_addon.model.full.config import PUBLISHED, from_published
from faceanything_addon.model.full.generated import generated
from faceanything_addon.model.full.parity_network import build, parameter, run_network

REFERENCE = os.environ.get("FACE_REFERENCE")


def run(capsys: pytest.CaptureFixture, *arguments: Path) -> tuple[int, str, str]:
    code = cli.main(["check-parity", *map(str, arguments)])
    return (code, *capsys.readouterr())


def description() -> dict[str, Any]:
    """A small network of which anyone can make the parameters."""
    config = {theirs: getattr(TOY, ours) for theirs, ours in PUBLISHED.items()}
    heads = {
        name: {"features": head.features, "out_channels": head.stages, "output_dim": head.outputs}
        for name, head in (("head", TOY.depth_head), ("canonical_head", TOY.canonical_head))
    }
    tensors = [
        {"key": name, "shape": list(t.shape), "mean": float("norm" in name), "scale": 0.1}
        for name, t in released_state(toy_network()).items()
    ]
    digest = hashlib.sha256(b"".join(parameter(t, 3).tobytes() for t in tensors)).hexdigest()
    config |= {"ffn": "swiglu", "out_layers": TOY.taps, **heads}
    toy = {"config": config, "tensors": tensors, "seed": 3, "sha256_all_in_order": digest, "runs": {"v": {}}}
    return {"configs": {"toy": toy}}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    data = description()
    network, _ = build(data["configs"]["toy"])
    images = generated("input", (3, 3, 42, 28), 0).astype(np.float32)
    recorded = {f"toy/v/{name}": a for name, a in run_network(network, images).items()} | {"toy/v/input": images}
    np.savez(tmp_path / "f.npz", **recorded)  # pyright: ignore[reportArgumentType]
    (tmp_path / "d.json").write_text(json.dumps(data))
    return tmp_path / "f.npz", tmp_path / "d.json"


def test_a_recording_of_itself_is_within_tolerance(files, capsys) -> None:
    code, out, _ = run(capsys, *files)
    # parameters, 7 outputs, 2 camera matrices, 4 taps twice, 8 blocks
    assert code == 0 and out.splitlines()[-1] == "26 arrays, 0 beyond tolerance"


@pytest.mark.parametrize("change", ["moved", "nan", "cut", "unknown", "another run"])
def test_an_array_that_differs_ends_with_code_1(files, capsys, change) -> None:
    arrays = dict(np.load(files[0]))
    depth = arrays["toy/v/depth"]
    if change == "moved":
        depth[0, 0, 0] += 0.01 * depth.std()
    elif change == "nan":
        depth[0, 0, 0] = np.nan
    elif change == "cut":
        arrays["toy/v/depth"] = depth[:1]
    else:
        arrays["toy/v/dept" if change == "unknown" else "toy/w/depth"] = depth
    np.savez(files[0], **arrays)
    code, out, _ = run(capsys, *files)
    assert code == 1 and out.splitlines()[-1].endswith(" 1 beyond tolerance") and out.count("BEYOND") == 1


def test_files_that_are_no_fixture_are_the_users_error(files, capsys, tmp_path) -> None:
    (tmp_path / "text").write_text("text")
    (tmp_path / "other.json").write_text("{}")
    (tmp_path / "steps.json").write_text('{"preprocess_cases": [], "resize_policy": []}')
    pairs = [
        (tmp_path / "no.npz", files[1]),
        (tmp_path / "text", files[1]),
        (files[0], tmp_path / "text"),
        (files[0], tmp_path / "other.json"),
        (files[0], tmp_path / "steps.json"),
    ]
    for pair in pairs:
        code, _, err = run(capsys, *pair)
        assert code == 2 and err.count("\n") == 1


def test_generated_numbers_are_splitmix64() -> None:
    state, values = zlib.crc32(b"name") ^ (5 << 32), []
    for _ in range(6):
        state = (state + 0x9E3779B97F4A7C15) % 2**64
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        values.append((2 * ((z ^ (z >> 31)) >> 11) * 2**-53 - 1) * 3**0.5)
    assert np.array_equal(generated("name", (2, 3), 5).ravel(), values)
    many = generated("many", (100_000,), 1)
    assert abs(many.mean()) < 0.02 and abs(many.var() - 1) < 0.02


def test_options_that_are_not_built_in_are_refused() -> None:
    config = description()["configs"]["toy"]["config"]
    assert from_published(config) == TOY
    for change in ({"cat_token": False}, {"ffn": "other"}):
        with pytest.raises(ValueError, match="not built in"):
            from_published({**config, **change})


@pytest.mark.skipif(not REFERENCE, reason="FACE_REFERENCE names no folder of fixtures")
@pytest.mark.parametrize(
    "names", [("parity_small.npz", "parity_small_state_dict.json"), ("parity_pre_post.npz", "parity_pre_post.json")]
)
def test_recorded_fixtures_are_reproduced(names, capsys) -> None:
    torch.set_num_threads(1)
    code, out, _ = run(capsys, *(Path(str(REFERENCE)) / name for name in names))
    assert code == 0, out
