"""From a checkpoint to weights: what goes over, and what is refused."""

# SPDX-License-Identifier: GPL-3.0-or-later
# pyright: reportMissingImports=false
from __future__ import annotations

import argparse
import json
import os
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("safetensors")

import torch
from safetensors.torch import load_file
from support.full_size import TOY, released_state, toy_network

from faceanything_addon import cli
from faceanything_addon.errors import UserError
from faceanything_addon.model.full import checkpoint, convert
from faceanything_addon.model.full.config import GIANT
from faceanything_addon.model.full.network import empty_network
from faceanything_addon.model.full.weights import load_network

REFERENCE = os.environ.get("FACE_REFERENCE")


@pytest.fixture(autouse=True)
def released_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "GIANT", TOY)


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    return released_state(toy_network())


def save(folder: Path, data: Any) -> Path:
    torch.save(data, folder / "checkpoint.pt")
    return folder / "checkpoint.pt"


def command(capsys: pytest.CaptureFixture, file: Path, *options: str) -> tuple[int, str, str]:
    out = file.with_name("weights.safetensors")
    code = cli.main(["convert", str(file), "--out", str(out), *options])
    return (code, *capsys.readouterr())


def refused(capsys: pytest.CaptureFixture, file: Path) -> str:
    """The one line that a refused checkpoint gets; nothing is left behind."""
    code, _, err = command(capsys, file)
    assert code == 2 and err.startswith(f"faceanything: {file}: ") and err.count("\n") == 1
    assert not list(file.parent.glob("weights*"))
    return err


def output(network: torch.nn.Module) -> torch.Tensor:
    images = torch.randn(2, 3, 28, 42, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        return network(images).canonical


def test_a_converted_network_gives_the_same_numbers(tmp_path, state, capsys) -> None:
    training = {"model": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(8)}}}, "epoch": 3}
    code, out, _ = command(capsys, save(tmp_path, training))
    assert code == 0 and "written" in out and " 0 unexpected" in out
    assert torch.equal(output(load_network(tmp_path / "weights.safetensors")), output(toy_network()))
    assert [p.name for p in tmp_path.glob("weights*")] == ["weights.safetensors"]


def test_any_reader_of_the_format_can_read_it(tmp_path, state, monkeypatch) -> None:
    monkeypatch.setattr(convert, "BATCH_BYTES", 4096)  # many batches
    convert.convert(save(tmp_path, state), tmp_path / "w", bfloat16=True, say=lambda _: None)
    read = load_file(tmp_path / "w")
    assert set(read) == set(state)
    halved = [name for name, tensor in read.items() if tensor.dtype == torch.bfloat16]
    assert halved and all(name.startswith("model.backbone.") for name in halved)
    assert not any("norm" in name or "token" in name or "gamma" in name for name in halved)
    for name, tensor in read.items():
        assert torch.equal(tensor, state[name].to(tensor.dtype))


def test_bfloat16_can_be_asked_for_and_widened_again(tmp_path, state, capsys) -> None:
    assert command(capsys, save(tmp_path, state), "--dtype", "bfloat16")[0] == 0
    kept = load_network(tmp_path / "weights.safetensors")
    wide = load_network(tmp_path / "weights.safetensors", float32=True)
    assert kept.state_dict()["backbone.blocks.0.attn.proj.weight"].dtype == torch.bfloat16
    assert {p.dtype for p in wide.parameters()} == {torch.float32}
    assert float((output(wide) - output(kept)).abs().max()) < 0.3 * float(output(wide).std())


@pytest.mark.parametrize("prefix", ["module.model.", "module.", ""])
def test_wrappers_in_the_names_are_seen_through(tmp_path, state, prefix) -> None:
    renamed = {prefix + name.removeprefix("model."): tensor for name, tensor in state.items()}
    convert.convert(save(tmp_path, renamed), tmp_path / "w", say=lambda _: None)
    assert torch.equal(output(load_network(tmp_path / "w")), output(toy_network()))


