"""Train a network of second looks: `python -m training.closeup --task eyes --run DIR --steps 8000`.

Pictures are rendered by worker processes while the network trains on those that are there. The last checkpoint is
enough to go on; `--export` writes the ONNX file that the extension ships and the weights.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from faceanything_addon.template import load_template

from . import augment
from .checkpoint import Average, Log, save_whole
from .closeup_network import MouthNetwork, NearNetwork
from .closeup_tasks import TASKS
from .device import pick_bf16, pick_device
from .muon import muon_and_adam
from .replay import Replay
from .source import TEST_SEED, Chunk, Generator, Source

CHUNK, SLOTS = 1024, 48


@dataclass(frozen=True)
class Options:
    """One run."""

    run: Path
    task: str = "eyes"  # or mouth, brows
    steps: int = 8000
    batch: int = 128
    rate: float = 2e-3
    decay: float = 0.5  # share of the budget over which the rate falls
    reuse: int = 4
    workers: int = 2
    threads: int = 2
    seed: int = 1  # 0 to 39
    test: int = 1024
    init: str = ""
    only: str = ""  # a head that alone learns, like the mouth's "map" after networks were mixed
    export: bool = False


def make_batch(arrays: Chunk, rows: np.ndarray, fields: tuple[str, ...], device: torch.device) -> dict[str, Tensor]:
    """Stored pictures -> image (B, 3, h, w) 0..1, the other fields as they are."""
    t = {k: torch.from_numpy(np.ascontiguousarray(arrays[k][rows])).to(device) for k in fields}
    return {**t, "image": t["image"].permute(0, 3, 1, 2).float() / 255}


def begin_from(model: torch.nn.Module, weights: dict[str, Tensor]) -> None:
    """Take over what has the same shape: all of the same task's network, the body of another's."""
    own = model.state_dict()
    fits = {k: v for k, v in weights.items() if k in own and own[k].shape == v.shape and k != "middle"}
    model.load_state_dict(own | fits)


def inner_weights(model: NearNetwork) -> list[torch.nn.Parameter]:
    """What lies between the first layer and the last: Muon's share."""
    rooms = (*list(model.body)[1:], model.squeeze, model.hidden)
    if isinstance(model, MouthNetwork):
        rooms += tuple(model.map.mixes)
    return [p for room in rooms for p in room.parameters() if p.ndim >= 2]


