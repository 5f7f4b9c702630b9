"""Train the embedded network: `python -m training.train --run DIR --minutes 60`.

Rendering and training take turns on all cores (or overlap, `--overlap`). The last checkpoint is enough to go on after
a kill: call the same command again, with a larger budget to train longer.
"""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import argparse
import importlib
import os
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from multiprocessing.pool import AsyncResult
from pathlib import Path

import numpy as np
import torch

from faceanything_addon.template import Template, load_template

from .augment import Strength, augment, build_mirror
from .checkpoint import Average, Log, Progress, load_run, read_average, save_run
from .device import attention, pick_bf16, pick_device
from .evaluate import Judge, as_floats
from .importance import build_importance
from .losses import LossWeights, total_loss
from .muon import Joined, muon_and_adam
from .network import Config, FaceNetwork, parameter_count
from .replay import Replay
from .source import TEST_SEED, Chunk, Generator, Source

CHOICES = {"optimizer": ("adamw", "muon")}


@dataclass(frozen=True)
class Options:
    """One run."""

    run: Path
    generator: str = "training.generator"
    assets: str = ""
    size: int = 192
    minutes: float = 60.0  # the budget: the learning rate is down at its end
    steps: int = 0  # a budget in steps instead, for repeatable runs
    batch: int = 16
    rate: float = 1.5e-3
    decay: float = 0.3  # share of the budget over which the rate falls
    warmup: int = 150  # steps
    weight_decay: float = 0.05
    ema: float = 0.998
    chunk: int = 512  # pictures rendered at a time
    slots: int = 40  # chunks kept
    reuse: float = 2.5  # times a picture is used
    generators: int = 2
    threads: int = 2
    overlap: bool = False
    compile: bool = False  # the losses as one compiled piece: a step is an eighth shorter
    nice: int = 0
    device: str = "auto"
    precision: str = "auto"
    seed: int = 1
    test: int = 384
    test_minutes: float = 8.0
    save_minutes: float = 1.5
    init: str = ""  # weights to start from
    optimizer: str = "adamw"  # or muon: on what lies between the first layer and the last ones
    without: str = ""  # terms of the loss that are left out, with commas: for experiments


class Trainer:
    """Model, data and clock of one run."""

    def __init__(self, options: Options) -> None:
        self.o = o = options
        o.run.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(o.threads)
        self.device = torch.device(pick_device(o.device))
        self.bf16 = pick_bf16(o.precision, self.device)
        self.template = template = find_template(o.generator)
        torch.manual_seed(o.seed)
        model = FaceNetwork(replace(self.sizes(), size=o.size, points=len(template.points)))
        if o.init and not self.checkpoint.exists():
            model.load_state_dict(read_average(Path(o.init))[1])
        self.model = model.to(self.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self.average = Average(self.model, o.ema)
        self.optimizer = make_optimizer(self.model, o)
        self.progress = Progress()
        if self.checkpoint.exists():
            self.progress = load_run(self.checkpoint, self.model, self.average, self.optimizer, self.device)
        self.importance = build_importance(template).to(self.device)
        self.mirror = build_mirror(template).to(self.device)
        self.judge = Judge(template, self.device)
        self.source = Source(Generator(o.generator, o.size, o.assets), o.generators, o.seed, o.nice)
        self.replay = Replay(o.run / "replay", o.slots, o.chunk)
        self.total_loss = torch.compile(total_loss) if o.compile else total_loss
        self.log = Log(o.run / "log.jsonl")
        self.weights = replace(LossWeights(), **{name: 0.0 for name in o.without.split(",") if name})
        self.losses: list[float] = []
        self.rendering = 0.0  # seconds waited for the last chunk
        self.next: tuple[int, AsyncResult] | None = None  # chunk under way

    @property
    def checkpoint(self) -> Path:
        return self.o.run / "last.pt"

    def sizes(self) -> Config:
        """Those of the weights that the run goes on from, else the usual ones."""
        before = [file for file in (self.checkpoint, Path(self.o.init or ".")) if file.is_file()]
        return read_average(before[0])[0] if before else Config()

    def spent(self) -> float:
        """Share of the budget used, 0..1."""
        if self.o.steps:
            return self.progress.step / self.o.steps
        return (self.progress.seconds + time.monotonic() - self.began) / (60 * self.o.minutes)

    def train(self) -> dict[str, float]:
        """Run to the end of the budget; the last scores."""
        self.began = self.saved = self.tested = time.monotonic()
        info = {"parameters": parameter_count(self.model), "device": str(self.device), "bf16": self.bf16}
        self.log.write("start", {**info, **vars(self.progress)})
        test = self.test_set()
        try:
            while self.spent() < 1:
                self.fill()
                self.train_chunk(test)
        finally:
            self.source.close()
        self.save()
        return self.validate(test)

    def fill(self) -> None:
        """Have every chunk in the buffer that the current one expects."""
        newest, o = self.progress.chunk, self.o
        began = time.monotonic()
        for number in self.replay.missing(newest):
            self.replay.put(number, self.ahead(number))
        self.rendering = time.monotonic() - began
        if o.overlap:
            self.next = (newest + 1, self.source.start(newest + 1, o.chunk))

    def ahead(self, number: int) -> Chunk:
        """A chunk: the one rendered during training where it is that, else rendered now."""
        if self.next is not None and self.next[0] == number:
            return self.source.collect(self.next[1])
        return self.source.collect(self.source.start(number, self.o.chunk))

    def order(self) -> np.ndarray:
        """Rows of the current chunk's training: all fresh ones once, the rest from the whole buffer."""
        number, o = self.progress.chunk, self.o
        rng = np.random.default_rng((o.seed, number))
        held = np.concatenate([self.replay.rows(c) for c in self.replay.expected(number)])
        extra = rng.choice(held, round(o.chunk * max(0.0, o.reuse - 1)))
        return rng.permutation(np.concatenate([self.replay.rows(number), extra]))

    def train_chunk(self, test: Chunk) -> None:
        """Train on the current chunk's share, from where the checkpoint stands."""
        o, p = self.o, self.progress
        order = self.order()
        batches = len(order) // o.batch
        began, first = time.monotonic(), p.batch
        while p.batch < batches and self.spent() < 1:
            loss, terms = self.step(order[p.batch * o.batch : (p.batch + 1) * o.batch])
            p.step, p.batch, p.images = p.step + 1, p.batch + 1, p.images + o.batch
            if p.step % 50 == 0 or o.steps and o.steps < 100:
                self.losses.append(float(loss))
                self.log.write("train", {"step": p.step, "images": p.images, "loss": float(loss), **as_floats(terms)})
            self.tend(test)
        rate = (p.batch - first) * o.batch / (time.monotonic() - began + 1e-9)
        self.log.write("chunk", {"chunk": p.chunk, "train_rate": rate, "render_seconds": self.rendering})
        if p.batch >= batches:
            p.chunk, p.batch = p.chunk + 1, 0

    def step(self, rows: np.ndarray) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """One optimiser step."""
        o, p = self.o, self.progress
        rng = torch.Generator(self.device).manual_seed(o.seed * 1_000_003 + p.step)
        batch = augment(self.replay.batch(rows, self.device), self.mirror, Strength(), rng)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(o, p.step, self.spent())
        self.model.train()
        image = batch["image"].contiguous(memory_format=torch.channels_last)
        with attention(self.device):
            with torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext():
                out = self.model(image)
            loss, terms = self.total_loss(out, batch, self.importance, self.weights)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 2.0)
        if torch.isfinite(norm):
            self.optimizer.step()
            self.average.update(self.model, p.step)
        return loss.detach(), {**terms, "norm": norm}

    def tend(self, test: Chunk) -> None:
        """Save and validate when it is time."""
        now = time.monotonic()
        if now - self.saved > 60 * self.o.save_minutes:
            self.save()
        if now - self.tested > 60 * self.o.test_minutes:
            self.validate(test)

    def save(self) -> None:
        """Write the checkpoint."""
        now = time.monotonic()
        self.progress.seconds += now - self.began
        self.began = self.saved = now
        save_run(self.checkpoint, self.model, self.average, self.optimizer, self.progress)

    def validate(self, test: Chunk) -> dict[str, float]:
        """Score the averaged weights."""
        model = self.average.model(self.model.config, self.device)
        scores = self.judge.score(model, test)
        p = self.progress
        minutes = (p.seconds + time.monotonic() - self.began) / 60
        self.log.write("test", {"step": p.step, "images": p.images, "minutes": minutes, **scores})
        self.tested = time.monotonic()
        return scores

    def test_set(self) -> Chunk:
        """Held-out pictures, rendered once per run."""
        path = self.o.run / "test.npz"
        if not path.exists():
            data = self.source.collect(self.source.start(0, self.o.test, TEST_SEED))
            part = path.with_suffix(".part.npz")
            np.savez(part, **data)  # pyright: ignore[reportArgumentType]
            os.replace(part, path)
        with np.load(path) as data:
            return {k: data[k] for k in data.files}


