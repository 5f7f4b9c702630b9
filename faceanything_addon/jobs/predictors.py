"""Which network looks at a clip, and how: from the user's options to a follower."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..footage import Footage
from ..model.prediction import Predictor

EMBEDDED, FULL = "embedded", "full"
PREDICTORS = (EMBEDDED, FULL)
ONE_BY_ONE, JOINT = "one-by-one", "joint"
MODES = (JOINT, ONE_BY_ONE)
MOST_FRAMES = 32  # of a window that is chosen here: time grows with the square, and a second of film tells enough


@dataclass(frozen=True)
class FullOptions:
    """How the full-size network is to run; "auto" and None leave it to the machine."""

    checkpoint: str
    device: str = "auto"
    mode: str = JOINT
    window: int | None = None  # frames a call, in joint mode


@dataclass(frozen=True)
class FullPlan:
    """How it does run. All that its result depends on."""

    checkpoint: Path
    mark: str  # tells one file of weights from another
    device: str
    mode: str
    window: int

    def settings(self) -> dict[str, Any]:
        """For the take's header."""
        return {"checkpoint": self.mark, "device": self.device, "mode": self.mode, "window": self.window}

    def text(self) -> str:
        """A line for the user."""
        how = "one by one" if self.mode == ONE_BY_ONE else f"together in windows of {self.window}"
        return f"full-size network on {self.device}, frames {how}"


def plan_full(options: FullOptions, footage: Footage, before: dict[str, Any] | None = None) -> FullPlan:
    """Check everything that can be checked before the work, and choose what was left open.

    Args:
        before: the settings of the take that is resumed; what the options leave open is taken from it.

    Raises:
        UserError: PyTorch, the weights or the device are not there, an option makes no sense, or memory is short.
    """
    from ..model.full import require

    if options.mode not in MODES:
        raise UserError(f"--mode {options.mode}: is not known; give {' or '.join(MODES)}")
    if options.window is not None and options.window < 2:
        raise UserError(f"--window {options.window}: give 2 frames or more, or --mode {ONE_BY_ONE}")
    if not options.checkpoint:
        raise UserError("the full-size network needs its weights; name the file with --checkpoint FILE.safetensors")
    require("torch")
    from ..model.full.capacity import choose_device
    from ..model.full.weights import inspect_weights

    before = before or {}
    path = Path(options.checkpoint).expanduser().absolute()
    weights = inspect_weights(path)
    device = choose_device(before.get("device", "auto") if options.device == "auto" else options.device)
    window = 1
    if options.mode == JOINT:
        window = options.window or before.get("window") or _window_for(weights, device, footage)
    return FullPlan(path, weights.mark, device, options.mode, window)


def _window_for(weights: Any, device: str, footage: Footage) -> int:
    """Frames a window that the free memory is enough for."""
    from ..model.full.capacity import free_bytes, views_that_fit
    from ..model.full.preprocess import plan_fit

    free = free_bytes(device)
    if free is None:
        raise UserError(f"--device {device}: its free memory cannot be told; give --window, such as --window 8")
    product = 4 if device == "cpu" else weights.product_bytes
    width, height = plan_fit(footage.width, footage.height).final
    held = weights.bytes * product // weights.product_bytes
    fits = views_that_fit(weights.config, height, width, product, free - held)
    if fits < 2:
        raise UserError(
            f"--device {device}: {free / 1e9:.1f} GB of memory are free, too little for two frames at a time beside "
            f"{held / 1e9:.1f} GB of weights; free some, or use --mode {ONE_BY_ONE}"
        )
    return min(fits, MOST_FRAMES)


def open_predictor(plan: FullPlan, threads: int | None) -> Predictor:
    """The network itself; its weights are loaded at the first frame."""
    from ..model.full.predictor import FullPredictor

    return FullPredictor(plan.checkpoint, plan.device, threads)


PlanFull = Callable[[FullOptions, Footage, dict[str, Any] | None], FullPlan]
OpenPredictor = Callable[[FullPlan, int | None], Predictor]