def vary(batch: dict[str, Tensor], rng: torch.Generator) -> dict[str, Tensor]:
    """Shift by up to 3 pixels, enlarge by up to 6 %, change colours; beyond its border a frame may be black."""
    image, (n, _, height, width) = batch["image"], batch["image"].shape
    r = 2 * torch.rand(3, n, generator=rng, device=image.device) - 1
    scale, shift = torch.exp(0.06 * r[0]), 3 * r[1:].T  # (B,), (B, 2) pixels
    half = image.new_tensor([width, height]) / 2
    back = torch.diag_embed(1 / scale[:, None].expand(n, 2))
    theta = torch.cat([back, (-shift / half / scale[:, None])[..., None]], dim=-1)
    beyond = "zeros" if torch.rand((), generator=rng, device=image.device) < 0.2 else "border"
    grid = torch.nn.functional.affine_grid(theta, list(image.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(image, grid, padding_mode=beyond, align_corners=False)
    points = (batch["points"] + 0.5 - half) * scale[:, None, None] + shift[:, None] + half - 0.5
    out = {**batch, "image": augment.color(moved, augment.Strength(), rng), "points": points}
    if "inside" in batch:
        out["inside"] = moved_labels(batch["inside"], grid)
    return out


def moved_labels(labels: Tensor, grid: Tensor) -> Tensor:
    """(B, h, w) u1 -> (B, h, w) i8 read at a grid of `affine_grid`, -1 beyond their border."""
    beyond = (labels.float() + 1)[:, None]
    moved = torch.nn.functional.grid_sample(beyond, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return (moved[:, 0] - 1).to(torch.int8)


class Trainer:
    """Model, data and clock of one run."""

    def __init__(self, options: Options) -> None:
        self.o = o = options
        o.run.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(o.threads)
        torch.manual_seed(o.seed)
        self.device = torch.device(pick_device("auto"))
        self.bf16 = pick_bf16("auto", self.device)
        self.task = TASKS[o.task](load_template())
        self.gaps = self.task.gaps.to(self.device)
        self.model = self.task.network(self.task.config, self.task.middle).to(self.device)
        if o.init:
            begin_from(self.model, torch.load(o.init, map_location="cpu", weights_only=True)["average"])
        for name, weight in self.model.named_parameters():
            weight.requires_grad_(name.startswith(o.only))
        self.average = Average(self.model, 0.998)
        plain = [p for p in self.model.parameters() if p.ndim < 2]
        self.optimizer = muon_and_adam(self.model, inner_weights(self.model), plain, o.rate, 0.02)
        self.done, self.chunk = 0, 0
        self.log = Log(o.run / "log.jsonl")
        self.resume()
        self.source = Source(Generator(self.task.module), o.workers, o.seed)
        self.replay = Replay(o.run / "replay", SLOTS, CHUNK)

    @property
    def checkpoint(self) -> Path:
        return self.o.run / "last.pt"

    def resume(self) -> None:
        """From the last checkpoint, at the start of the chunk it stood in."""
        if not self.checkpoint.exists():
            return
        content = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        self.model.load_state_dict(content["model"])
        self.average.state = content["average"]
        self.optimizer.load_state_dict(content["optimizer"])
        self.done, self.chunk = content["step"], content["chunk"]

    def save(self) -> None:
        """Write the checkpoint."""
        content = {"config": self.model.config.to_dict(), "model": self.model.state_dict(), "step": self.done}
        content |= {"average": self.average.state, "optimizer": self.optimizer.state_dict(), "chunk": self.chunk}
        save_whole(self.checkpoint, content)

    def train(self) -> dict[str, float]:
        """To the end of the budget; the last scores."""
        test = self.source.collect(self.source.start(0, self.o.test, TEST_SEED))
        for number in self.replay.missing(self.chunk):
            self.replay.put(number, self.source.collect(self.source.start(number, CHUNK)))
        while self.done < self.o.steps:
            ahead = self.source.start(self.chunk + 1, CHUNK)
            began = time.monotonic()
            self.train_chunk()
            rate = CHUNK * self.o.reuse / (time.monotonic() - began)
            self.replay.put(self.chunk + 1, self.source.collect(ahead))
            self.chunk += 1
            whole = time.monotonic() - began
            self.log.write("chunk", {"chunk": self.chunk, "step": self.done, "rate": rate, "seconds": whole})
            if self.chunk % 8 == 0:
                self.save()
                self.log.write("test", {"step": self.done, **self.score(test)})
        self.source.close()
        self.save()
        scores = self.score(test)
        self.log.write("test", {"step": self.done, **scores})
        return scores

    def train_chunk(self) -> None:
        """The fresh pictures once, the others as often as `reuse` says."""
        rng = np.random.default_rng((self.o.seed, self.chunk))
        held = np.concatenate([self.replay.rows(c) for c in self.replay.expected(self.chunk)])
        extra = rng.choice(held, CHUNK * (self.o.reuse - 1))
        order = rng.permutation(np.concatenate([self.replay.rows(self.chunk), extra]))
        for first in range(0, len(order), self.o.batch):
            terms = self.step(order[first : first + self.o.batch])
            self.done += 1
            if self.done % 100 == 0:
                self.log.write("train", {"step": self.done, **{k: float(v) for k, v in terms.items()}})

    def step(self, rows: np.ndarray) -> dict[str, Tensor]:
        """One optimiser step."""
        rng = torch.Generator(self.device).manual_seed(self.o.seed * 1_000_003 + self.done)
        batch = make_batch(self.replay.arrays, rows, self.task.fields, self.device)
        if torch.rand((), generator=rng, device=self.device) < 0.5:
            batch = self.task.mirrored(batch)
        batch = vary(batch, rng)
        left = min(1.0, max(0.0, 1 - self.done / self.o.steps) / self.o.decay)
        for group in self.optimizer.param_groups:
            group["lr"] = self.o.rate * min(1.0, (self.done + 1) / 200) * (0.01 + 0.99 * left)
        self.model.train(not self.o.only)
        if self.o.only:  # what does not learn keeps its norms' statistics too
            self.model.get_submodule(self.o.only).train()
        with torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext():
            out = self.model(batch["image"].contiguous(memory_format=torch.channels_last))
        loss, terms = self.task.loss(out, batch, self.gaps)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        self.optimizer.step()
        self.average.update(self.model, self.done)
        return {k: v.detach() for k, v in terms.items()}

    @torch.no_grad()
    def score(self, test: Chunk) -> dict[str, float]:
        """Of the averaged weights on held-out pictures."""
        model = self.task.network(self.task.config, self.task.middle).to(self.device)
        model.load_state_dict(self.average.state)
        model.eval()
        batch = make_batch(test, np.arange(len(test["image"])), self.task.fields, self.device)
        parts = [model(batch["image"][k : k + 256]) for k in range(0, len(test["image"]), 256)]
        return self.task.score({k: torch.cat([p[k] for p in parts]) for k in parts[0]}, batch)


def main(arguments: list[str] | None = None) -> None:
    """Command line: every option is a flag."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, value in vars(Options(run=Path("training/work/eyes"))).items():
        if isinstance(value, bool):
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name}", type=Path if name == "run" else type(value), default=value)
    options = Options(**vars(parser.parse_args(arguments)))
    if options.export:
        from .closeup_export import export_run

        export_run(options.run / "last.pt", TASKS[options.task](load_template()))
    else:
        Trainer(options).train()


if __name__ == "__main__":
    main()
