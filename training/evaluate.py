"""Accuracy on held-out pictures with known truth."""

# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from faceanything_addon.template import Part, Template

from .importance import REACH, nearest_skin, vertex_importance
from .network import FaceNetwork
from .replay import to_batch
from .source import Chunk

MM = 1000.0


class Judge:
    """Metrics against a template."""

    def __init__(self, template: Template, device: torch.device) -> None:
        self.template, self.device = template, device
        _, self.share = vertex_importance(template)
        outer = template.landmarks(template.vertices)[[36, 45]]
        self.eye_distance = float(np.linalg.norm(outer[0] - outer[1]))

    def score(self, model: FaceNetwork, data: Chunk, batch: int = 32) -> dict[str, float]:
        """Metrics of a model in evaluation mode over a chunk; errors in mm, points in % of the eye distance."""
        outs: list[dict[str, np.ndarray]] = []
        with torch.no_grad():
            for i in range(0, len(data["image"]), batch):
                piece = to_batch({k: v[i : i + batch] for k, v in data.items()}, self.device)
                outs.append({k: v.float().cpu().numpy() for k, v in model(piece["image"]).items()})
        out = {k: np.concatenate([o[k] for o in outs]) for k in outs[0]}
        return self._dense(out, data) | self._sparse(out, data) | self._scalars(out, data)

    def _dense(self, out: dict[str, np.ndarray], data: Chunk) -> dict[str, float]:
        """Canonical and depth errors on true face pixels, part accuracy."""
        part, truth = data["part"], data["canonical"].astype(np.float32)
        mask = part > 0
        error = np.linalg.norm(out["canonical"].transpose(0, 2, 3, 1) - truth, axis=-1)[mask] * MM
        index, distance = nearest_skin(self.template, truth[mask])
        skin = (part[mask] == Part.SKIN) & (distance < REACH)
        lid, lip = (self.share[index] > 0.5).T & skin
        eyes = np.isin(part[mask], (Part.EYE_LEFT, Part.EYE_RIGHT))
        front = truth[mask][:, 2] > -0.02
        depth = np.abs(out["depth"] - data["depth"].astype(np.float32))[mask] * MM
        guess = out["part"].argmax(1)
        return {
            "canonical_mean": mean(error),
            "canonical_median": float(np.median(error)) if len(error) else 0.0,
            "front_mean": mean(error[front]),
            "lids_mean": mean(error[lid]),
            "lips_mean": mean(error[lip]),
            "eyeballs_mean": mean(error[eyes]),
            "depth_mean": mean(depth),
            "part_accuracy": float((guess == part).mean()),
            "face_iou": float(((guess > 0) & mask).sum() / max(1, ((guess > 0) | mask).sum())),
            "eye_part_recall": mean((guess == part)[(part == Part.EYE_LEFT) | (part == Part.EYE_RIGHT)]),
        }

    def _sparse(self, out: dict[str, np.ndarray], data: Chunk) -> dict[str, float]:
        """Point errors in percent of the projected outer-eye distance."""
        face = data["face"].astype(bool)
        truth, guess = data["points"][face], out["points"][face]
        error = np.linalg.norm(guess - truth, axis=-1) / self._scale(truth)[:, None] / self.eye_distance * 100
        lid, lip = (self.share[self.template.points] > 0.5).T
        return {"points": mean(error), "points_lids": mean(error[:, lid]), "points_lips": mean(error[:, lip])}

    def _scale(self, points: np.ndarray) -> np.ndarray:
        """(B, P, 2) px -> (B,) px per metre at the head: an affine camera's size."""
        model = self.template.vertices[self.template.points].astype(np.float64)
        model = np.concatenate([model, np.ones((len(model), 1))], axis=1)
        camera = np.linalg.pinv(model) @ points  # (B, 4, 2)
        return np.linalg.norm(camera[:, :3], axis=(1, 2)) / np.sqrt(2)

    def _scalars(self, out: dict[str, np.ndarray], data: Chunk) -> dict[str, float]:
        """Face or not, correlation of telling coefficients, gaze in degrees."""
        face = data["face"].astype(bool)
        guess, truth = 1 / (1 + np.exp(-out["arkit"][face])), data["arkit"][face]
        names = self.template.expression_names
        result = {"face_accuracy": mean((out["face"] > 0) == face), "arkit_mean": mean(np.abs(guess - truth))}
        for name in ("jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthSmileLeft", "mouthPucker", "browInnerUp"):
            i = names.index(name)
            result[name] = correlation(guess[:, i], truth[:, i])
        cosine = (out["gaze"][face] * data["gaze"][face]).sum(-1).clip(-1, 1)
        return result | {"gaze_degrees": mean(np.degrees(np.arccos(cosine)))}


def mean(values: np.ndarray) -> float:
    """Mean, 0 of nothing."""
    return float(values.mean()) if values.size else 0.0


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; 0 where one is constant."""
    if len(a) < 2 or a.std() < 1e-6 or b.std() < 1e-6:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def as_floats(terms: dict[str, Tensor]) -> dict[str, float]:
    """Loss terms for the log."""
    return {k: float(v.detach()) for k, v in terms.items()}