def test_a_shared_tensor_is_found_under_its_first_name(tmp_path, state) -> None:
    for kind in ("weight", "bias"):
        stem = "model.head.scratch.output_conv2_aux."
        state[f"{stem}0.2.{kind}"] = state.pop(f"{stem}3.2.{kind}")
    convert.convert(save(tmp_path, state), tmp_path / "w", say=lambda _: None)
    assert torch.equal(output(load_network(tmp_path / "w")), output(toy_network()))


def test_missing_and_unexpected_tensors_are_named(tmp_path, state, capsys) -> None:
    del state["model.head.norm.bias"]
    state["model.cam_dec.fc_t.bias"] = torch.zeros(4)
    state |= {"model.canonical_head.x": torch.ones(1), "model.gs_head.y": torch.ones(1)}
    code, out, err = command(capsys, save(tmp_path, {"model": state}))
    assert code == 2 and "model.head.norm.bias" in err and "2 needed tensors" in err
    assert "missing model.head.norm.bias\n" in out
    assert "misshapen model.cam_dec.fc_t.bias: torch.float32 (4,), not (3,)\n" in out
    assert "unexpected model.canonical_head.x\n" in out
    assert "1 known but not needed, 1 unexpected" in out and "gs_head" not in out


@pytest.mark.skipif(not REFERENCE, reason="FACE_REFERENCE names no folder of fixtures")
def test_every_tensor_of_the_released_checkpoint_is_known() -> None:
    listed = json.loads((Path(str(REFERENCE)) / "faceanything_state_dict.json").read_text())["tensors"]
    state = {t["key"]: torch.zeros(1).expand(t["shape"]) for t in listed}  # no memory
    plan = convert.make_plan(state, empty_network(GIANT), bfloat16=True)
    assert not plan.missing and not plan.misshapen and not plan.unexpected
    assert len(plan.items) + plan.left_out == len(listed)


def test_whole_numbers_and_other_values_are_no_weights(tmp_path, state) -> None:
    state["model.head.norm.bias"] = state["model.head.norm.bias"].long()
    broken: dict[Any, Any] = {**state, "model.cls": "text", 7: torch.ones(1)}
    with pytest.raises(UserError, match=r"model\.head\.norm\.bias: torch.int64"):
        convert.convert(save(tmp_path, broken), tmp_path / "w", say=lambda _: None)
    state["model.head.norm.bias"] = torch.zeros_like(state["model.head.norm.bias"], dtype=torch.float16)
    state["model.head.norm.weight"] = state["model.head.norm.weight"].to(torch.float8_e4m3fn)
    with pytest.raises(UserError, match=r"1 needed .*model\.head\.norm\.weight: torch.float8"):
        convert.convert(save(tmp_path, state), tmp_path / "w", say=lambda _: None)


def test_harmless_objects_of_a_training_script_are_passed_over(tmp_path, state, capsys) -> None:
    extras = {"args": argparse.Namespace(rate=1e-4, out=Path("x")), "best": np.float64(0.5), "curve": np.ones(3)}
    assert command(capsys, save(tmp_path, {"model": state, **extras}))[0] == 0


class Shell:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {os.environ['FACE_TEST_MARK']}",)


class Evaluate:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("__import__('pathlib').Path(__import__('os').environ['FACE_TEST_MARK']).touch()",)


@pytest.mark.parametrize("attack", [Shell, Evaluate])
@pytest.mark.parametrize("place", ["beside", "inside", "bare"])
def test_a_checkpoint_that_runs_code_is_refused(tmp_path, state, capsys, monkeypatch, attack, place) -> None:
    mark = tmp_path / "mark"
    monkeypatch.setenv("FACE_TEST_MARK", str(mark))
    if place == "bare":  # a plain pickle, which older loaders would have opened
        file = tmp_path / "checkpoint.pt"
        file.write_bytes(pickle.dumps(attack()))
    else:
        file = save(
            tmp_path, {"model": state, "x": attack()} if place == "beside" else {"model": {**state, "x": attack()}}
        )
    line = refused(capsys, file)
    assert ("asks to run code" in line) == (place != "bare")
    assert not mark.exists()


