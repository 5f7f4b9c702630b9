"""What the second looks are taught: where their pictures come from, what is asked of them, how they are judged."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from faceanything_addon.model import closeup as eye
from faceanything_addon.model.closeup_region import BROWS, MOUTH, MOUTH_OUTPUTS, OUTPUTS, Region
from faceanything_addon.model.maps import Inside
from faceanything_addon.reconstruct.observations import point_tables
from faceanything_addon.template import Template

from .augment import swap_side
from .closeup_network import (
    EyeNetwork,
    MouthNetwork,
    NearConfig,
    NearNetwork,
    RegionNetwork,
    eye_loss,
    mouth_loss,
    region_loss,
)

WEIGHTS = Path(__file__).parent / "weights"
Batch = dict[str, Tensor]
Loss = Callable[[Batch, Batch, Tensor], tuple[Tensor, Batch]]


@dataclass(frozen=True)
class Task:
    """One kind of second look."""

    name: str
    module: str  # of the generator
    fields: tuple[str, ...]  # of its pictures
    network: type[NearNetwork]
    config: NearConfig
    outputs: tuple[str, ...]
    file: Path  # that the extension ships
    middle: Tensor  # (E, 2) pixels of the mean face, seen from the front
    gaps: Tensor  # (G, 2) rows of points above and below the opening
    loss: Loss
    millimetre: float  # millimetres a pixel
    swap: tuple[Tensor, Tensor] | None = None  # points and coefficients that change places in a mirror

    @property
    def weights(self) -> Path:
        """Weights to train on from."""
        return WEIGHTS / f"{self.name}.pt"

    def mirrored(self, batch: Batch) -> Batch:
        """The same in a mirror, where that is another picture of the same kind."""
        if self.swap is None:
            return batch
        points = batch["points"][:, self.swap[0]]
        points = torch.stack([self.config.width - 1 - points[..., 0], points[..., 1]], dim=-1)
        mirrored = {"image": batch["image"].flip(-1), "points": points, "arkit": batch["arkit"][:, self.swap[1]]}
        return mirrored | {name: batch[name].flip(-1) for name in ("inside",) if name in batch}

    def score(self, out: Batch, batch: Batch) -> dict[str, float]:
        """Errors on held-out pictures."""
        off = out["points"] - batch["points"]
        scores = {
            "points_mm": float(off.norm(dim=-1).mean()) * self.millimetre,
            "points_median_mm": float(off.norm(dim=-1).median()) * self.millimetre,
        }
        if len(self.gaps):
            apart = (off[:, self.gaps[:, 0], 1] - off[:, self.gaps[:, 1], 1]).abs()
            scores["gap_mm"] = float(apart.mean()) * self.millimetre
        if "inside" in out:
            scores |= inside_scores(out["inside"], batch["inside"])
        return scores | (gaze_scores(out, batch) if "gaze" in out else coefficient_scores(out, batch))


def gaze_scores(out: Batch, batch: Batch) -> dict[str, float]:
    """Degrees; of the surer and the less sure half of the pictures too."""
    angle = torch.rad2deg(torch.arccos((out["gaze"] * batch["gaze"]).sum(-1).clamp(-1, 1)))
    sure = out["gaze_log_sigma"] < out["gaze_log_sigma"].median()
    return {
        "gaze_mean": float(angle.mean()),
        "gaze_median": float(angle.median()),
        "gaze_sure": float(angle[sure].mean()),
        "gaze_unsure": float(angle[~sure].mean()),
    }


def inside_scores(shares: Tensor, truth: Tensor) -> dict[str, float]:
    """Intersection over union, over all pictures: of each kind, and of all that is between the lips."""
    guess = shares.argmax(dim=1)
    pairs = {
        kind.name.lower(): (guess == kind, truth == kind)
        for kind in (Inside.UPPER_TEETH, Inside.LOWER_TEETH, Inside.BEHIND)
    }
    pairs["inside"] = guess != Inside.OTHER, truth != Inside.OTHER
    return {name: float((a & b).sum() / (a | b).sum()) for name, (a, b) in pairs.items()}


def coefficient_scores(out: Batch, batch: Batch) -> dict[str, float]:
    """Mean absolute error, and the mean and least correlation over the coefficients."""
    guess, truth = out["coefficients"].cpu().numpy(), batch["arkit"].cpu().numpy()
    with np.errstate(invalid="ignore"):
        r = [np.corrcoef(a, b)[0, 1] for a, b in zip(guess.T, truth.T, strict=True)]
    return {"arkit": float(np.abs(guess - truth).mean()), "r_mean": float(np.nanmean(r)), "r_min": float(np.nanmin(r))}


def front_view(template: Template, rows: np.ndarray, side: float, width: int, height: int) -> Tensor:
    """(E, 2) pixels of the mean face's points, seen from the front, their mean in the picture's middle."""
    place = template.vertices[template.points[rows]][:, :2] * (1, -1)
    return torch.from_numpy((place - place.mean(axis=0)) / side * width + (width / 2 - 0.5, height / 2 - 0.5)).float()


def gap_rows(template: Template, rows: np.ndarray, opening: int) -> Tensor:
    """(G, 2) rows of the points above and below an opening of `observations.PointTables`."""
    tables, own = point_tables(template), list(rows)
    chosen = tables.gaps[tables.opening == opening]
    return torch.tensor([[own.index(int(a)), own.index(int(b))] for a, b in chosen])


def eye_task(template: Template) -> Task:
    """Left eyes; right ones in a mirror."""
    rows = eye.EyePoints.of(template).rows[0]
    return Task(
        name="eyes",
        module="training.generator.closeup",
        fields=("image", "points", "gaze"),
        network=EyeNetwork,
        config=NearConfig(points=len(rows)),
        outputs=eye.OUTPUTS,
        file=eye.EYES_FILE,
        middle=front_view(template, rows, eye.SIDE, eye.WIDTH, eye.HEIGHT),
        gaps=gap_rows(template, rows, 1),
        loss=eye_loss,
        millimetre=1000 * eye.SIDE / eye.WIDTH,
    )


def region_task(region: Region, gaps: bool, template: Template) -> Task:
    """Regions that are their own mirror image: half of the pictures in a mirror."""
    rows, names = region.rows(template), template.expression_names
    chosen = region.coefficients(names)
    own = [names[i] for i in chosen]
    return Task(
        name=region.name,
        module=f"training.generator.closeup_{region.name}",
        fields=("image", "points", "arkit"),
        network=RegionNetwork,
        config=NearConfig(points=len(rows), extra=len(chosen), width=region.width, height=region.height),
        outputs=OUTPUTS,
        file=region.file,
        middle=front_view(template, rows, region.side, region.width, region.height),
        gaps=gap_rows(template, rows, 2) if gaps else torch.zeros((0, 2), dtype=torch.long),
        loss=region_loss,
        millimetre=1000 * region.side / region.width,
        swap=(mirror_rows(template, rows), torch.tensor([own.index(swap_side(n)) for n in own])),
    )


def mouth_task(template: Template) -> Task:
    """Mouths, with the gap between the lips and what shows in it."""
    task = region_task(MOUTH, True, template)
    fields, outputs = (*task.fields, "inside"), MOUTH_OUTPUTS
    return replace(task, fields=fields, network=MouthNetwork, outputs=outputs, loss=mouth_loss)


def brows_task(template: Template) -> Task:
    """Brows, lids and what lies around them."""
    return region_task(BROWS, False, template)


def mirror_rows(template: Template, rows: np.ndarray) -> Tensor:
    """(M,) row of each point's mirror image."""
    places = template.vertices[template.points[rows]]
    return torch.from_numpy(np.linalg.norm((places * (-1, 1, 1))[:, None] - places, axis=2).argmin(axis=1))


TASKS = {"eyes": eye_task, "mouth": mouth_task, "brows": brows_task}