def learning_rate(options: Options, step: int, spent: float) -> float:
    """Short warm-up, plateau, then down to a hundredth over the last `decay` of the budget."""
    warm = min(1.0, (step + 1) / options.warmup)
    left = min(1.0, max(0.0, 1 - spent) / options.decay)
    return options.rate * warm * (0.01 + 0.99 * left)


def make_optimizer(model: FaceNetwork, options: Options) -> Joined:
    """AdamW, or Muon and AdamW; norms, biases and queries without decay."""
    plain = [p for p in model.parameters() if p.ndim < 2 or p is model.points.query]
    inner = {"adamw": list, "muon": lambda: inner_weights(model)}[options.optimizer]()
    return muon_and_adam(model, inner, plain, options.rate, options.weight_decay)


def inner_weights(model: FaceNetwork) -> list[torch.nn.Parameter]:
    """Matrices and convolutions that neither see the picture nor give the answers."""
    rooms = (model.stem4, model.stem8, model.stem16, model.blocks, model.decoder)
    heads = (model.points.context, model.points.hidden, model.scalars.hidden)
    return [p for room in (*rooms, *heads) for p in room.parameters() if p.ndim >= 2]


def find_template(generator: str) -> Template:
    """The product's template, or the generator's own (the stand-in has one)."""
    module = importlib.import_module(generator)
    own = getattr(module, "standin_template", None)
    return own() if own else load_template()


def parse(arguments: list[str] | None = None) -> Options:
    """Command line -> options; every field is a flag."""
    parser = argparse.ArgumentParser(description=__doc__)
    defaults = Options(run=Path("training/work/run"))
    for name, value in vars(defaults).items():
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            parser.add_argument(flag, action="store_true")
        else:
            kind = Path if isinstance(value, Path) else type(value)
            parser.add_argument(flag, type=kind, default=value, choices=CHOICES.get(name))
    parser.add_argument("--hours", type=float, default=0.0, help="budget in hours instead of minutes")
    given = vars(parser.parse_args(arguments))
    hours = given.pop("hours")
    options = Options(**given)
    return replace(options, minutes=60 * hours) if hours else options


if __name__ == "__main__":
    Trainer(parse()).train()