def test_damaged_downloads_are_told_apart(tmp_path, state, capsys) -> None:
    file = save(tmp_path, {"model": state})
    whole = file.read_bytes()
    damages = {
        "is cut off": whole[: len(whole) * 2 // 3],
        "is filled with zeros": bytes(len(whole)),
        "ends in zeros": whole[: len(whole) // 2] + bytes(len(whole) // 2 + checkpoint.PROBE),
        "is empty": b"",
        "is no checkpoint": b"version https://example.invalid/pointer",
        "cannot be read as a checkpoint": whole[:40] + bytes(400) + whole[440:],
    }
    for words, content in damages.items():
        file.write_bytes(content)
        assert words in refused(capsys, file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "nothing")
    assert "no PyTorch checkpoint" in refused(capsys, file)
    file.unlink()
    assert "No such file" in refused(capsys, file)


@pytest.mark.parametrize("words", ["filled with zeros", "no numbers"])
def test_tensors_that_were_never_written_are_noticed(tmp_path, state, capsys, words) -> None:
    name = "model.backbone.pretrained.blocks.3.attn.qkv.weight"
    state[name] = torch.zeros_like(state[name]) if "zeros" in words else state[name] * float("nan")
    line = refused(capsys, save(tmp_path, {"model": state}))
    assert words in line and name in line


def test_a_long_run_of_zeros_inside_a_matrix_is_noticed(tmp_path) -> None:
    matrix = torch.ones(4, checkpoint.ZERO_RUN)
    checkpoint.check_values(tmp_path, "m", matrix)
    matrix[2] = 0
    with pytest.raises(UserError, match="filled with zeros"):
        checkpoint.check_values(tmp_path, "m", matrix)
    checkpoint.check_values(tmp_path, "bias", torch.zeros(8))


def test_a_checkpoint_of_another_network_is_refused(tmp_path, capsys) -> None:
    assert "none of the network's tensors" in refused(capsys, save(tmp_path, {"encoder.weight": torch.ones(2, 2)}))
    assert "holds no weights" in refused(capsys, save(tmp_path, [torch.ones(1)]))


def test_the_output_must_be_a_place_that_can_be_written(tmp_path, state, monkeypatch) -> None:
    file = save(tmp_path, state)
    for out in (tmp_path / "no" / "w", tmp_path, file):
        with pytest.raises(UserError):
            convert.convert(file, out, say=lambda _: None)
    monkeypatch.setattr(convert.shutil, "disk_usage", lambda _: argparse.Namespace(free=10))
    with pytest.raises(UserError, match="are free"):
        convert.convert(file, tmp_path / "w", say=lambda _: None)


def test_weights_that_are_damaged_or_foreign_are_refused(tmp_path, state) -> None:
    convert.convert(save(tmp_path, state), tmp_path / "w", say=lambda _: None)
    whole = (tmp_path / "w").read_bytes()
    (tmp_path / "cut").write_bytes(whole[:-1000])
    (tmp_path / "foreign").write_bytes(b'\x10\x00\x00\x00\x00\x00\x00\x00{"a":1}         ')
    (tmp_path / "other").write_bytes(whole.replace(b"face-anything-full-1", b"face-anything-full-9"))
    for name in ("cut", "foreign", "other", "none"):
        with pytest.raises(UserError, match="faceanything convert"):
            load_network(tmp_path / name)


def test_without_torch_the_line_says_what_to_install(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    code, _, err = command(capsys, tmp_path / "checkpoint.pt")
    assert code == 2 and "faceanything[full]" in err and err.count("\n") == 1
